"""Failures: guessing leaves traces before it succeeds.

Failed logins of the subject in the last fifteen minutes, and failed logins of many subjects from one prefix
(spraying). One or two slips are human and weigh nothing. Abstains when nothing failed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "failures"
WINDOW: Final = timedelta(minutes=15)
HUMAN_SLIPS: Final = 2
PER_FAILURE: Final = 0.5
MOST_OF_SUBJECT: Final = 2.5
SPRAYED_SUBJECTS: Final = 5
SPRAY: Final = 1.5


def score(situation: Situation) -> Evidence:
    """Weigh recent failed logins of the subject and of the prefix."""
    failures = situation.history.failures
    recent = sum(1 for time in failures.of_subject if situation.now - WINDOW <= time <= situation.now)
    reasons = []
    if recent > HUMAN_SLIPS:
        nats = min((recent - HUMAN_SLIPS) * PER_FAILURE, MOST_OF_SUBJECT)
        reasons.append(Reason("failures_of_subject", nats, {"failures": recent}, "recent_failures"))
    if situation.address_is_theirs and failures.subjects_of_prefix >= SPRAYED_SUBJECTS:
        params = {"failures": failures.of_prefix, "subjects": failures.subjects_of_prefix}
        reasons.append(Reason("failures_spray", SPRAY, params))
    if not reasons:
        return Evidence.abstain(SOURCE, "failures_few")
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), tuple(reasons))
