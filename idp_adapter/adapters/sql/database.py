"""What the store needs of a database: reads of one round trip, and durable writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from idp_adapter.adapters.sql.codec import Bound, Row
from idp_adapter.errors import Unavailable

T = TypeVar("T")
Parameters: TypeAlias = Mapping[str, Bound]


class Answer(Protocol):
    """A driver's cursor after a statement."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        ...

    def fetchall(self) -> list[Any]:
        """Rows that it found."""
        ...


Execute: TypeAlias = Callable[[str, Parameters], Answer]


class Database(Protocol):
    """One of the two. Raises `Unavailable` when it does not answer in the budget given to it at start.

    A commit of SQLite that has begun is waited for until the disk has it, or refuses it.

    A job may run more than once, each time in a fresh transaction, so it does nothing but execute statements.
    """

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Rows of one statement, in one round trip."""
        ...

    def write(self, statement: str, parameters: Parameters) -> int:
        """Run one statement, in one round trip where the database has one; durable on return. Rows changed."""
        ...

    def transact(self, job: Callable[[Execute], T], *, slow: bool = False) -> T:
        """Run a job in one transaction; durable on return. `slow` gives it the budget of maintenance."""
        ...

    def close(self) -> None:
        """Finish pending writes and let go of connections."""
        ...


def unavailable(what: str, *, hint: str = "") -> Unavailable:
    """The database's own `Unavailable`. `what` never holds a value of a row."""
    return Unavailable("database", what, hint=hint)
