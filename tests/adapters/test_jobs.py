"""What runs beside the requests goes on, whatever one run of it meets."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from idp_adapter import app, config
from idp_adapter.adapters.sql import SqlStore
from idp_adapter.core.audit import START, linked
from idp_adapter.services.audit import Sealing
from idp_adapter.services.population import Populations

UNFORESEEN = RuntimeError("unforeseen")


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.setattr(app, "AFTER_A_FAILURE_S", 0.01)
    told = []
    made = app.Jobs(told.append)
    yield made, told
    made.stop()


def test_a_run_that_fails_is_told_of_and_followed_by_the_next(jobs):
    made, told = jobs
    ended, failures = threading.Event(), iter((UNFORESEEN, KeyError("x")))

    def job():
        for failure in failures:
            raise failure
        ended.set()

    made.start(job, first_s=0)
    assert ended.wait(5)
    assert [type(error) for error in told] == [RuntimeError, KeyError]


def test_a_pause_within_a_run_ends_with_the_jobs(jobs):
    made, _ = jobs
    begun, went_on = threading.Event(), []

    def job():
        begun.set()
        went_on.append(made.pause(60))

    made.start(job, first_s=0)
    assert begun.wait(5)
    made.stop()
    assert went_on == [False]
    assert not any(thread.is_alive() for thread in made._threads)


def test_a_service_that_stops_seals_no_further_segment(tmp_path, monkeypatch, capfd):
    begun, further = threading.Event(), []

    def seal(self, issuer, *, now):
        segment = linked(START, issuer, 0, [bytes(32)], [])
        begun.set()
        yield replace(segment, checkpoint="signed")
        further.append(issuer)

    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", "https://id.example/realms/a")
    monkeypatch.setenv("IDP_ADAPTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(app, "BETWEEN_SEGMENTS_S", 60)
    monkeypatch.setattr(app.random, "uniform", lambda low, high: min(low, 0.05))
    monkeypatch.setattr(Sealing, "seal", seal)
    service = app.build(config.load())
    assert begun.wait(10)
    service.close()
    assert not further
    assert not any(thread.is_alive() for thread in service.jobs._threads)
    assert "sealing_failed" not in capfd.readouterr().out


def test_a_job_that_answers_none_has_ended(jobs):
    made, _ = jobs
    runs = []
    made.start(lambda: runs.append(1), first_s=0)
    made.stop()
    assert len(runs) <= 1


@pytest.mark.parametrize(("owner", "method"), [(SqlStore, "retain"), (Populations, "renew")])
def test_a_service_logs_where_a_job_failed_and_not_what_the_error_says(owner, method, tmp_path, monkeypatch, capfd):
    twice, calls = threading.Event(), []

    def fails(self, *arguments, **named):
        calls.append(method)
        if len(calls) >= 2:
            twice.set()
        raise UNFORESEEN

    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", "https://id.example/realms/a")
    monkeypatch.setenv("IDP_ADAPTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(app, "AFTER_A_FAILURE_S", 0.05)
    monkeypatch.setattr(app.random, "uniform", lambda low, high: min(low, 0.05))
    monkeypatch.setattr(owner, method, fails)
    service = app.build(config.load())
    try:
        assert twice.wait(10)
    finally:
        service.close()
    told = capfd.readouterr().out
    assert '"error":"RuntimeError"' in told
    assert "app.py:" in told
    assert "unforeseen" not in told
