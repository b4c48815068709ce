"""What callers meet when the database is locked, stopped or silent: an answer inside the budget, and no lost row."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from idp_adapter.adapters.sql import open_store
from idp_adapter.errors import SettingsInvalid, Unavailable
from idp_adapter.services.ports import Lesson
from tests.support import postgres
from tests.support.records import REALM_A, outcome, query, record
from tests.support.sealing import sealer

BUDGET_S = 0.3
SLACK_S = 0.5  # a loaded machine
ROOT = Path(__file__).parent.parent.parent

CHILD = """
import os, sys
from idp_adapter.adapters.sql import open_store
from tests.support.records import record
from tests.support.sealing import sealer
store = open_store(sys.argv[1], sealer=sealer(), budget_s=5)
store.record(record("decision-0"))
store.record(record("decision-1"))
os.write(1, b"recorded")
os.kill(os.getpid(), 9)
"""

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
input()
"""


def timed(call: Callable[[], object]) -> float:
    """Seconds until a call finds the database unavailable."""
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        call()
    assert caught.value.dependency == "database"
    return time.monotonic() - started


@pytest.fixture(scope="module")
def own_server(postgres_server) -> Iterator[postgres.Server]:
    """A server that tests may stop. (The shared fixture decides what an absent PostgreSQL means.)"""
    with postgres.server() as server:
        yield server


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_decision_outlives_a_process_killed_right_after_recording_it(kind, request, tmp_path):
    if kind == "postgresql":
        url = request.getfixturevalue("own_server").new_schema()
    else:
        url = f"sqlite:///{tmp_path / 'risk.db'}"
    child = subprocess.run([sys.executable, "-c", CHILD, url], capture_output=True, cwd=ROOT, check=False)
    assert (child.stdout, child.returncode) == (b"recorded", -signal.SIGKILL), child.stderr.decode()
    if kind == "postgresql":
        server = request.getfixturevalue("own_server")
        server.stop(at_once=True)
        server.start()
    with closing(open_store(url, sealer=sealer(), budget_s=5)) as store:
        assert store.decision(REALM_A, "decision-1") == record("decision-1")


