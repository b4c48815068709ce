"""The population: where a realm's subjects log in from, and how their recent attempts went, by network.

A picture of the realm's newest outcomes, taken again and again beside the requests. It counts subjects, not logins, so
that nobody is counted twice; of each level it holds the most common values only, since rarer ones weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LEVELS: Final = ("address", "prefix", "asn", "country")
FEWEST_SUBJECTS: Final = 20  # with fewer, a share says more about chance than about the realm


@dataclass(frozen=True, slots=True)
class Attempts:
    """Recent attempts from one network: subjects who failed, failures that name no known subject, subjects let in."""

    failed: int = 0
    nameless: int = 0
    succeeded: int = 0


@dataclass(frozen=True, slots=True)
class Population:
    """Subjects seen, by level how many of them had each common value, and attempts of the last hour by AS number."""

    subjects: int = 0
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    attempts: Mapping[int, Attempts] = field(default_factory=dict)

    def share(self, level: str, value: str) -> float:
        """Share of the realm's subjects that come from a value; 0 where it is rare or too little is known."""
        if self.subjects < FEWEST_SUBJECTS:
            return 0.0
        return min(1.0, self.counts.get(level, {}).get(value, 0) / self.subjects)


UNKNOWN: Final = Population()
