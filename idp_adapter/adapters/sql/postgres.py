"""PostgreSQL at scale: psycopg 3, a pool, prepared statements, autocommit where one statement is the whole transaction.

The budget holds on three sides: waiting for a connection (the pool's timeout), a slow statement (`statement_timeout`),
and a server that has gone silent (a deadline while waiting on the socket). A connection that turns out to be dead, as
after a restart of the server, is replaced inside the budget: reads and writes here are idempotent, so a second try is
harmless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader
from psycopg.waiting import Ready, Wait
from psycopg_pool import ConnectionPool

from idp_adapter.adapters.sql.codec import Row
from idp_adapter.adapters.sql.database import Answer, Execute, Parameters, unavailable
from idp_adapter.errors import AdapterError, RequestInvalid, Unavailable

T = TypeVar("T")

_CLOSING_S: Final = 5.0
_WAITING_PER_CONNECTION: Final = 8
_RECONNECTING_S: Final = 2.0  # the pool doubles its pauses between tries; given up, the next caller begins anew
_CHECK_S: Final = 0.02  # how often a wait on the socket looks at its deadline


class _Silent(psycopg.OperationalError):
    """The server did not answer before the deadline."""


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose waits end at `deadline`, by the monotonic clock."""

    deadline: float = float("inf")

    def wait(self, gen: Generator[Wait, Ready | int, T], interval: float = _CHECK_S, timeout: float | None = None) -> T:
        """Wait for the server, not past the deadline."""
        return super().wait(self._until_deadline(gen), min(interval, _CHECK_S), timeout)

    def _until_deadline(self, gen: Generator[Wait, Ready | int, T]) -> Generator[Wait, Ready | int, T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > self.deadline:
                    raise _Silent("no answer before the deadline")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: T = end.value
            return value


class Postgres:
    """A pool of connections in autocommit."""

    def __init__(self, conninfo: str, *, budget_s: float, slow_budget_s: float, most_connections: int) -> None:
        own_options = conninfo_to_dict(conninfo).get("options") or ""
        self._budget_s = budget_s
        self._slow_budget_s = slow_budget_s
        self._pool: ConnectionPool[DeadlineConnection] = ConnectionPool(
            conninfo,
            connection_class=DeadlineConnection,
            kwargs={
                "autocommit": True,
                "connect_timeout": 2,
                "options": f"{own_options} -c statement_timeout={_ms(budget_s)}".strip(),
                "application_name": "idp-adapter",
            },
            min_size=1,
            max_size=most_connections,
            max_waiting=most_connections * _WAITING_PER_CONNECTION,
            timeout=budget_s,
            reconnect_timeout=_RECONNECTING_S,
            name="idp-adapter",
            configure=_with_documents_as_text,
            open=False,
        )
        self._pool.open(wait=False)

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Rows of one prepared statement: one round trip."""
        return self._with_connection(
            lambda connection: connection.execute(statement, parameters, prepare=True).fetchall(), self._budget_s
        )

    def write(self, statement: str, parameters: Parameters) -> int:
        """One prepared statement, which is its own transaction: one round trip, durable when it is answered."""
        return self._with_connection(
            lambda connection: connection.execute(statement, parameters, prepare=True).rowcount, self._budget_s
        )

    def transact(self, job: Callable[[Execute], T], *, slow: bool = False) -> T:
        """A job in one transaction."""
        budget_s = self._slow_budget_s if slow else self._budget_s

        def run(connection: DeadlineConnection) -> T:
            def execute(statement: str, parameters: Parameters) -> Answer:
                return connection.execute(statement, parameters, prepare=True)

            with connection.transaction():
                if slow:
                    connection.execute(f"SET LOCAL statement_timeout = {_ms(budget_s)}")
                return job(execute)

        return self._with_connection(run, budget_s)

    def close(self) -> None:
        """Close the pool."""
        self._pool.close(timeout=_CLOSING_S)

    def _with_connection(self, action: Callable[[DeadlineConnection], T], budget_s: float) -> T:
        deadline = time.monotonic() + budget_s
        while True:
            try:
                connection = self._pool.getconn(timeout=max(0.001, deadline - time.monotonic()))
            except psycopg.Error as error:
                raise translated(error) from None
            try:
                connection.deadline = deadline
                return action(connection)
            except (psycopg.Error, UnicodeEncodeError) as error:
                if isinstance(error, _Silent):
                    connection.close()
                if not (connection.broken and time.monotonic() < deadline):
                    raise translated(error) from None
            finally:
                connection.deadline = float("inf")
                self._pool.putconn(connection)


def _with_documents_as_text(connection: DeadlineConnection) -> None:
    """As SQLite gives them, for the codec to read: the driver's parser would fail the whole answer for one bad row."""
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def translated(error: Exception) -> AdapterError:
    """A driver's error as ours, by SQLSTATE: the server's own text may quote values of a row."""
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError | UnicodeEncodeError):
        return RequestInvalid("a value can't be stored")
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return unavailable(f"PostgreSQL answered {error.sqlstate} {type(error).__name__}")
    return _unreachable(error)


def _unreachable(error: Exception) -> Unavailable:
    return unavailable(
        f"PostgreSQL did not answer: {type(error).__name__}", hint="see that it runs and is reachable at the set URL"
    )
