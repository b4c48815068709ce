"""What an account's past tells: changes before the attempt, sprayed networks, hours of the week."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.core.evidence import account, failures, hours
from idp_adapter.core.population import Attempts, Population
from idp_adapter.core.types import Failures, Habits, History, Resource, Sighting, Signals
from tests.core import builders as b

DAY = timedelta(days=1)


# --- account --------------------------------------------------------------------------------------------


def past(asked=None, *, since_login: timedelta = DAY, logins: int = 8, client: str = "spa", **changes):
    seen = Sighting(client, 3, b.NOW - 900 * DAY, b.NOW - since_login)
    history = History(habits=b.habits(logins, clients=(seen,)), **changes)
    return b.situation(history, asked=asked)


@pytest.mark.parametrize(
    ("situation", "code", "nats"),
    [
        (
            past(credential_changed=b.NOW - timedelta(minutes=5)),
            "account_credential_changed",
            account.CREDENTIAL_JUST_CHANGED,
        ),
        (
            past(credential_changed=b.NOW + timedelta(minutes=5)),
            "account_credential_changed",
            account.CREDENTIAL_JUST_CHANGED,
        ),
        (past(credential_changed=b.NOW - 0.5 * DAY), "account_credential_changed", account.CREDENTIAL_CHANGED),
        (past(since_login=90 * DAY), "account_dormant", account.DORMANT),
        (past(since_login=400 * DAY), "account_dormant", account.LONG_DORMANT),
        (past(client="another"), "account_client_new", account.CLIENT_NEW),
        (
            past(replace(b.request(), subject=replace(b.request().subject, created_at=b.NOW - 0.5 * DAY))),
            "account_new",
            account.NEW,
        ),
    ],
)
def test_what_happened_before_is_told(situation, code, nats):
    evidence = account.score(situation)
    assert [(reason.code, reason.nats) for reason in evidence.reasons] == [(code, nats)]
    assert evidence.nats == nats


@pytest.mark.parametrize(
    "situation",
    [
        past(),
        b.situation(),
        past(credential_changed=b.NOW - 2 * DAY),
        past(since_login=89 * DAY),
        past(b.request("refresh"), since_login=400 * DAY, client="another"),
        past(logins=4, client="another"),
        past(replace(b.request(), subject=replace(b.request().subject, created_at=b.NOW - 30 * DAY))),
    ],
)
def test_a_quiet_past_says_nothing(situation):
    assert account.score(situation).abstains


def test_an_accounts_first_credential_is_no_change():
    subject = replace(b.request().subject, created_at=b.NOW - timedelta(minutes=50))
    asked = replace(b.request(), subject=subject)
    fresh = account.score(past(asked, credential_changed=b.NOW - timedelta(minutes=45)))
    assert [reason.code for reason in fresh.reasons] == ["account_new"]
    older = replace(asked, subject=replace(subject, created_at=b.NOW - timedelta(hours=3)))
    changed = account.score(past(older, credential_changed=b.NOW - timedelta(minutes=45)))
    assert {reason.code for reason in changed.reasons} == {"account_new", "account_credential_changed"}


def test_a_workloads_account_is_not_judged():
    asked = replace(b.request("client_credentials", subject_type="service_account"), resource=Resource("c", "new"))
    assert account.score(past(asked, since_login=400 * DAY)).reasons[0].code == "account_of_a_workload"


def test_several_changes_add_up_and_their_reasons_too():
    evidence = account.score(past(since_login=400 * DAY, client="another", credential_changed=b.NOW))
    assert len(evidence.reasons) == 3
    assert evidence.nats == pytest.approx(sum(reason.nats for reason in evidence.reasons))


# --- failures ---------------------------------------------------------------------------------------------


def spray(failed: int, nameless: int = 0, let_in: int = 0, *, kind: str = "public", **asked):
    of_prefix = Failures((), failed + nameless, failed, nameless, let_in)
    signals = Signals(origin=b.HOME, ip_kind=kind)
    return failures.score(b.situation(History(failures=of_prefix), signals, b.request(**asked)))


def test_the_ratio_of_two_coins_by_hand():
    # .3 (6 ln(.95/.30) + 1 ln(.05/.70)) = .3 (6 * 1.15268 - 2.63906) = 1.28311
    attempts = Attempts(failed=6, succeeded=1)
    assert failures.spray_nats(attempts, fewest=5, most=9.0) == pytest.approx(1.2831, abs=1e-4)


@pytest.mark.parametrize(
    ("seen", "sprayed"),
    [
        pytest.param((4, 0, 0), False, id="few"),
        pytest.param((12, 0, 0), True, id="spray"),
        pytest.param((12, 0, 1), True, id="spray with a hit"),
        pytest.param((0, 60, 0), True, id="stuffing of names that nobody has"),
        pytest.param((0, 14, 0), False, id="one person who forgot the name"),
        pytest.param((6, 3, 40), False, id="office on a Monday"),
        pytest.param((60, 20, 140), False, id="large office"),
    ],
)
def test_a_sprayed_prefix_is_told_from_an_office_behind_one_address(seen, sprayed):
    evidence = spray(*seen)
    assert (evidence.nats > 0) is sprayed
    assert evidence.abstains is not sprayed
    assert evidence.nats <= failures.MOST_OF_PREFIX


def test_more_failures_never_weigh_less_and_more_let_in_never_more():
    assert spray(5).nats <= spray(6).nats <= spray(6, 9).nats <= spray(200, 200).nats
    assert spray(20, 0, 0).nats >= spray(20, 0, 5).nats >= spray(20, 0, 50).nats


def test_loopback_and_a_backend_are_nobodys_prefix():
    assert spray(50, kind="loopback").abstains
    assert spray(50, action="refresh", of_end_user=False).abstains


@pytest.mark.parametrize(
    ("attempts", "sprayed"),
    [(Attempts(200), True), (Attempts(19), False), (Attempts(150, 0, 150), False), (Attempts(0, 90, 0), True)],
)
def test_a_spray_over_many_prefixes_of_one_network_shows_in_the_network(attempts, sprayed):
    situation = b.situation(signals=Signals(origin=b.HOME))
    evidence = failures.score(replace(situation, population=Population(attempts={64500: attempts})))
    assert (evidence.nats > 0) is sprayed
    assert evidence.nats <= failures.MOST_OF_NETWORK
    if sprayed:
        assert evidence.reasons[0].code == "failures_spray_of_network"


def test_prefix_and_network_are_one_story_told_once():
    history = History(failures=Failures((), 50, 50))
    situation = b.situation(history, Signals(origin=b.HOME))
    both = failures.score(replace(situation, population=Population(attempts={64500: Attempts(500)})))
    assert [reason.code for reason in both.reasons] == ["failures_spray"]


# --- hours ------------------------------------------------------------------------------------------------


def week(*times, each: int = 6) -> tuple[int, ...]:
    counters = [0] * hours.HOURS
    for time in times:
        counters[hours.hour_of_week(time)] += each
    return tuple(counters)


WORKDAYS = [b.NOW - timedelta(days=b.NOW.weekday() - day) for day in range(4)]  # Monday to Thursday, half past nine


def weigh(now, counters) -> float:
    return hours.score(replace(b.situation(History(habits=Habits(hours=counters))), now=now)).nats


@pytest.mark.parametrize("shift", [-1, 1])
def test_daylight_saving_is_no_alarm(shift):
    assert weigh(b.NOW + timedelta(hours=shift), week(*WORKDAYS)) < 0


def test_the_same_hour_on_a_day_without_logins_is_usual():
    friday = WORKDAYS[0] + timedelta(days=4)
    assert weigh(friday, week(*WORKDAYS)) < 0
    assert weigh(friday + timedelta(hours=12), week(*WORKDAYS)) == hours.UNUSUAL


def test_an_old_habit_fades():
    counters: tuple[int, ...] = ()
    for _ in range(hours.MOST_COUNTED + 1):
        counters = hours.counted(counters, b.NOW)
    assert sum(counters) == (hours.MOST_COUNTED + 1) // 2
    night = b.NOW + timedelta(hours=12)
    assert weigh(night, counters) > 0
    for _ in range(20):
        counters = hours.counted(counters, night)
    assert weigh(night, counters) < 0
