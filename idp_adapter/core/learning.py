"""What a confirmed outcome teaches: new habits, devices and templates from old ones. Inputs stay untouched.

Only a confirmed outcome teaches (law 3): a completed step-up, or a quiet login with independent strong evidence (a
known device), or one of a new subject's first few quiet logins, where there is nothing yet to compare with. Every
list is bounded; the least and longest unseen leaves first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence import keystroke
from idp_adapter.core.evidence.hours import HOURS, hour_of_week
from idp_adapter.core.types import (
    DecisionRecord,
    Device,
    Evidence,
    Habits,
    History,
    LastLogin,
    Learnable,
    Level,
    Outcome,
    OutcomeType,
    Request,
    Sighting,
    Signals,
)
from idp_adapter.errors import ProfileDamaged

MOST_SIGHTINGS: Final = 24
MOST_DEVICES: Final = 16
STRONG_NATS: Final = -1.5  # device evidence at least this reassuring counts as independent proof


@dataclass(frozen=True, slots=True)
class Learning:
    """A policy's learning rules: how many first quiet logins are trusted, so that a new subject can start."""

    first_logins: int


@dataclass(frozen=True, slots=True)
class Taught:
    """What one confirmed outcome changed."""

    habits: Habits
    devices: tuple[Device, ...]
    templates: Mapping[str, bytes]


def learnable(request: Request, signals: Signals) -> Learnable | None:
    """What this attempt could teach if its outcome is confirmed; None where it shows nothing of the subject."""
    telemetry = signals.telemetry
    if telemetry is None and signals.cookie_id is None:
        return None
    version = str(request.subject.properties.get("credential_version", ""))
    typings = keystroke.typings_by_key(telemetry.fields, version) if telemetry else {}
    return Learnable(
        device_key=telemetry.key_id if telemetry else None,
        device_cookie=signals.cookie_id,
        typings={key: typing for key, typing in typings.items() if keystroke.row_of(typing) is not None},
        clock_step_s=telemetry.clock_step_s if telemetry else None,
    )


def confirmed(record: DecisionRecord, outcome: Outcome, history: History, learning: Learning) -> bool:
    """Whether this outcome proves that the genuine subject was there."""
    if outcome.type is OutcomeType.STEP_UP_SUCCEEDED:
        return True
    if outcome.type is not OutcomeType.LOGIN_SUCCEEDED or not record.decision.permitted:
        return False
    if record.decision.risk.level is not Level.LOW:
        return False
    known_device = any(_reassures(item) for item in record.decision.risk.contributions)
    return known_device or record.subject.type != "user" or history.habits.logins < learning.first_logins


def _reassures(item: Evidence) -> bool:
    return item.source == "device" and not item.abstains and item.nats <= STRONG_NATS


def learn(record: DecisionRecord, history: History, *, proved: bool = False) -> Taught:
    """Habits, devices and templates after one confirmed login.

    `proved` says that a step-up showed the subject at the keyboard; without it, a typing that its own profile is not
    sure of is not learnt.
    """
    return Taught(
        habits=_habits(record, history.habits),
        devices=_devices(record, history.devices),
        templates=_templates(record.learnable, history.templates, proved=proved),
    )


def _habits(record: DecisionRecord, old: Habits) -> Habits:
    origin, place, time = record.origin, record.origin.place, record.time
    hours = list(old.hours) if len(old.hours) == HOURS else [0] * HOURS
    hours[hour_of_week(time)] += 1
    return replace(
        old,
        logins=old.logins + 1,
        since=old.since or time,
        addresses=_sighted(old.addresses, origin.address, time),
        prefixes=_sighted(old.prefixes, origin.prefix, time),
        networks=_sighted(old.networks, None if place.asn is None else str(place.asn), time),
        countries=_sighted(old.countries, place.country, time),
        user_agents=_sighted(old.user_agents, record.user_agent or None, time),
        clients=_sighted(old.clients, record.client, time),
        hours=tuple(hours),
        last=LastLogin(time, origin) if origin.address else old.last,
    )


def _sighted(old: tuple[Sighting, ...], value: str | None, time: datetime) -> tuple[Sighting, ...]:
    if value is None:
        return old
    found = next((sighting for sighting in old if sighting.value == value), None)
    rest = [sighting for sighting in old if sighting.value != value]
    fresh = replace(found, count=found.count + 1, last_seen=time) if found else Sighting(value, 1, time, time)
    rest.sort(key=lambda sighting: (sighting.last_seen, sighting.count), reverse=True)
    return (fresh, *rest[: MOST_SIGHTINGS - 1])


def _devices(record: DecisionRecord, old: tuple[Device, ...]) -> tuple[Device, ...]:
    """The devices that changed, at most one key and one cookie."""
    seen = record.learnable or Learnable()
    pairs = (("key", seen.device_key), ("cookie", seen.device_cookie))
    known = {(device.kind, device.id): device for device in old}
    changed = []
    for kind, device_id in pairs:
        if device_id is None:
            continue
        before = known.get((kind, device_id))
        fresh = before or Device(device_id, kind, record.time, record.time, seen=0)
        changed.append(
            replace(fresh, last_seen=record.time, seen=fresh.seen + 1, user_agent=record.user_agent, confirmed=True)
        )
    return tuple(changed)


def _templates(seen: Learnable | None, old: Mapping[str, bytes], *, proved: bool) -> Mapping[str, bytes]:
    model = keystroke.FixedText()
    taught: dict[str, bytes] = {}
    for key, row in keystroke.profile_keys(seen.typings if seen else {}).items():
        try:
            known = keystroke.from_bytes(old[key]) if key in old else None
        except ProfileDamaged:
            known = None
        if known is None or proved or model.admits(known, row):
            taught[key] = keystroke.to_bytes(model.learn(known or model.empty(), row))
    return taught
