"""A reported takeover: what it undoes, and that it can't be undone in turn by what was under way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_adapter.core.types import Level, OutcomeType, SubjectId
from idp_adapter.errors import RequestInvalid
from tests.services.conftest import ABROAD_IP, login, telemetry
from tests.services.test_outcomes import history

TAKEOVER = OutcomeType.TAKEOVER_REPORTED


def at_home():
    return login(telemetry=telemetry(), telemetry_challenge="c-1")


def by_a_thief(**changes):
    return login(ABROAD_IP, "cookie-thief", telemetry=telemetry("c-2"), telemetry_challenge="c-2", **changes)


def known(house):
    """Twelve logins at home, a day apart."""
    for _ in range(12):
        house.tell(house.ask(at_home()), OutcomeType.STEP_UP_SUCCEEDED)
        house.now += timedelta(days=1)
    return house.now


def report(house, since, **changes):
    return house.tell(house.ask(at_home()), TAKEOVER, time=since, decision_id=None, **changes)


def test_what_a_thief_taught_is_gone_and_what_the_subject_taught_is_back(house):
    began = known(house)
    before = history(house)
    for _ in range(3):
        house.tell(house.ask(by_a_thief()), OutcomeType.STEP_UP_SUCCEEDED)
        house.now += timedelta(hours=1)
    assert len(history(house).devices) > len(before.devices)
    assert report(house, began)
    after = history(house)
    assert after.devices == before.devices
    assert after.habits.addresses == before.habits.addresses
    assert after.habits.logins == before.habits.logins + 3
    assert house.tally.counts["restored"] == 1
    assert house.tally.counts["devices"] == 1


def test_a_report_counts_once_and_a_second_one_changes_nothing_more(house):
    began = known(house)
    house.tell(house.ask(by_a_thief()), OutcomeType.STEP_UP_SUCCEEDED)
    assert report(house, began, id="same")
    after = history(house)
    assert not report(house, began, id="same")
    assert report(house, began)
    assert history(house) == after
    assert house.tally.counts["devices"] == 1
    assert house.tally.counts[f"outcome {TAKEOVER} learnt=False duplicate=True"] == 1


def test_an_outcome_that_was_under_way_teaches_the_thief_nothing(house):
    began = known(house)
    decision = house.ask(by_a_thief())
    house.now += timedelta(minutes=5)
    assert report(house, began)
    after = history(house)
    assert house.tell(decision, OutcomeType.STEP_UP_SUCCEEDED)
    assert history(house) == after


def test_a_thief_after_a_report_is_a_stranger_who_is_trusted_with_no_first_login(house):
    began = known(house)
    report(house, began - timedelta(days=300))
    after = history(house)
    assert (after.templates, after.devices) == ({}, ())
    quiet = house.ask(login(cookie=None))
    assert quiet.risk.level is Level.LOW
    house.tell(quiet)
    assert history(house) == after


def test_a_report_from_the_future_undoes_nothing(house):
    began = known(house)
    before = history(house)
    assert report(house, began + timedelta(days=30))
    assert history(house) == before


def test_a_report_about_a_stranger_writes_nothing_of_them(house):
    known(house)
    before = history(house)
    assert report(house, house.now, subject=SubjectId("user", "stranger"))
    assert house.store.export(login().issuer, SubjectId("user", "stranger"))["profiles"] == []
    assert history(house) == before
    with pytest.raises(RequestInvalid, match="subject"):
        report(house, house.now, subject=None)


def test_another_realm_undoes_nothing(house):
    began = known(house)
    before = history(house)
    assert report(house, began - timedelta(days=300), issuer="https://id.example/realms/other")
    assert history(house) == before
