"""What is known of a subject, as stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is: country code, ASN, and a point with its accuracy radius; unknown parts are None."""

    country: str | None = None
    asn: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as stored: keyed per-realm pseudonyms of the address and its prefix, and its place."""

    address: str | None = None
    prefix: str | None = None
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class Device:
    """One browser profile or cookie jar of a subject. `id` is a key's RFC 7638 thumbprint or a cookie's pseudonym."""

    id: str
    kind: str  # "key" or "cookie"
    first_seen: datetime
    last_seen: datetime
    seen: int = 1
    user_agent: str = ""  # family and platform, never the whole string
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often, first and last, a subject's confirmed logins showed one value (an origin, a user agent)."""

    value: str
    count: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class LastLogin:
    """Time and origin of the last completed login, for travel."""

    time: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class Habits:
    """What confirmed logins taught of a subject: bounded counters of values. Rebuilt, never mutated."""

    logins: int = 0
    since: datetime | None = None
    addresses: tuple[Sighting, ...] = ()
    prefixes: tuple[Sighting, ...] = ()
    networks: tuple[Sighting, ...] = ()  # ASNs
    countries: tuple[Sighting, ...] = ()
    user_agents: tuple[Sighting, ...] = ()
    clients: tuple[Sighting, ...] = ()
    hours: tuple[int, ...] = ()  # 168 counters of the hour of the week, Monday 00 UTC first; empty while young
    last: LastLogin | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Recent failed logins: the subject's own, and those of other subjects from the same prefix."""

    of_subject: tuple[datetime, ...] = ()
    of_prefix: int = 0
    subjects_of_prefix: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All that one read brings of a subject: the only stored input of a decision."""

    habits: Habits = Habits()
    devices: tuple[Device, ...] = ()
    failures: Failures = Failures()
    templates: Mapping[str, bytes] = field(default_factory=dict)  # profile key -> a model's own bytes
