"""One honest person: a home, an office, browsers, a hand, habits of time; and one visit of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from benchmarks.population import things, world
from benchmarks.population.things import Browser, Hand, Text
from benchmarks.population.world import City, Network, address

DAYS: Final = 100  # of the whole history; people join in the first JOIN_DAYS
JOIN_DAYS: Final = 20


@dataclass(frozen=True, slots=True)
class Visit:
    """One login: when, with what, from where, to what."""

    at: datetime
    browser: Browser
    ip: str
    client: str
    has_script: bool = True


@dataclass
class Home:
    """What people of one household or company share."""

    city: City
    network: Network
    prefix: int
    is_dynamic: bool = False
    browser: Browser | None = None  # a family's or a call centre's computer


@dataclass
class Person:
    """An honest subject. `hours` are the centres of the day's logins, UTC."""

    id: str
    kind: str
    city: City
    home: Home
    office: Home
    carrier: Network
    desk: Browser
    phone: Browser
    hand: Hand
    texts: tuple[Text, ...]
    types: bool
    begins: datetime
    has_script: bool
    hours: tuple[float, ...] = (8.5, 11.0, 14.5)
    weekly: float = 3.6
    weekdays_only: bool = True
    vpn: Network = world.VPNS[0]
    vpn_cities: tuple[City, ...] = world.HOME
    trips: tuple[tuple[datetime, datetime, City], ...] = ()
    changes_at: datetime | None = None  # a new device or another browser
    changed_to: Browser | None = None
    _lines: dict[int, str] = field(default_factory=dict)

    def line(self, at: datetime, rng: Random) -> str:
        """The address at home: one prefix and a new host every ten days, or all new every day."""
        period = int((at - things.EPOCH) / timedelta(days=1 if self.home.is_dynamic else 10))
        if period not in self._lines:
            prefix = None if self.home.is_dynamic else self.home.prefix
            self._lines[period] = address(self.home.network, self.home.city, rng, prefix=prefix)
        return self._lines[period]

    def desk_address(self) -> str:
        """The address at work: one egress of the company."""
        egress = Random(f"{self.office.network.asn}/{self.office.prefix}")
        return address(self.office.network, self.office.city, egress, prefix=self.office.prefix)
