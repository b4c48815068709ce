"""Group commit for SQLite: of the callers that wait, one commits for all, and one fsync serves them.

Rules:
- A write's caller returns only after the commit that holds it has reached the disk (`synchronous=FULL`).
- Writes that arrive while one commit is under way share the next, which the first of them leads. A lone write waits for
  nobody, and for no other thread to wake up.
- A write that fails leaves its batch neighbours alone: a savepoint undoes it; where SQLite undid the whole transaction,
  or the commit itself failed, each is tried again by itself.
- The queue is bounded, and nobody waits in it past the budget. Who leads waits for the lock no longer than its own
  budget, and leaves the line to the next where there is none to be had; from then on it stays until the disk has the
  commit. A write whose caller gave up before it began is dropped; one under way may still be committed, so every write
  is idempotent.
- Maintenance leads a commit of its own, so that no decision has to carry it out.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from idp_adapter.adapters.sql.database import Execute, unavailable
from idp_adapter.errors import AdapterError, RequestInvalid

T = TypeVar("T")

MOST_WAITING: Final = 1024
MOST_IN_BATCH: Final = 128
_RETRY_S: Final = 0.0002  # between tries for the write lock while another process holds it


class _Write(Generic[T]):
    """One caller's job, and the lock that wakes the caller: it is settled then, or its caller leads."""

    __slots__ = ("called", "deadline", "error", "gave_up", "job", "leads", "result", "single", "slow")

    def __init__(self, job: Callable[[Execute], T], deadline: float, *, single: bool, slow: bool = False) -> None:
        self.job = job
        self.deadline = deadline
        self.single = single  # one statement, which SQLite undoes by itself
        self.slow = slow
        self.leads = False
        self.gave_up = False
        self.called = threading.Lock()
        self.called.acquire()
        self.result: T | None = None
        self.error: Exception | None = None


class GroupCommit:
    """Owns the only writing connection of this process; whoever leads uses it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._waiting: deque[_Write[Any]] = deque()
        self._is_led = False
        self._closed = False
        self._changed = threading.Condition(threading.Lock())  # around the three above

    def submit(self, job: Callable[[Execute], T], *, budget_s: float, single: bool = False, slow: bool = False) -> T:
        """Run a job in a committed transaction and return its result. Raises what it raised, or `Unavailable`."""
        write = _Write(job, time.monotonic() + budget_s, single=single, slow=slow)
        if self._queued(write) and not write.called.acquire(timeout=budget_s) and not self._withdrawn(write):
            raise unavailable(f"no commit in {budget_s:g} s", hint="see whether another process locks the database")
        if write.leads:
            self._lead(write)
        if write.error is not None:
            raise write.error
        return cast("T", write.result)

    def close(self, *, budget_s: float) -> None:
        """Wait for what is being written, and close the connection."""
        with self._changed:
            self._closed = True
            if self._changed.wait_for(lambda: not self._is_led, budget_s):
                self._disconnect()

    def _queued(self, write: _Write[Any]) -> bool:
        """Whether a write waits for others; else it leads at once."""
        with self._changed:
            if self._closed:
                raise unavailable("the store is closed")
            if len(self._waiting) >= MOST_WAITING:
                raise unavailable(f"{MOST_WAITING} writes are waiting", hint="the disk is too slow for this load")
            if self._is_led:
                self._waiting.append(write)
            else:
                self._is_led = write.leads = True
            return not write.leads

    def _withdrawn(self, write: _Write[Any]) -> bool:
        """Take back a write that waited too long. True where it was made leader meanwhile, and must lead."""
        with self._changed:
            write.gave_up = True
            if write in self._waiting:
                self._waiting.remove(write)
            return write.leads

    def _lead(self, write: _Write[Any]) -> None:
        """Commit a write with those that wait behind it; the first of those that came meanwhile leads next."""
        batch = [write]
        with self._changed:
            while self._waiting and len(batch) < MOST_IN_BATCH and not (batch[-1].slow or self._waiting[0].slow):
                batch.append(self._waiting.popleft())
        try:
            self._commit(batch)
        except BaseException:  # this thread was interrupted: what others wait for is not known to be stored
            for other in batch:
                other.error = unavailable("the commit was interrupted")
            self._disconnect()
            raise
        finally:
            with self._changed:
                following = self._waiting.popleft() if self._waiting else None
                if following is None:
                    self._is_led = False
                    self._changed.notify_all()
                else:
                    following.leads = True
                    following.called.release()
            for other in batch[1:]:
                other.called.release()

    def _commit(self, batch: list[_Write[Any]]) -> None:
        """Settle each write of a batch: a result or an error. Those for which there is time yet wait again."""
        try:
            self._transaction(batch)
        except Exception as error:  # the next leader gets a connection that has met nothing
            self._disconnect()
            if is_busy(error):
                self._requeue(batch)
            if len(batch) > 1:
                for write in batch:
                    self._commit([write])
            else:
                batch[0].error = translated(error)

    def _requeue(self, batch: list[_Write[Any]]) -> None:
        """Put all but the first of a batch back in the line, before those that came meanwhile."""
        with self._changed:
            self._waiting.extendleft(write for write in reversed(batch[1:]) if not write.gave_up)
        del batch[1:]

    def _transaction(self, batch: list[_Write[Any]]) -> None:
        now = time.monotonic()
        waited_for = [write for write in batch if now < write.deadline]
        for write in batch:
            if now >= write.deadline:  # its caller may still be about to wake: it must not take this for a commit
                write.error = unavailable("the write's turn came after its budget")
        if not waited_for:
            return
        connection = self._connection = self._connection or self._connect()
        begin(connection, batch[0].deadline)
        for write in waited_for:
            self._run_one(connection, write)
        connection.execute("COMMIT")

    def _run_one(self, connection: sqlite3.Connection, write: _Write[Any]) -> None:
        write.error = None
        try:
            if write.single:
                write.result = write.job(connection.execute)
            else:
                connection.execute("SAVEPOINT one")
                write.result = write.job(connection.execute)
                connection.execute("RELEASE one")
        except Exception as error:  # travels to its caller
            write.error = translated(error)
            if not connection.in_transaction:
                raise _Undone(str(error)) from error
            if not write.single:
                connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


class _Undone(Exception):
    """SQLite rolled the whole transaction back because of one write."""


def begin(connection: sqlite3.Connection, deadline: float) -> None:
    """Take the write lock before the deadline.

    SQLite's own busy handler sleeps up to 100 ms between tries: the tail of processes that share a file.
    """
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: Exception) -> Exception:
    """A driver's error as ours; messages of SQLite name columns and files, never values."""
    if isinstance(error, AdapterError):
        return error
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | UnicodeEncodeError | OverflowError):
        return RequestInvalid("a value can't be stored")
    if isinstance(error, _Undone):
        return unavailable("the transaction was undone")
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return unavailable(f"SQLite answered {name}: {error}")
    return error
