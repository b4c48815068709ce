"""What a confirmed outcome teaches: new habits, devices and templates from old ones. Inputs stay untouched.

Only a confirmed outcome teaches (law 3): a completed step-up, or a quiet login with independent strong evidence (a
known device), or one of a new subject's first few quiet logins, where there is nothing yet to compare with. Every
list is bounded; the least and longest unseen leaves first. Of each text one row a login is learnt, six a day, and of
the pointer one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core import templates
from idp_adapter.core.devices import thumbprints
from idp_adapter.core.evidence import coded, keystroke, pointed, typed
from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.evidence.behaviour import BehaviourModel, P, S
from idp_adapter.core.evidence.hours import counted
from idp_adapter.core.evidence.network_feeds import is_masked, tags_of
from idp_adapter.core.places import visited
from idp_adapter.core.types import (
    Binding,
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
    Subject,
    Telemetry,
    Typing,
)
from idp_adapter.errors import ProfileDamaged

MOST_SIGHTINGS: Final = 16
MOST_DEVICES: Final = 16
STRONG_NATS: Final = -1.5  # device evidence at least this reassuring counts as independent proof


@dataclass(frozen=True, slots=True)
class Learning:
    """A policy's learning rules.

    `first_logins`: how many first quiet logins are trusted, so that a new subject can start. `baseline_valid`: how long
    after its last confirmed row a template may speak; then it is learnt anew.
    """

    first_logins: int
    baseline_valid: timedelta


@dataclass(frozen=True, slots=True)
class Taught:
    """What one confirmed outcome changed. `forgotten` devices and templates that are None left for want of room."""

    habits: Habits
    devices: tuple[Device, ...]
    forgotten: tuple[Device, ...]
    templates: Mapping[str, bytes | None]


def learnable(request: Request, signals: Signals) -> Learnable | None:
    """What this attempt could teach if its outcome is confirmed; None where it shows nothing of the subject."""
    telemetry = signals.telemetry
    if telemetry is None and signals.cookie_id is None and request.binding == Binding():
        return None
    return Learnable(
        device_key=telemetry.key_id if telemetry else None,
        device_cookie=signals.cookie_id,
        typings=_typings(telemetry, request.subject) if telemetry else {},
        clock_step_s=telemetry.clock_step_s if telemetry else None,
        binding=request.binding,
        moves=pointed.moves_by_key(signals),
    )


def with_code(record: DecisionRecord, telemetry: Telemetry) -> DecisionRecord:
    """The record, to teach the code too that was typed on a later form than the one it was asked about."""
    typings = _typings(telemetry, Subject(record.subject))
    codes = {key: typing for key, typing in typings.items() if typing.field in typed.CODES}
    if not codes:
        return record
    seen = record.learnable or Learnable()
    return replace(record, learnable=replace(seen, typings={**seen.typings, **codes}))


def _typings(telemetry: Telemetry, subject: Subject) -> dict[str, Typing]:
    """What was typed and timed well enough to learn from, by its profile's key."""
    if not typed.is_legible(telemetry):
        return {}
    keyed = typed.typings_by_key(telemetry, subject)
    return {key: typing for key, typing in keyed.items() if keystroke.row_of(typing) is not None}


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


def learn(
    record: DecisionRecord,
    history: History,
    rules: Learning,
    *,
    proved: bool = False,
    backgrounds: Backgrounds = SHIPPED,
) -> Taught:
    """Habits, devices and templates after one confirmed login.

    `proved` says that a step-up showed the subject at the keyboard; without it, a typing that its own profile, beside
    the deployment's `backgrounds`, is not sure of is not learnt.
    """
    devices = _devices(record, history.devices)
    return Taught(
        habits=_habits(record, history.habits),
        devices=devices,
        forgotten=_longest_unseen(history.devices, devices),
        templates=_templates(record, history.templates, rules, backgrounds, proved=proved),
    )


