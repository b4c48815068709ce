"""Hour of the week: a weak habit, circular over 168 hours.

Weight is log(uniform / smoothed share) of the hour with its two neighbours on either side, so that a shift of an hour
(daylight saving) is no alarm; half of the share is that of the same hour on any day, so that a first Friday is none
either. Clipped: an unusual hour weighs less than a usual one reassures, since people work late and travel. Abstains
below twenty confirmed logins: until then the counters say more about chance than about the subject.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "hours"
HOURS: Final = 168
ENROLMENT: Final = 20
MOST_COUNTED: Final = 400  # then all counters are halved: an old habit fades
# Set by judgement, looked at beside what benchmarks/population shows.
USUAL: Final = -0.5  # an attacker can choose the hour
UNUSUAL: Final = 0.7
_KERNEL: Final = (0.1, 0.2, 0.4, 0.2, 0.1)
_PSEUDO_COUNTS: Final = 8.0  # spread over the week: an unseen hour stays possible
_ANY_DAY: Final = 0.5


def hour_of_week(time: datetime) -> int:
    """Hour since Monday 00:00 UTC, 0 to 167."""
    return time.weekday() * 24 + time.hour


def counted(hours: Sequence[int], time: datetime) -> tuple[int, ...]:
    """The counters after one more login."""
    counters = list(hours) if len(hours) == HOURS else [0] * HOURS
    counters[hour_of_week(time)] += 1
    if sum(counters) > MOST_COUNTED:
        counters = [count // 2 for count in counters]
    return tuple(counters)


def score(situation: Situation) -> Evidence:
    """Weigh the hour against the subject's week."""
    hours = situation.history.habits.hours
    total = sum(hours)
    if len(hours) != HOURS or total < ENROLMENT:
        return Evidence.abstain(SOURCE, "hours_young", behavioural=True)
    centre = hour_of_week(situation.now)
    in_week = _near(hours, centre)
    in_day = sum(_near(hours, centre + 24 * day) for day in range(7)) / 7
    near = (1 - _ANY_DAY) * in_week + _ANY_DAY * in_day
    share = (near + _PSEUDO_COUNTS / HOURS) / (total + _PSEUDO_COUNTS)
    nats = max(USUAL, min(UNUSUAL, math.log(1 / HOURS / share)))
    reason = Reason("hours_unusual" if nats > 0 else "hours_usual", round(nats, 4))
    return Evidence(SOURCE, reason.nats, (reason,), behavioural=True)


def _near(hours: Sequence[int], centre: int) -> float:
    return sum(share * hours[(centre + offset - 2) % HOURS] for offset, share in enumerate(_KERNEL))
