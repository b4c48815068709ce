"""Account: what changed about it just before, and how long it slept.

A credential changed or recovered within a day, the more the fresher: who takes an account over often begins there, and
people who forgot their password do too, so it asks for a look elsewhere, not for an alarm; the account's first is no
change. An account that slept for months, one that was made today, one that uses an application for the first time: each
a little. Abstains when none of this was seen, and for workloads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Habits, Hook, Reason

SOURCE: Final = "account"
# Set by judgement, looked at beside what benchmarks/population shows.
CREDENTIAL_JUST_CHANGED: Final = 1.0  # within JUST
CREDENTIAL_CHANGED: Final = 0.5  # within RECENT
DORMANT: Final = 0.5  # after DORMANT_DAYS
LONG_DORMANT: Final = 0.9  # after a year
NEW: Final = 0.2
CLIENT_NEW: Final = 0.3
JUST: Final = timedelta(hours=1)
RECENT: Final = timedelta(hours=24)
DORMANT_AFTER: Final = timedelta(days=90)
LONG_DORMANT_AFTER: Final = timedelta(days=365)
NEW_FOR: Final = timedelta(hours=24)
FEWEST_LOGINS: Final = 5  # before that every application is a first
_LOGINS: Final = frozenset({Hook.LOGIN, Hook.PASSWORD_GRANT})


def score(situation: Situation) -> Evidence:
    """Weigh what happened to the account before this request."""
    if situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "account_of_a_workload")
    found = (_credential(situation), _age(situation), _sleep(situation), _client(situation))
    reasons = tuple(reason for reason in found if reason is not None)
    if not reasons:
        return Evidence.abstain(SOURCE, "account_quiet")
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), reasons)


def _credential(situation: Situation) -> Reason | None:
    changed = situation.history.credential_changed
    if changed is None or not _within(changed, situation.now, RECENT):
        return None
    made = situation.request.subject.created_at
    if made is not None and changed - made <= JUST:  # the first credential is no change
        return None
    just = _within(changed, situation.now, JUST)
    return Reason("account_credential_changed", CREDENTIAL_JUST_CHANGED if just else CREDENTIAL_CHANGED)


def _age(situation: Situation) -> Reason | None:
    made = situation.request.subject.created_at
    if made is None or not _within(made, situation.now, NEW_FOR):
        return None
    return Reason("account_new", NEW)


def _sleep(situation: Situation) -> Reason | None:
    last = last_login(situation.history.habits)
    if last is None or situation.request.action not in _LOGINS or situation.now - last < DORMANT_AFTER:
        return None
    asleep = situation.now - last
    nats = LONG_DORMANT if asleep >= LONG_DORMANT_AFTER else DORMANT
    return Reason("account_dormant", nats, {"days": asleep.days})


def _client(situation: Situation) -> Reason | None:
    habits = situation.history.habits
    if habits.logins < FEWEST_LOGINS or situation.request.action not in _LOGINS or not habits.clients:
        return None
    if any(seen.value == situation.request.resource.id for seen in habits.clients):
        return None
    return Reason("account_client_new", CLIENT_NEW)


def last_login(habits: Habits) -> datetime | None:
    """When the last confirmed login was, wherever it came from."""
    return max((seen.last_seen for seen in habits.clients), default=None)


def _within(time: datetime, now: datetime, span: timedelta) -> bool:
    """Whether a time lies in the span before now; one that another clock puts into the future is now."""
    return now - time <= span
