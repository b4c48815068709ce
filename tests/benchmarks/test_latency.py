"""The benchmark of decisions: regulars are known to the service, and every stage of a decision is timed."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from benchmarks import latency, regulars, served, stages
from idp_adapter.adapters.sql import open_store
from idp_adapter.core.population import UNKNOWN
from tests.support.sealing import sealer
from tools.console import Stop


def test_each_stage_of_a_regulars_login_is_timed_and_every_known_habit_speaks(tmp_path, monkeypatch):
    monkeypatch.setattr(regulars, "PEOPLE", 2)
    monkeypatch.setattr(regulars, "LOGINS", 5)
    realm, people, now = served.Realm(), regulars.Regulars(), datetime.now(UTC)
    environment = latency.settings_of(tmp_path, f"sqlite:///{tmp_path}/risk.db", realm, port=8181)
    with realm.published():
        people.teach(realm, environment, until=now)
    timed = stages.by_stage(environment, realm.issuer, people.logins(4, now), warm_up=2)
    assert all(timed[stage]["n"] == 4 and timed[stage]["p50"] >= 0 for stage in (*stages.STAGES, "whole"))
    assert {"source: keystroke", "source: travel", "source: device"} < timed.keys()


def test_the_stages_see_the_realms_population_as_the_service_does(tmp_path, monkeypatch):
    monkeypatch.setattr(regulars, "PEOPLE", 2)
    monkeypatch.setattr(regulars, "LOGINS", 2)
    seen, of = [], stages.Populations.of
    monkeypatch.setattr(stages.Populations, "of", lambda self, issuer: seen.append(of(self, issuer)) or seen[-1])
    realm, people, now = served.Realm(), regulars.Regulars(), datetime.now(UTC)
    environment = latency.settings_of(tmp_path, f"sqlite:///{tmp_path}/risk.db", realm, port=8181)
    with realm.published():
        people.teach(realm, environment, until=now)
    seen.clear()
    stages.by_stage(environment, realm.issuer, people.logins(1, now), warm_up=0)
    assert len(seen) == 1
    assert seen[0] != UNKNOWN


def test_the_service_is_started_without_the_settings_of_whoever_measures(tmp_path, monkeypatch):
    monkeypatch.setenv("IDP_ADAPTER_POLICY", "/nowhere.toml")
    realm, port = served.Realm(), served.free_port()
    environment = latency.settings_of(tmp_path, f"sqlite:///{tmp_path}/risk.db", realm, port=port)
    with realm.published(), served.serving(realm, environment, tmp_path / "log", port=port) as service:
        assert service.memory_mb().keys() == {"arbiter", "worker 1"}


def test_a_service_that_does_not_get_ready_ends_the_benchmark_with_the_reason(tmp_path):
    with pytest.raises(Stop, match="IDP_ADAPTER_ISSUERS"), served.serving(served.Realm(), {}, tmp_path / "log", port=1):
        pass


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "closed the connection"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", "answered 503"),
    ],
)
def test_a_caller_that_gets_no_decision_stops(answer, complaint):
    with answering(answer) as port, pytest.raises(Stop, match=complaint):
        served.ask(port, "token", [b"{}"])


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port where one caller gets so many bytes and is hung up on."""

    def run() -> None:
        caller, _ = listener.accept()
        with caller:
            caller.recv(65536)
            caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_whole_is_the_sum_of_its_stages_and_nothing_is_counted_twice(monkeypatch):
    ticks = iter(range(0, 1000, 1))
    monkeypatch.setattr(stages.time, "perf_counter", lambda: next(ticks))
    watch = stages.Stopwatch()
    with watch.timing("decide"):
        for stage in ("observe", "load", "source: device", "store"):
            with watch.timing(stage):
                pass
    for stage in ("parse", "sign"):
        with watch.timing(stage):
            pass
    watch.end()
    took = {stage: ms[0] for stage, ms in watch.ended.items()}
    assert took["fuse and decide"] == pytest.approx(5000.0)  # nine ticks in all, four of them inner stages
    assert took["whole"] == sum(took[stage] for stage in stages.STAGES) == pytest.approx(11000.0)


def test_the_floor_stores_what_it_answers(tmp_path):
    url, port, realm = f"sqlite:///{tmp_path}/risk.db", served.free_port(), served.Realm()
    open_store(url, sealer=sealer(), budget_s=5).close()
    command = ("benchmarks.floor", str(port), url)
    with served.serving(realm, {}, tmp_path / "log", port=port, command=command):
        assert len(served.ask(port, "token", [b'{"n":1}', b'{"n":2}'])) == 2
    with closing(sqlite3.connect(tmp_path / "risk.db")) as database:
        rows = database.execute("SELECT body FROM floor WHERE body LIKE '{%' ORDER BY body").fetchall()
    assert rows == [('{"n": 1}',), ('{"n": 2}',)]
