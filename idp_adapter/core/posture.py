"""What a policy wants of devices, and for how long what was said of one counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.types import Posture

MAX_AGE_HOURS: Final = 72
CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # reports may come from a clock that is so far ahead
# A status that changed twice within so long is not settled: a fault, or somebody who makes it look right for a login.
FLAPPING: Final = timedelta(hours=1)
# What `minimum_versions` may name: browser families and platforms, as `user_agent` writes them, in lower case.
BROWSERS: Final = frozenset({"chrome", "edge", "firefox", "opera", "safari", "samsung"})
PLATFORMS: Final = frozenset({"android", "ios", "macos", "windows"})


@dataclass(frozen=True, slots=True)
class PostureRules:
    """A policy's rules of posture. A status older than `max_age` says nothing; versions are majors by lower name."""

    max_age: timedelta = timedelta(hours=MAX_AGE_HOURS)
    minimum_versions: Mapping[str, int] = field(default_factory=dict)

    def is_fresh(self, time: datetime, *, now: datetime) -> bool:
        """Whether a status of that time still counts."""
        return now - self.max_age <= time <= now + CLOCK_TOLERANCE


def is_flapping(posture: Posture, *, now: datetime) -> bool:
    """Whether the status changed twice of late."""
    return posture.before is not None and posture.before > now - FLAPPING
