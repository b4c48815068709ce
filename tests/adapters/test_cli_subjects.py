"""The commands about one subject's behaviour: drift and roll-back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from idp_adapter import app, config
from idp_adapter.core import templates
from idp_adapter.core.types import Device, Habits, Outcome, OutcomeType, SubjectId
from idp_adapter.services.ports import HistoryQuery, Lesson
from tests.core.builders import template
from tests.core.test_drift import DAY, typed

REALM = "http://127.0.0.1:8080/realms/demo"
CAROL = SubjectId("user", "carol")
ABOUT = ("--issuer", REALM, "--type", "user", "--id", "carol")
KEY = "keystroke/password//8"


@pytest.fixture
def now(run):
    """Carol has a template with a past, one of today, and a device of today."""
    now = app.now()
    past = (templates.Snapshot(b"", now - 20 * DAY), templates.Snapshot(b"", now - 40 * DAY))
    grown = templates.Envelope(now - 99 * DAY, templates.Snapshot(b"", now, rows=40), past)
    stored = {
        "other/a": templates.to_bytes(grown),
        "other/b": template(b"", learnt_at=now),
        KEY: typed(40, until=now - 20 * DAY),
    }
    device = Device("key-1", "key", now, now)
    outcome = Outcome("o", REALM, OutcomeType.LOGIN_SUCCEEDED, now, subject=CAROL)
    with app.opened_store(config.load()) as store:
        store.teach(Lesson(outcome, Habits(logins=9), (device,), stored))
    return now


def history(now):
    with app.opened_store(config.load()) as store:
        return store.load(HistoryQuery(REALM, CAROL, None, now))


def test_drift_is_told_as_text_and_as_json(run, now):
    shown = run("subject", "drift", *ABOUT)
    assert shown.exit_code == 0
    assert f"{KEY}: " in shown.output
    assert "moved spreads" in shown.output
    told = json.loads(run("subject", "drift", *ABOUT, "--json").output)
    assert [item["key"] for item in told["templates"]] == [KEY, "other/a", "other/b"]
    assert told["templates"][0]["rows"] == 40
    assert len(told["templates"][1]["former"]) == 2


def test_an_export_holds_the_drift_report(run, now):
    exported = json.loads(run("subject", "export", *ABOUT).output)
    assert exported["drift"] == json.loads(run("subject", "drift", *ABOUT, "--json").output)


def test_a_roll_back_undoes_two_weeks_unless_told_otherwise(run, now):
    assert run("subject", "roll-back", *ABOUT, input="n\n").exit_code == 1
    assert len(history(now).devices) == 1
    done = run("subject", "roll-back", *ABOUT, "--yes")
    assert done.exit_code == 0
    assert "1 templates restored, 1 forgotten; 1 devices forgotten" in done.output
    after = history(now)
    assert (after.devices, after.habits.logins, "other/b" in after.templates) == ((), 9, False)
    assert templates.from_bytes(after.templates["other/a"]).current.learnt_at == now - 20 * DAY
    again = run("subject", "roll-back", *ABOUT, "--yes")
    assert "0 templates restored, 0 forgotten; 0 devices forgotten; habits unchanged" in again.output


def test_a_roll_back_goes_to_before_the_given_time(run, now):
    since = (now - 30 * DAY).isoformat()
    assert run("subject", "roll-back", *ABOUT, "--yes", "--since", since).exit_code == 0
    assert templates.from_bytes(history(now).templates["other/a"]).current.learnt_at == now - 40 * DAY


@pytest.mark.parametrize(
    "since",
    ["yesterday", "2026-11-21T08:00:00", "", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"],
)
def test_a_time_without_its_offset_or_beyond_the_calendar_is_refused(run, now, since):
    ran = run("subject", "roll-back", *ABOUT, "--yes", "--since", since)
    assert ran.exit_code == 2
    assert "with its offset" in ran.output
    assert len(history(now + timedelta(days=1)).devices) == 1


def test_a_roll_back_to_a_time_that_is_still_to_come_is_refused(run, now):
    ran = run("subject", "roll-back", *ABOUT, "--yes", "--since", (now + DAY).isoformat())
    assert ran.exit_code == 2
    assert "must not be in the future" in ran.output
    assert len(json.loads(run("subject", "export", *ABOUT).output)["outcomes"]) == 1


@pytest.mark.parametrize("command", [("roll-back", "--yes"), ("drift",)])
def test_a_subject_of_whom_nothing_is_stored_is_exit_code_5(run, command):
    ran = run("subject", *command, *ABOUT)
    assert ran.exit_code == 5
    assert ran.output.startswith("Error: no")
