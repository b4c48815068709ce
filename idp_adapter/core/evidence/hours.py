"""Hour of the week: a weak habit, circular over 168 hours.

Weight is log(uniform / smoothed share) of the hour with its two neighbours on either side, clipped to one nat.
Abstains below twenty confirmed logins: until then the counters say more about chance than about the subject.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "hours"
HOURS: Final = 168
ENROLMENT: Final = 20
_KERNEL: Final = (0.1, 0.2, 0.4, 0.2, 0.1)
_PSEUDO_COUNTS: Final = 8.0  # spread over the week: an unseen hour stays possible
_CLIP: Final = 1.0


def hour_of_week(time: datetime) -> int:
    """Hour since Monday 00:00 UTC, 0 to 167."""
    return time.weekday() * 24 + time.hour


def score(situation: Situation) -> Evidence:
    """Weigh the hour against the subject's week."""
    hours = situation.history.habits.hours
    total = sum(hours)
    if len(hours) != HOURS or total < ENROLMENT:
        return Evidence.abstain(SOURCE, "hours_young", behavioural=True)
    centre = hour_of_week(situation.now)
    near = sum(share * hours[(centre + offset - 2) % HOURS] for offset, share in enumerate(_KERNEL))
    share = (near + _PSEUDO_COUNTS / HOURS) / (total + _PSEUDO_COUNTS)
    nats = max(-_CLIP, min(_CLIP, math.log(1 / HOURS / share)))
    reason = Reason("hours_unusual" if nats > 0 else "hours_usual", round(nats, 4))
    return Evidence(SOURCE, reason.nats, (reason,), behavioural=True)