def _habits(record: DecisionRecord, old: Habits) -> Habits:
    origin, place, time = record.origin, record.origin.place, record.time
    is_hidden = is_masked(tags_of(record.decision.risk.contributions))
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
        hours=counted(old.hours, time),
        last=LastLogin(time, origin) if origin.address and not is_hidden else old.last,
        places=old.places if is_hidden else visited(old.places, place, time),
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
    """The devices that changed, at most one of each kind. A cookie keeps in mind the key that came along."""
    seen = record.learnable or Learnable()
    pairs = (("key", seen.device_key), ("cookie", seen.device_cookie), *thumbprints(seen.binding).items())
    known = {(device.kind, device.id): device for device in old}
    changed = []
    for kind, device_id in pairs:
        if device_id is None:
            continue
        before = known.get((kind, device_id))
        fresh = before or Device(device_id, kind, record.time, record.time, seen=0)
        fresh = replace(fresh, last_seen=record.time, seen=fresh.seen + 1, confirmed=True)
        paired_key = seen.device_key or fresh.paired_key if kind == "cookie" else None
        changed.append(replace(fresh, user_agent=record.user_agent or fresh.user_agent, paired_key=paired_key))
    return tuple(changed)


def _longest_unseen(old: tuple[Device, ...], changed: tuple[Device, ...]) -> tuple[Device, ...]:
    seen_now = {(device.kind, device.id) for device in changed}
    rest = [device for device in old if (device.kind, device.id) not in seen_now]
    rest.sort(key=lambda device: device.last_seen, reverse=True)
    return tuple(rest[MOST_DEVICES - len(changed) :])


def _templates(
    record: DecisionRecord, old: Mapping[str, bytes], rules: Learning, backgrounds: Backgrounds, *, proved: bool
) -> Mapping[str, bytes | None]:
    """The templates that changed, by profile key; None for one that leaves."""
    seen = record.learnable or Learnable()
    texts = typed.samples(seen.typings, seen.clock_step_s) | coded.samples(seen.typings, backgrounds.any_text)
    samples = texts | pointed.samples(seen.moves, backgrounds.pointer)
    if not samples:
        return {}
    known = {key: template for key, stored in old.items() if (template := _readable(stored)) is not None}
    valid_from = record.time - rules.baseline_valid
    taught = {
        key: template_after(model, known.get(key), sample, at=record.time, valid_from=valid_from, proved=proved)
        for key, (model, sample) in samples.items()
    }
    kept = templates.fitted({**known, **taught}, first=taught)
    written = {key: templates.to_bytes(template) for key, template in kept.items()}
    changed: dict[str, bytes | None] = {key: data for key, data in written.items() if data != old.get(key)}
    return changed | {key: None for key in old if key not in kept}


def _readable(stored: bytes) -> templates.Envelope | None:
    try:
        return templates.from_bytes(stored)
    except ProfileDamaged:
        return None


def template_after(
    model: BehaviourModel[P, S],
    known: templates.Envelope | None,
    sample: S,
    *,
    at: datetime,
    valid_from: datetime,
    proved: bool,
) -> templates.Envelope:
    """A template after one confirmed sample: learnt from, or only scored; begun anew where nothing known is valid.

    `proved` as for `learn`. Raises ValueError for a sample that is not finite or not of the profile's shape.
    """
    profile = None if known is None or templates.is_expired(known, valid_from=valid_from) else _profile(model, known)
    if known is None or profile is None:
        return templates.started(model.to_bytes(model.learn(model.empty(), sample, now=at)), at=at)
    nats = model.nats(profile, sample)
    if not (proved or model.admits(profile, sample)):
        return templates.scored(known, nats, refused=True)
    if templates.is_full(known, at=at):
        return templates.scored(known, nats, refused=False)
    return templates.learnt(known, model.to_bytes(model.learn(profile, sample, now=at)), at=at, nats=nats)


def _profile(model: BehaviourModel[P, S], template: templates.Envelope) -> P | None:
    try:
        return model.from_bytes(template.current.profile)
    except ProfileDamaged:
        return None
