"""Failures: guessing leaves traces before it succeeds.

Failed logins of the subject in the last fifteen minutes; one or two slips are human and weigh nothing. Failed logins
of many subjects from one prefix, or one network (AS), in the last hour: spraying and stuffing. An office behind one
address fails too, but lets most of its people in, so subjects who failed are weighed beside those who were let in, as
the likelihood ratio of two coins: of a sprayer's tries 95 in 100 fail, of an office's people at most 30 in 100 fail
within an hour. Failures that name nobody count by threes, as one person's slips. A network is large and says less than
a prefix; the larger of the two counts. Abstains when nothing of this was seen.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.population import Attempts
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "failures"
WINDOW: Final = timedelta(minutes=15)
HUMAN_SLIPS: Final = 2
# Set by judgement, looked at beside what benchmarks/population shows.
PER_FAILURE: Final = 0.5
MOST_OF_SUBJECT: Final = 2.5
SPRAYER_FAILS: Final = 0.95
OFFICE_FAILS: Final = 0.30
FEWEST_OF_PREFIX: Final = 5
FEWEST_OF_NETWORK: Final = 20
MOST_OF_PREFIX: Final = 1.5
MOST_OF_NETWORK: Final = 0.8
NAMELESS_SLIPS: Final = 3
_PER_SUBJECT: Final = 0.3  # of the ratio: subjects of one prefix fail for common reasons, such as an outage


def score(situation: Situation) -> Evidence:
    """Weigh recent failed logins of the subject, of the prefix and of the network."""
    failures = situation.history.failures
    recent = sum(1 for time in failures.of_subject if situation.now - WINDOW <= time <= situation.now)
    reasons = []
    if recent > HUMAN_SLIPS:
        nats = min((recent - HUMAN_SLIPS) * PER_FAILURE, MOST_OF_SUBJECT)
        reasons.append(Reason("failures_of_subject", nats, {"failures": recent}, "recent_failures"))
    if situation.address_is_theirs and situation.signals.ip_kind != "loopback":
        crowd = max((_of_prefix(situation), _of_network(situation)), key=lambda reason: reason.nats)
        if crowd.nats > 0:
            reasons.append(crowd)
    if not reasons:
        return Evidence.abstain(SOURCE, "failures_few")
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), tuple(reasons))


def spray_nats(attempts: Attempts, *, fewest: int, most: float) -> float:
    """How much attempts look like one sprayer's rather than many people's, 0 to `most` nats."""
    failed = attempts.failed + attempts.nameless // NAMELESS_SLIPS
    if failed < fewest:
        return 0.0
    per_failed = math.log(SPRAYER_FAILS / OFFICE_FAILS)
    per_let_in = math.log((1 - SPRAYER_FAILS) / (1 - OFFICE_FAILS))
    nats = _PER_SUBJECT * (failed * per_failed + attempts.succeeded * per_let_in)
    return round(min(most, max(0.0, nats)), 4)


def _of_prefix(situation: Situation) -> Reason:
    failures = situation.history.failures
    attempts = Attempts(failures.subjects_of_prefix, failures.nameless_of_prefix, failures.let_in_of_prefix)
    params = {"failures": failures.of_prefix, "subjects": failures.subjects_of_prefix}
    return Reason("failures_spray", spray_nats(attempts, fewest=FEWEST_OF_PREFIX, most=MOST_OF_PREFIX), params)


def _of_network(situation: Situation) -> Reason:
    asn = situation.signals.origin.place.asn
    attempts = Attempts() if asn is None else situation.population.attempts.get(asn, Attempts())
    nats = spray_nats(attempts, fewest=FEWEST_OF_NETWORK, most=MOST_OF_NETWORK)
    return Reason("failures_spray_of_network", nats, {"subjects": attempts.failed})
