"""The hot path's cost, counted: `load` is one statement in one round trip, `record` one insert in one commit."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from idp_adapter.adapters.sql import group_commit, sqlite
from idp_adapter.adapters.sql.database import Execute
from idp_adapter.adapters.sql.group_commit import GroupCommit, _Write
from idp_adapter.errors import Unavailable
from tests.adapters.test_store_conformance import full_lesson
from tests.support.records import NOW, query, record

PATIENCE_S = 5.0


@pytest.fixture
def statements(monkeypatch) -> list[str]:
    """Every statement that any SQLite connection runs."""
    seen: list[str] = []
    plain = sqlite.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = plain(*arguments, **options)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr(sqlite, "connect", traced)
    return seen


@pytest.fixture
def traced_store(statements, opened, tmp_path):
    store = opened(f"sqlite:///{tmp_path / 'risk.db'}")
    store.load(query())
    store.record(record("warm-up"))
    statements.clear()
    return store


def test_a_load_from_sqlite_is_one_statement(traced_store, statements):
    traced_store.teach(full_lesson())
    statements.clear()
    assert traced_store.load(query()).devices
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


def test_a_record_in_sqlite_is_one_insert_in_one_commit(traced_store, statements):
    traced_store.record(record())
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "INSERT", "COMMIT"]


def test_the_writing_connection_of_sqlite_syncs_each_commit(traced_store):
    found = traced_store._database.transact(lambda execute: execute("PRAGMA synchronous", {}).fetchall())
    assert found == [(2,)]  # FULL


def test_writes_that_arrive_together_share_a_commit(traced_store, statements):
    with ThreadPoolExecutor(16) as callers:
        list(callers.map(lambda i: traced_store.record(record(f"decision-{i}")), range(320)))
    kinds = [statement.split()[0] for statement in statements]
    assert kinds.count("INSERT") == 320
    assert kinds.count("COMMIT") < 320


class Refusing(sqlite3.Connection):
    """Refuses commits as a full disk would."""

    refuses: ClassVar[Callable[[], bool]] = staticmethod(lambda: False)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement == "COMMIT" and self.refuses():
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(statement, *parameters)


@pytest.fixture
def plain_table(tmp_path) -> Path:
    path = tmp_path / "plain.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE plain (n INTEGER)")
    return path


@pytest.fixture
def writer(plain_table) -> Iterator[GroupCommit]:
    writer = GroupCommit(
        lambda: sqlite3.connect(plain_table, timeout=0, isolation_level=None, check_same_thread=False, factory=Refusing)
    )
    yield writer
    writer.close(budget_s=PATIENCE_S)


def insert(n: int, begun: threading.Event | None = None, go_on: threading.Event | None = None) -> Callable[..., int]:
    def job(execute: Execute) -> int:
        if begun and go_on:
            begun.set()
            go_on.wait(PATIENCE_S)
        return execute("INSERT INTO plain VALUES (:n)", {"n": n}).rowcount

    return job


def stored(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM plain ORDER BY n")]


def queued(writer: GroupCommit, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(writer._waiting) < count and time.monotonic() < deadline:
        time.sleep(0.001)


def test_where_a_commit_of_many_fails_each_is_tried_by_itself(writer, plain_table, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(8) as callers:
        answers = [callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)]
        begun.wait(PATIENCE_S)
        answers += [callers.submit(writer.submit, insert(n), budget_s=PATIENCE_S) for n in range(1, 8)]
        queued(writer, 7)
        refusals = iter([False, True, False, True])  # the first goes through, the seven do not, nor does one by itself
        monkeypatch.setattr(Refusing, "refuses", staticmethod(lambda: next(refusals, False)))
        go_on.set()
        results = [answer.exception() or answer.result() for answer in answers]
    assert [type(result) for result in results].count(Unavailable) == 1
    assert results.count(1) == 7
    assert stored(plain_table) == [n for n, result in enumerate(results) if result == 1]


def test_a_write_whose_turn_comes_too_late_is_not_written_and_its_caller_knows(writer, plain_table):
    begun, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)
        begun.wait(PATIENCE_S)
        late = callers.submit(writer.submit, insert(1), budget_s=0.05)
        assert isinstance(late.exception(), Unavailable)
        go_on.set()
        assert first.result() == 1
    writer.submit(insert(2), budget_s=PATIENCE_S)
    assert stored(plain_table) == [0, 2]


def test_a_write_past_its_deadline_ends_in_an_error_even_when_its_caller_still_waits(writer, plain_table):
    """The caller's own timeout and the writer's look at the clock are two moments: between them lies no success."""
    late = _Write(insert(1), time.monotonic() - 0.001, single=True)
    on_time = _Write(insert(2), time.monotonic() + PATIENCE_S, single=True)
    writer._commit([late, on_time])
    writer._disconnect()
    assert isinstance(late.error, Unavailable)
    assert (on_time.error, on_time.result) == (None, 1)
    assert stored(plain_table) == [2]


def test_who_leads_waits_for_the_lock_no_longer_than_its_own_budget(writer, plain_table):
    def submitted(n: int, after_s: float) -> tuple[object, float]:
        time.sleep(after_s)
        begun = time.monotonic()
        try:
            result = writer.submit(insert(n), budget_s=0.4)
        except Unavailable as error:
            result = error
        return result, time.monotonic() - begun

    with closing(sqlite3.connect(plain_table, isolation_level=None)) as other, ThreadPoolExecutor(4) as callers:
        other.execute("BEGIN IMMEDIATE")
        answers = [callers.submit(submitted, n, after_s) for n, after_s in enumerate((0, 0.02, 0.3, 0.3))]
        time.sleep(0.55)
        other.execute("COMMIT")
        ended = [answer.result() for answer in answers]
    assert [type(result) for result, _ in ended] == [Unavailable, Unavailable, int, int]
    assert all(took_s < 0.5 for _, took_s in ended)
    assert stored(plain_table) == [2, 3]
    assert (list(writer._waiting), writer._is_led) == ([], False)


def test_who_gave_up_while_the_lock_was_waited_for_is_not_called_to_lead(writer, plain_table, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    plain = group_commit.begin

    def begin(connection: sqlite3.Connection, deadline: float) -> None:
        if not go_on.is_set():
            begun.set()
            go_on.wait(PATIENCE_S)
            raise busy
        plain(connection, deadline)

    first = _Write(insert(0), time.monotonic() + PATIENCE_S, single=True)
    gone, stays = (_Write(insert(n), time.monotonic() + PATIENCE_S, single=True) for n in (1, 2))
    monkeypatch.setattr(group_commit, "begin", begin)
    batch = [first, gone, stays]
    with ThreadPoolExecutor(1) as leader:
        led = leader.submit(writer._commit, batch)
        begun.wait(PATIENCE_S)
        assert not writer._withdrawn(gone)
        go_on.set()
        led.result()
    assert (batch, list(writer._waiting)) == ([first], [stays])
    assert isinstance(first.error, Unavailable)
    writer._waiting.clear()


def test_a_queue_that_is_full_refuses_at_once(writer, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(group_commit, "MOST_WAITING", 1)
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)
        begun.wait(PATIENCE_S)
        second = callers.submit(writer.submit, insert(1), budget_s=PATIENCE_S)
        queued(writer, 1)
        with pytest.raises(Unavailable, match="waiting"):
            writer.submit(insert(2), budget_s=PATIENCE_S)
        go_on.set()
        assert (first.result(), second.result()) == (1, 1)


def test_maintenance_shares_no_commit_with_a_decision(writer, plain_table, monkeypatch):
    begun, go_on, batches = threading.Event(), threading.Event(), []
    plain = writer._commit
    monkeypatch.setattr(writer, "_commit", lambda batch: (batches.append(len(batch)), plain(batch)))
    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)]
        begun.wait(PATIENCE_S)
        for n, slow in ((1, False), (2, True), (3, False)):
            answers.append(callers.submit(writer.submit, insert(n), budget_s=PATIENCE_S, slow=slow))
            queued(writer, n)
        go_on.set()
        assert [answer.result() for answer in answers] == [1, 1, 1, 1]
    assert batches == [1, 1, 1, 1]
    assert stored(plain_table) == [0, 1, 2, 3]


def test_a_leader_that_is_interrupted_tells_nobody_that_their_write_is_stored(writer, plain_table):
    begun, go_on = threading.Event(), threading.Event()

    def interrupted(execute: Execute) -> int:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(4) as callers:
        first = callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)
        begun.wait(PATIENCE_S)
        answers = []
        for n, job in enumerate((insert(1), interrupted, insert(2)), start=1):
            answers.append(callers.submit(writer.submit, job, budget_s=PATIENCE_S))
            queued(writer, n)
        go_on.set()
        assert first.result() == 1
        kinds = [type(answer.exception()) for answer in answers]
    assert kinds == [KeyboardInterrupt, Unavailable, Unavailable]
    assert writer.submit(insert(3), budget_s=PATIENCE_S) == 1
    assert stored(plain_table) == [0, 3]


def test_callers_that_give_up_leave_the_line_to_the_others(writer, plain_table):
    def submitted(n: int) -> int:
        try:
            return writer.submit(insert(n), budget_s=0.0001 * (n % 20))
        except Unavailable:
            return 0

    with ThreadPoolExecutor(16) as callers:
        done = list(callers.map(submitted, range(1, 601)))
    assert writer.submit(insert(0), budget_s=PATIENCE_S) == 1
    assert {n for n, was in enumerate(done, start=1) if was} <= set(stored(plain_table))
    assert not writer._waiting
    assert not writer._is_led


def test_a_caller_that_gives_up_as_it_is_called_to_lead_leads(writer, plain_table, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    plain = writer._withdrawn

    def withdrawn_late(write: _Write[int]) -> bool:
        go_on.set()
        deadline = time.monotonic() + PATIENCE_S
        while not write.leads and time.monotonic() < deadline:
            time.sleep(0.001)
        return plain(write)

    monkeypatch.setattr(writer, "_withdrawn", withdrawn_late)
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(writer.submit, insert(0, begun, go_on), budget_s=PATIENCE_S)
        begun.wait(PATIENCE_S)
        second = callers.submit(writer.submit, insert(1), budget_s=0.05)
        assert isinstance(second.exception(), Unavailable)  # its budget was over when its turn came
        assert first.result() == 1
    assert writer.submit(insert(2), budget_s=PATIENCE_S) == 1
    assert stored(plain_table) == [0, 2]


def test_calls_to_postgresql_are_one_round_trip_each(opened, postgres_server, tmp_path):
    store = opened(postgres_server.new_schema(), most_connections=1)
    store.load(query())  # the first call on a connection also prepares its statement
    store.record(record("warm-up"))
    assert count_trips(store, tmp_path, lambda: store.load(query())) == 1
    assert count_trips(store, tmp_path, lambda: store.record(record("decision-1"))) == 1
    assert store.decision(record().issuer, "decision-1").time == NOW


def count_trips(store: Any, folder: Any, call: Any) -> int:
    """How often libpq waits for the server: each `Sync` that it sends asks for one answer."""
    pool = store._database._pool
    connection = pool.getconn()
    pool.putconn(connection)
    trace = folder / "trace"
    descriptor = os.open(trace, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    connection.pgconn.trace(descriptor)
    try:
        call()
    finally:
        connection.pgconn.untrace()
        os.close(descriptor)
    sent = [line.split("\t") for line in trace.read_text().splitlines()]
    return sum(1 for line in sent if "F" in line and "Sync" in line)
