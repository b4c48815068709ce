"""The benchmark of decisions: regulars are known to the service, and every stage of a decision is timed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks import latency, regulars, served, stages


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
