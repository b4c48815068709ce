"""Travel: could one person have been at both places?

Implied speed since the last confirmed login, with both accuracy radii taken off the distance and two minutes of clock
tolerance added to the time. Fast enough for an airliner is no evidence. Abstains where either point is unknown.
"""

from __future__ import annotations

from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.origins import distance_km
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "travel"
AIRLINER_KM_H: Final = 1000.0
NEAR_KM: Final = 300.0  # below this, geolocation errors make any speed
IMPOSSIBLE: Final = 2.6
CLOCK_TOLERANCE_H: Final = 2 / 60


def score(situation: Situation) -> Evidence:
    """Weigh the speed that the distance from the last confirmed login implies."""
    last = situation.history.habits.last
    if not situation.address_is_theirs or situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "travel_not_a_person")
    if last is None:
        return Evidence.abstain(SOURCE, "travel_history_none")
    km = distance_km(last.origin.place, situation.signals.origin.place)
    if km is None:
        return Evidence.abstain(SOURCE, "travel_place_unknown")
    hours = max((situation.now - last.time).total_seconds() / 3600, 0.0) + CLOCK_TOLERANCE_H
    if km <= NEAR_KM or km / hours <= AIRLINER_KM_H:
        return Evidence(SOURCE, 0.0, (Reason("travel_possible", 0.0),))
    reason = Reason("travel_impossible", IMPOSSIBLE, {"km": round(km), "h": round(hours, 1)}, "new_place")
    return Evidence(SOURCE, reason.nats, (reason,))
