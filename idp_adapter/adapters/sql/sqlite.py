"""SQLite: the embedded default. WAL, one writing connection with group commit, a handful of reading connections.

Open it in the process that uses it, after any fork. `MemorySqlite` is for tests: one connection, one caller at a time.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from idp_adapter.adapters.sql.codec import Row
from idp_adapter.adapters.sql.database import Execute, Parameters, unavailable
from idp_adapter.adapters.sql.group_commit import GroupCommit, begin, translated

T = TypeVar("T")

_CLOSING_S: Final = 10.0


class Sqlite:
    """A file. Reads never wait for writes; writes are durable in their caller's budget or fail.

    A file that was removed or replaced is no database any more: what open connections wrote to it would be lost.
    """

    def __init__(self, path: str, *, budget_s: float, slow_budget_s: float) -> None:
        self._path = path
        self._budget_s = budget_s
        self._slow_budget_s = slow_budget_s
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        self._file = self._found()
        self._writer = GroupCommit(self._connect_writer)

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Rows of one statement, of the last commit."""
        if self._closed:
            raise unavailable("the store is closed")
        self._must_be_there()
        connection: sqlite3.Connection | None = None
        try:
            connection = self._idle_reader() or self._connect_reader()
            rows = connection.execute(statement, parameters).fetchall()
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            if connection is not None:
                connection.close()
            raise translated(error) from None
        self._idle.append(connection)
        return rows

    def write(self, statement: str, parameters: Parameters) -> int:
        """One statement in the next group commit."""

        def job(execute: Execute) -> int:
            return execute(statement, parameters).rowcount

        self._must_be_there()
        return self._writer.submit(job, budget_s=self._budget_s, single=True)

    def transact(self, job: Callable[[Execute], T], *, slow: bool = False) -> T:
        """A job in the next group commit."""
        self._must_be_there()
        return self._writer.submit(job, budget_s=self._slow_budget_s if slow else self._budget_s, slow=slow)

    def close(self) -> None:
        """Commit what is waiting and close every connection."""
        self._closed = True
        self._writer.close(budget_s=_CLOSING_S)
        while self._idle:
            self._idle.pop().close()

    def _must_be_there(self) -> None:
        """Raises `Unavailable` where the path no longer leads to the file that was opened."""
        if (found := self._found()) != self._file:
            raise unavailable(
                f"the database file was {'replaced' if found else 'removed'}",
                hint="put it back, or restart the service, which opens what is there or makes a new one",
            )

    def _found(self) -> tuple[int, int] | None:
        """What makes the file at the path this file."""
        try:
            found = Path(self._path).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _idle_reader(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect_reader(self) -> sqlite3.Connection:
        connection = connect(self._path, budget_s=self._budget_s)
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = connect(self._path, budget_s=self._budget_s)  # other processes may be recovering the log
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")  # an erased data key leaves no bytes behind in the file
        connection.execute("PRAGMA busy_timeout=0")  # from here on `begin` waits
        return connection


class MemorySqlite:
    """A database that ends with the process."""

    def __init__(self, connection: sqlite3.Connection, *, budget_s: float) -> None:
        self._connection = connection
        self._budget_s = budget_s
        self._lock = threading.Lock()
        self._closed = False

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Rows of one statement."""
        return self._alone(lambda: self._connection.execute(statement, parameters).fetchall())

    def write(self, statement: str, parameters: Parameters) -> int:
        """One statement."""
        return self._alone(lambda: self._connection.execute(statement, parameters).rowcount)

    def transact(self, job: Callable[[Execute], T], *, slow: bool = False) -> T:
        """A job in a transaction."""
        return self._alone(lambda: self._transact(job))

    def close(self) -> None:
        """Forget everything."""
        if not self._closed:
            self._closed = True
            self._connection.close()

    def _transact(self, job: Callable[[Execute], T]) -> T:
        begin(self._connection, time.monotonic() + self._budget_s)
        try:
            result = job(self._connection.execute)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result

    def _alone(self, action: Callable[[], T]) -> T:
        if self._closed:
            raise unavailable("the store is closed")
        if not self._lock.acquire(timeout=self._budget_s):
            raise unavailable(f"no turn in {self._budget_s:g} s")
        try:
            return action()
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise translated(error) from None
        finally:
            self._lock.release()


def connect(path: str, *, budget_s: float, uri: bool = False) -> sqlite3.Connection:
    """A connection that leaves transactions to us and may move between threads, one at a time.

    Text that is none, as no writer of ours makes it, has its bad bytes marked: the driver's own way fails the whole
    answer and quotes the text.
    """
    connection = sqlite3.connect(path, timeout=budget_s, isolation_level=None, check_same_thread=False, uri=uri)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection
