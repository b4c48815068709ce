"""Small builders of core values, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from idp_adapter.core import templates
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import (
    Device,
    Evidence,
    Habits,
    History,
    LastLogin,
    Network,
    Origin,
    Place,
    Request,
    Resource,
    Sighting,
    Signals,
    Subject,
    SubjectId,
    Telemetry,
    Typing,
)

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
LISBON = Place("PT", 64500, 38.7, -9.1, 20.0)
PORTO = Place("PT", 64501, 41.1, -8.6, 20.0)
SINGAPORE = Place("SG", 64502, 1.3, 103.8, 20.0)
HOME = Origin("addr-home", "prefix-home", LISBON)
ABROAD = Origin("addr-abroad", "prefix-abroad", SINGAPORE)
FIREFOX = "Firefox/145 on Linux"


def request(action: str = "login", *, subject_type: str = "user", **network: object) -> Request:
    return Request(
        issuer="https://id.example/realms/demo",
        subject=Subject(SubjectId(subject_type, "subject-1")),
        action=action,
        resource=Resource("oidc_client", "spa"),
        txn="txn-1",
        time=NOW,
        network=Network(ip="192.0.2.1", **network),  # type: ignore[arg-type]
    )


def sighting(value: str) -> Sighting:
    return Sighting(value, 5, NOW - timedelta(days=30), NOW - timedelta(days=1))


def habits(logins: int = 8, **changes: object) -> Habits:
    known = Habits(
        logins=logins,
        since=NOW - timedelta(days=30),
        addresses=(sighting("addr-home"),),
        prefixes=(sighting("prefix-home"),),
        networks=(sighting("64500"),),
        countries=(sighting("PT"),),
        last=LastLogin(NOW - timedelta(hours=1), HOME),
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def device(id_: str = "key-1", kind: str = "key", *, confirmed: bool = True, **changes: object) -> Device:
    known = Device(id_, kind, NOW - timedelta(days=30), NOW - timedelta(days=1), 5, FIREFOX, confirmed)
    return replace(known, **changes)  # type: ignore[arg-type]


def template(profile: bytes, *, learnt_at: datetime = NOW) -> bytes:
    """A model's bytes in their envelope."""
    return templates.to_bytes(templates.started(profile, at=learnt_at))


def typing(
    field: str = "password", keys: int = 8, gap_s: float = 0.15, hold_s: float = 0.09, **flags: object
) -> Typing:
    downs = tuple(i * gap_s + (0.01 if i % 3 else 0.0) for i in range(keys))
    return Typing(field, downs, tuple(down + hold_s + 0.001 * (i % 4) for i, down in enumerate(downs)), **flags)  # type: ignore[arg-type]


def telemetry(*typings: Typing, key_id: str | None = "key-1") -> Telemetry:
    return Telemetry(fields=typings, clock_step_s=0.0001, key_id=key_id)


def situation(
    history: History | None = None, signals: Signals | None = None, asked: Request | None = None
) -> Situation:
    return Situation(asked or request(), signals or Signals(origin=HOME), history or History(), NOW)


def evidence(source: str = "device", nats: float = 1.0, *, behavioural: bool = False) -> Evidence:
    return Evidence(source, nats, behavioural=behavioural)
