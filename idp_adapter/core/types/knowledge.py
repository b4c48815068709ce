"""What is known of a subject, as stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from idp_adapter.core.types.names import ComplianceStatus
from idp_adapter.core.types.questions import Binding


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
    """What a subject proved to have, or brought along: a browser profile, a cookie jar, a client's key or certificate.

    `id` is the thumbprint of the collector's key or of a DPoP key (RFC 7638), that of a certificate (RFC 8705), or a
    cookie's pseudonym. `last_seen` is of the last confirmed login.
    """

    id: str
    kind: str  # "key", "cookie", "jkt" or "x5t"
    first_seen: datetime
    last_seen: datetime
    seen: int = 1
    user_agent: str = ""  # family, version and platform, never the whole string
    confirmed: bool = False
    paired_key: str | None = None  # of a cookie: the collector's key that came along
    name: str | None = None  # given by a person; not read for decisions


@dataclass(frozen=True, slots=True)
class Posture:
    """What one reporter says of a device.

    `seen` is the time of its newest report, `since` that of the first of this status in a row, `before` that of the
    first of the status before, None where there was none.
    """

    device_id: str
    source: str
    status: ComplianceStatus
    since: datetime
    seen: datetime
    before: datetime | None = None


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
class FamiliarPlace:
    """A circle on the map: the mean point and accuracy radius of so many confirmed logins."""

    latitude: float
    longitude: float
    radius_km: float
    count: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against how the code of a session's last step-up was typed: a reason's code, and its nats."""

    sid: str
    time: datetime
    code: str
    nats: float


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
    last: LastLogin | None = None  # of those whose place no egress hid
    places: tuple[FamiliarPlace, ...] = ()
    doubts: tuple[Doubt, ...] = ()  # newest first


@dataclass(frozen=True, slots=True)
class Failures:
    """Recent failed logins: the subject's own, and, from the same prefix, those of other subjects.

    Of the prefix: failures, known subjects who failed, failures that name nobody, and subjects who were let in.
    """

    of_subject: tuple[datetime, ...] = ()
    of_prefix: int = 0
    subjects_of_prefix: int = 0
    nameless_of_prefix: int = 0
    let_in_of_prefix: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All that one read brings of a subject: the only stored input of a decision."""

    habits: Habits = Habits()
    devices: tuple[Device, ...] = ()
    failures: Failures = Failures()
    credential_changed: datetime | None = None  # when last, if lately
    templates: Mapping[str, bytes] = field(default_factory=dict)  # profile key -> a model's own bytes
    demands: int = 0  # step-ups asked for since `HistoryQuery.demands_since` that nobody completed
    first_binding: Binding = Binding()  # what this session's earliest decision with a bound token showed
    postures: tuple[Posture, ...] = ()  # of the devices that this request shows
