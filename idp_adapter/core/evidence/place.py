"""Place: how far from where this subject's confirmed logins were?

Distance to the nearest familiar place, less both accuracy radii. Near reassures the more the oftener it was seen; far
weighs with the logarithm of the distance, since the next town says little and the next continent not much more than the
next country. Abstains where the place is not known or hides behind an egress that a feed names, for workloads, and
before anything was learnt.
"""

from __future__ import annotations

import math
from typing import Final

from idp_adapter.core.evidence.network_feeds import is_masked
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.places import REACH_KM, nearest, point_of
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "place"
# Set by judgement, looked at beside what benchmarks/population shows.
FAMILIAR: Final = -0.3  # an attacker can choose the town
FAR: Final = 0.8  # of a place FAR_KM away or farther
FAR_KM: Final = 2000.0
_GROWTH: Final = 2.0  # logins at which half the weight is reached


def score(situation: Situation) -> Evidence:
    """Weigh the distance to the nearest familiar place."""
    known = situation.history.habits.places
    if not situation.request.network.of_end_user or situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "place_not_a_person")
    if is_masked(situation.signals.network_tags):
        return Evidence.abstain(SOURCE, "place_masked")
    point = point_of(situation.signals.origin.place)
    if point is None:
        return Evidence.abstain(SOURCE, "place_unknown")
    found = nearest(known, point)
    if found is None:
        return Evidence.abstain(SOURCE, "place_history_none")
    place, km = found
    if km <= REACH_KM:
        reason = Reason("place_familiar", round(FAMILIAR * _growth(place.count), 4))
    else:
        share = min(1.0, math.log(km / REACH_KM) / math.log(FAR_KM / REACH_KM))
        nats = FAR * share * _growth(sum(item.count for item in known))
        reason = Reason("place_far", round(nats, 4), {"km": round(km)}, "new_place")
    return Evidence(SOURCE, reason.nats, (reason,))


def _growth(logins: int) -> float:
    return logins / (logins + _GROWTH)
