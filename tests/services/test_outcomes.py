"""Outcomes: idempotent, bound to their decision, and the only thing that teaches."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from idp_adapter.core.learning import MOST_DEVICES
from idp_adapter.core.types import Network, Origin, OutcomeType, Resource, SubjectId
from idp_adapter.services.ports import HistoryQuery
from tests.services.conftest import ABROAD_IP, login, telemetry
from tests.support.sealing import changed


def history(house):
    request = login()
    return house.store.load(HistoryQuery(request.issuer, request.subject.key, None, house.now - timedelta(hours=1)))


def test_an_outcome_counts_once(house):
    decision = house.ask()
    assert house.tell(decision, id="same")
    assert not house.tell(decision, id="same")
    assert history(house).habits.logins == 1


def test_a_decision_teaches_once_however_often_it_is_confirmed(house):
    decision = house.ask()
    house.tell(decision)
    house.tell(decision)
    assert history(house).habits.logins == 1


def test_an_outcome_without_its_decision_teaches_nothing(house):
    decision = house.ask()
    house.tell(decision, decision_id="unknown")
    house.tell(decision, decision_id=None)
    house.tell(decision, subject=SubjectId("user", "somebody else"))
    house.tell(decision, subject=None)
    assert history(house).habits.logins == 0


def test_another_realm_can_not_confirm_a_decision(house):
    house.tell(house.ask(), issuer="https://id.example/realms/other")
    assert history(house).habits.logins == 0


def test_an_outcome_that_comes_too_late_teaches_nothing(house):
    decision = house.ask()
    house.now += timedelta(hours=2)
    house.tell(decision)
    assert history(house).habits.logins == 0


@pytest.mark.parametrize("type_", [OutcomeType.LOGIN_FAILED, OutcomeType.STEP_UP_FAILED])
def test_a_failure_is_remembered_against_the_subject(house, type_):
    for _ in range(4):
        house.tell(house.ask(), type_, origin=Origin("a", "p"))
    assert len(history(house).failures.of_subject) == 4


def test_a_failure_from_a_clock_that_is_ahead_counts_from_now_and_not_for_ever(house):
    told = house.now
    house.tell(house.ask(), OutcomeType.LOGIN_FAILED, time=told + timedelta(days=365), origin=Origin("a", "p"))
    assert history(house).failures.of_subject == (told,)
    house.now += timedelta(hours=2)
    assert history(house).failures.of_subject == ()


@pytest.mark.parametrize("type_", [OutcomeType.LOGIN_FAILED, OutcomeType.TAKEOVER_REPORTED])
def test_an_outcome_is_received_now_whatever_its_time_and_sender_say(house, type_):
    decision, long_ago = house.ask(), house.now - timedelta(hours=9)
    house.tell(decision, type_, time=long_ago, received=long_ago)
    realm, subject = login().issuer, login().subject.key
    (told,) = house.store.export(realm, subject)["outcomes"]
    assert (told["time"], told["received"]) == (long_ago.isoformat(), house.now.isoformat())


def test_an_outcome_of_a_decision_that_can_not_be_read_is_stored_and_teaches_nothing(house):
    decision = house.ask()
    changed(house.store, "UPDATE decision SET evidence = 'not JSON'")
    assert house.tell(decision, id="same")
    assert not house.tell(decision, id="same")
    assert history(house).habits.logins == 0


def test_a_failed_login_needs_no_decision_to_count(house):
    decision = house.ask()
    for _ in range(5):
        house.tell(decision, OutcomeType.LOGIN_FAILED, decision_id=None, origin=Origin("a", "p"))
    risk = house.ask().risk
    failures = next(item for item in risk.contributions if item.source == "failures")
    assert failures.nats > 0


def test_quiet_logins_from_an_unknown_device_stop_teaching_once_a_subject_is_known(house):
    house.familiar(4)
    before = history(house).habits
    unknown = login(cookie=None)
    decision = house.ask(unknown)
    assert decision.permitted
    house.tell(decision)
    assert history(house).habits == before


def test_all_that_is_stored_of_a_subject_stays_below_16_kb(house, tmp_path):
    keys = [[i * 140.0, i * 140.0 + 80] for i in range(20)]
    for i in range(60):
        browser = f"Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/{100 + i}.0"
        fields = [{"name": f"field-{i % 3}-{j}", "keys": keys, "complete": True} for j in range(4)]
        asked = login(
            cookie=f"cookie-{i}",
            telemetry=telemetry(fields=fields),
            telemetry_challenge="c-1",
            network=Network(ip=f"192.0.{i}.7", user_agent=browser),
            resource=Resource("oidc_client", f"client-of-an-ordinary-length-{i:03}"),
        )
        house.tell(house.ask(asked), OutcomeType.STEP_UP_SUCCEEDED)
        house.now += timedelta(days=3)
    with sqlite3.connect(tmp_path / "store.sqlite") as rows:
        stored = {
            table: rows.execute(f"SELECT * FROM {table}").fetchall() for table in ("profile", "device", "data_key")
        }
    size = {
        table: sum(len(value if isinstance(value, bytes) else str(value).encode()) for row in found for value in row)
        for table, found in stored.items()
    }
    assert len(stored["device"]) == MOST_DEVICES
    assert len(stored["profile"]) > 4
    assert 10_000 < sum(size.values()) < 16_384, size


def test_erasing_a_subject_leaves_nothing(house):
    house.familiar(3)
    house.ask(login(ABROAD_IP))
    request = login()
    assert house.store.erase(request.issuer, request.subject.key) > 0
    assert history(house).habits.logins == 0
    assert house.store.erase(request.issuer, request.subject.key) == 0
