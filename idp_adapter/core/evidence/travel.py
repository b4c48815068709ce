"""Travel: could one person have been at both places?

Implied speed since the last confirmed login whose place was known, with both accuracy radii taken off the distance and
the tolerance of both clocks added to the time. What an airliner does is no evidence; beyond, the weight grows with the
logarithm of the speed. Two familiar places are two devices of one person, not travel. Abstains where either point is
unknown or hides behind an egress that a feed names.
"""

from __future__ import annotations

import math
from typing import Final

from idp_adapter.core.evidence.network_feeds import is_masked
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.origins import distance_km
from idp_adapter.core.places import REACH_KM, nearest, point_of
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "travel"
# Set by judgement, looked at beside what benchmarks/population shows.
IMPOSSIBLE: Final = 2.4  # from twice an airliner's speed
DOUBTFUL: Final = 1.0  # just over it: a tail wind, a clock, a point that is off
AIRLINER_KM_H: Final = 1000.0
NEAR_KM: Final = 300.0  # below this, geolocation errors make any speed
CLOCK_TOLERANCE_H: Final = 2 * (2 / 60)  # two minutes of either clock
FAMILIAR_LOGINS: Final = 2


def score(situation: Situation) -> Evidence:
    """Weigh the speed that the distance from the last confirmed login implies."""
    habits = situation.history.habits
    if not situation.request.network.of_end_user or situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "travel_not_a_person")
    if is_masked(situation.signals.network_tags):
        return Evidence.abstain(SOURCE, "travel_masked")
    if habits.last is None:
        return Evidence.abstain(SOURCE, "travel_history_none")
    before, here = point_of(habits.last.origin.place), point_of(situation.signals.origin.place)
    km = None if before is None or here is None else distance_km(before, here)
    if here is None or km is None:
        return Evidence.abstain(SOURCE, "travel_place_unknown")
    hours = max((situation.now - habits.last.time).total_seconds() / 3600, 0.0) + CLOCK_TOLERANCE_H
    if km <= NEAR_KM or km / hours <= AIRLINER_KM_H:
        return Evidence(SOURCE, 0.0, (Reason("travel_possible", 0.0),))
    usual = nearest([place for place in habits.places if place.count >= FAMILIAR_LOGINS], here)
    if usual is not None and usual[1] <= REACH_KM:
        return Evidence(SOURCE, 0.0, (Reason("travel_between_familiar", 0.0),))
    share = min(1.0, math.log2(km / hours / AIRLINER_KM_H))
    nats = round(DOUBTFUL + (IMPOSSIBLE - DOUBTFUL) * share, 4)
    reason = Reason("travel_impossible", nats, {"km": round(km), "h": round(hours, 1)}, "new_place")
    return Evidence(SOURCE, reason.nats, (reason,))
