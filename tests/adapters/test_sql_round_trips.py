"""The hot path's cost, counted: `load` is one statement in one round trip, `record` one insert in one commit."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idp_adapter.adapters.sql import group_commit, sqlite
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


def test_where_a_commit_fails_each_of_its_writes_is_tried_by_itself(tmp_path):
    class FailsOnce(sqlite3.Connection):
        """Refuses the first commit, as a full disk would."""

        def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
            if statement == "COMMIT" and left:
                left.pop()
                raise sqlite3.OperationalError("database or disk is full")
            if statement.startswith("INSERT"):
                together.wait(PATIENCE_S)
            return super().execute(statement, *parameters)

    left = ["one failure"]
    together = threading.Event()
    path = tmp_path / "plain.db"
    with sqlite3.connect(path) as prepared:
        prepared.execute("CREATE TABLE t (n INTEGER)")
    prepared.close()
    writer = group_commit.GroupCommit(
        lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=FailsOnce)
    )

    def write(n: int) -> int:
        return writer.submit(
            lambda execute: execute("INSERT INTO t VALUES (:n)", {"n": n}).rowcount, budget_s=PATIENCE_S
        )

    with ThreadPoolExecutor(8) as callers:
        answers = [callers.submit(write, n) for n in range(8)]
        together.set()
        results = [answer.exception() or answer.result() for answer in answers]
    writer.close(budget_s=PATIENCE_S)
    with sqlite3.connect(path) as kept:
        found = kept.execute("SELECT count(*), count(DISTINCT n) FROM t").fetchone()
    kept.close()
    assert found == (results.count(1), results.count(1))
    assert results.count(1) >= 7  # a write alone in the failing commit is told so; neighbours never are


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