def test_while_another_process_locks_the_file_writes_fail_in_time_and_reads_go_on(tmp_path, opened):
    path = tmp_path / "risk.db"
    store = opened(f"sqlite:///{path}", budget_s=BUDGET_S)
    store.record(record())
    with subprocess.Popen([sys.executable, "-c", LOCKER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline()
        for call in (lambda: store.record(record("decision-2")), lambda: store.teach(Lesson(outcome())), store.ping):
            assert timed(call) < BUDGET_S + SLACK_S
        assert store.decision(REALM_A, "decision-1") is not None
        store.load(query())
        child.communicate(b"\n")
    store.record(record("decision-3"))
    assert store.decision(REALM_A, "decision-3") is not None


def test_a_file_that_is_no_database_is_unavailable_at_start(tmp_path):
    path = tmp_path / "risk.db"
    path.write_bytes(b"no database, " * 1000)
    with pytest.raises(Unavailable, match="SQLITE_NOTADB"):
        open_store(f"sqlite:///{path}", sealer=sealer(), budget_s=BUDGET_S)


def test_a_folder_that_does_not_exist_is_named_at_start(tmp_path):
    with pytest.raises(Unavailable, match="can't be opened"):
        open_store(f"sqlite:///{tmp_path / 'none' / 'risk.db'}", sealer=sealer(), budget_s=BUDGET_S)


def test_a_tables_loss_is_unavailable_and_not_a_crash(tmp_path, opened):
    path = tmp_path / "risk.db"
    store = opened(f"sqlite:///{path}", budget_s=BUDGET_S)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE decision")
    assert timed(lambda: store.record(record())) < BUDGET_S + SLACK_S
    store.ping()


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_a_file_that_was_taken_away_is_unavailable_until_it_is_put_back(what, tmp_path, opened):
    path, away = tmp_path / "risk.db", tmp_path / "away.db"
    store = opened(f"sqlite:///{path}", budget_s=BUDGET_S)
    store.record(record())
    path.rename(away)
    if what == "replaced":
        shutil.copy(away, path)
    for call in (lambda: store.load(query()), lambda: store.record(record("decision-2")), store.ping):
        with pytest.raises(Unavailable, match=f"the database file was {what}"):
            call()
    away.rename(path)
    store.ping()
    store.record(record("decision-3"))
    with closing(open_store(f"sqlite:///{path}", sealer=sealer(), budget_s=5)) as again:
        assert [again.decision(REALM_A, f"decision-{n}") is not None for n in (1, 2, 3)] == [True, False, True]


def test_the_file_is_its_owners_alone(tmp_path, opened):
    opened(f"sqlite:///{tmp_path / 'risk.db'}").record(record())
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("url", ["mysql://u@h/d", "nonsense", "sqlite+aiosqlite:///x.db", ""])
def test_a_url_of_another_kind_is_refused_by_name(url):
    with pytest.raises(SettingsInvalid, match="postgresql://"):
        open_store(url, sealer=sealer(), budget_s=BUDGET_S)


def test_a_stopped_postgresql_is_unavailable_in_time_and_back_when_it_starts(own_server, opened):
    store = opened(own_server.new_schema(), budget_s=BUDGET_S)
    store.record(record())
    own_server.stop()
    try:
        for call in (lambda: store.load(query()), lambda: store.record(record("decision-2")), store.ping):
            assert timed(call) < BUDGET_S + SLACK_S
    finally:
        own_server.start()
    deadline = time.monotonic() + 20
    while True:
        try:
            store.ping()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            break
    assert store.decision(REALM_A, "decision-1") == record()


def test_a_restart_of_postgresql_between_two_calls_is_not_noticed(own_server, opened):
    store = opened(own_server.new_schema(), budget_s=5)
    store.record(record())
    own_server.stop()
    own_server.start()
    store.record(record("decision-2"))
    assert store.load(query()) is not None
    assert store.decision(REALM_A, "decision-2") is not None


def test_a_silent_postgresql_is_unavailable_in_time_and_back_when_it_answers(own_server, opened):
    store = opened(own_server.new_schema(), budget_s=BUDGET_S)
    store.record(record())
    own_server.freeze()
    try:
        for call in (
            lambda: store.load(query()),
            lambda: store.record(record("decision-2")),
            lambda: store.teach(Lesson(outcome())),
            store.ping,
        ):
            assert timed(call) < BUDGET_S + SLACK_S
    finally:
        own_server.thaw()
    deadline = time.monotonic() + 20
    while True:
        try:
            store.record(record("decision-3"))
        except Unavailable:
            assert time.monotonic() < deadline
        else:
            break
    assert store.decision(REALM_A, "decision-3") is not None


def test_a_postgresql_that_takes_no_writes_is_not_ready(own_server, opened):
    url = own_server.new_schema()
    opened(url).ping()
    reading = opened(f"{url}&options=-c%20default_transaction_read_only%3Don")
    assert reading.load(query()) is not None
    with pytest.raises(Unavailable, match="25006"):
        reading.ping()


def test_options_of_the_url_hold_for_the_migration_and_for_the_service(own_server, opened):
    url = own_server.new_schema()
    role = make_url(url).username
    own_server._execute(f"CREATE SCHEMA elsewhere AUTHORIZATION {role}")
    store = opened(f"{url}&options=-c%20search_path%3Delsewhere&application_name=a%20b")
    store.record(record())
    assert store._database.read("SELECT count(*) FROM elsewhere.decision", {})[0][0] == 1


def test_a_postgresql_that_was_away_for_long_is_back_soon_after_it_starts(own_server, opened):
    store = opened(own_server.new_schema(), budget_s=BUDGET_S)
    own_server.stop()
    try:
        for _ in range(7):  # by then the pool's own pauses would have grown to four seconds
            timed(store.ping)
            time.sleep(0.3)
    finally:
        own_server.start()
    deadline = time.monotonic() + 2.0
    while True:
        try:
            store.ping()
        except Unavailable:
            assert time.monotonic() < deadline
        else:
            break


def test_a_slow_statement_ends_at_the_budget(own_server, opened):
    store = opened(own_server.new_schema(), budget_s=BUDGET_S)
    assert timed(lambda: store._database.read("SELECT pg_sleep(5)", {})) < BUDGET_S + SLACK_S


def test_no_postgresql_at_start_is_one_sentence(tmp_path):
    url = f"postgresql://risk@/none?host={tmp_path}"
    assert timed(lambda: open_store(url, sealer=sealer(), budget_s=BUDGET_S, start_budget_s=2)) < 10
