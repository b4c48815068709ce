"""Device: is this a browser profile, or a bound client, that the subject used before?

The collector's key, proved over the form's challenge, weighs most: it can't be copied. The signed first-party cookie is
the fallback; it can be copied, so one that comes without the key that it used to travel with, from another browser or
platform, or from two places at once does not reassure. A browser that looks like a known one but does not prove the key
that was always there is a copied fingerprint; a proof made for another form is a replay. A browser that nothing names
weighs the more the rarer the subject brings one, by how many of those before were seen but once. A device past its
trust says nothing. The user agent speaks by its hierarchy where nothing proved which browser it is: upgrades are quiet,
downgrades are not. Where tokens are asked for, the proof-of-possession key or certificate speaks instead. Abstains
without devices to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from idp_adapter.core.devices import BROWSERS, of_kinds
from idp_adapter.core.evidence import agents, bindings
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.origins import distance_km
from idp_adapter.core.types import Device, Evidence, Hook, Reason
from idp_adapter.core.user_agent import agent_of

SOURCE: Final = "device"
# In nats, set by judgement, looked at beside what benchmarks/population shows.
KEY_KNOWN: Final = -3.0
KEY_UNCONFIRMED: Final = -0.5
KEY_ELSEWHERE: Final = 0.5  # the whole profile was copied, or a phone asks for the desktop's page
COOKIE_KNOWN: Final = -2.0
COOKIE_KEY_SILENT: Final = -0.3  # of a form that was filled in: blocked, too slow to sign, or a thief
COOKIE_WITHOUT_KEY: Final = 0.7
COOKIE_COPIED: Final = 2.0
COOKIE_IN_TWO_PLACES: Final = 1.0
FINGERPRINT_COPIED: Final = 0.4  # beside being new
LEAST_NEW: Final = 1.5  # of a subject whose browser forgets everything
MOST_NEW: Final = 4.4
_STRANGERS: Final = 0.4  # most attackers come with a browser of their own; so do few people: beside its rarity, nats
TRUST_EXPIRED: Final = 0.0
PROOF_REPLAYED: Final = 0.8
PROOF_FORGED: Final = 1.2
_ALWAYS: Final = 3  # confirmed logins with its key that make a browser one which always shows it
_NAMELESS: Final = frozenset({"device_unknown", "device_key_new"})  # nothing of the subject's named the browser
_FORGED: Final = frozenset({"bad_signature", "bad_key", "bad_header"})
_FAR_KM, _FASTEST_KM_H = 300.0, 1000.0  # geolocation's errors, an airliner
_EGRESS: Final = frozenset({"allow", "vpn", "relay"})  # feeds' tags of where people come out who are elsewhere
_CLOCKS: Final = timedelta(minutes=2)


def score(situation: Situation) -> Evidence:
    """Weigh key, cookie, user agent and token binding against what the subject had before."""
    action = situation.request.action
    if action in bindings.HOOKS:
        bound = bindings.weigh(situation)
        return _evidence((bound,)) if bound else Evidence.abstain(SOURCE, "device_not_seen_here")
    if action != Hook.LOGIN or situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "device_not_seen_here")
    devices = of_kinds(situation.history.devices, BROWSERS)
    if not devices:
        return Evidence.abstain(SOURCE, "device_history_none")
    identity = _identity(situation, devices)
    agent = agents.weigh(situation) if identity.code in _NAMELESS else ()
    return _evidence((identity, *_proof(situation), *agent, *agents.contradicted(situation)))


def _evidence(reasons: tuple[Reason, ...]) -> Evidence:
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), reasons)


def _identity(situation: Situation, devices: tuple[Device, ...]) -> Reason:
    telemetry = situation.signals.telemetry
    key_id = telemetry.key_id if telemetry else None
    key = next((device for device in devices if device.kind == "key" and device.id == key_id), None)
    if key is not None:
        return _of_key(situation, key)
    cookie_id = situation.signals.cookie_id
    cookie = next((device for device in devices if device.kind == "cookie" and device.id == cookie_id), None)
    if cookie is not None:
        return _of_cookie(situation, cookie, key_id)
    nats = newness_nats(devices)
    if key_id is not None:
        return Reason("device_key_new", nats, for_user="new_device")
    if _filled_in_a_form(situation) and any(_looks_like(situation, device) for device in devices):
        return Reason("device_fingerprint_copied", nats + FINGERPRINT_COPIED, for_user="new_device")
    return Reason("device_unknown", nats, for_user="new_device")


def newness_nats(devices: Sequence[Device]) -> float:
    """How much a browser weighs that none of these is.

    A login brings a new one as often as those before were seen but once (I. J. Good, Biometrika 1953), and a half.
    """
    times = [device.seen for device in devices if device.kind == "key"] or [device.seen for device in devices]
    share_new = (times.count(1) + 0.5) / (sum(times) + 2)
    return round(min(MOST_NEW, max(LEAST_NEW, _STRANGERS - math.log(share_new))), 4)


def _of_key(situation: Situation, key: Device) -> Reason:
    if not key.confirmed:
        return Reason("device_key_unconfirmed", KEY_UNCONFIRMED)
    if _is_another_browser(situation, key):
        return Reason("device_key_elsewhere", KEY_ELSEWHERE)
    if not situation.trusts(key):
        return Reason("device_trust_expired", TRUST_EXPIRED)
    return Reason("device_key_known", KEY_KNOWN)


def _of_cookie(situation: Situation, cookie: Device, key_id: str | None) -> Reason:
    if _is_another_browser(situation, cookie):
        return Reason("device_cookie_copied", COOKIE_COPIED, for_user="new_device")
    if cookie.paired_key is not None and key_id is not None:
        return Reason("device_cookie_without_its_key", COOKIE_WITHOUT_KEY, for_user="new_device")
    if _is_in_two_places(situation, cookie):
        return Reason("device_cookie_in_two_places", COOKIE_IN_TWO_PLACES, for_user="new_device")
    if not situation.trusts(cookie):
        return Reason("device_trust_expired", TRUST_EXPIRED)
    if cookie.paired_key is None:
        return Reason("device_cookie_known", COOKIE_KNOWN)
    if _filled_in_a_form(situation):
        return Reason("device_cookie_key_silent", COOKIE_KEY_SILENT)
    return Reason("device_cookie_known", COOKIE_KNOWN / 2)


def _proof(situation: Situation) -> tuple[Reason, ...]:
    """Whether the proof that came was made for another form, or by no key at all."""
    rejected = situation.signals.telemetry_rejected
    if rejected == "challenge":
        return (Reason("device_proof_replayed", PROOF_REPLAYED),)
    return (Reason("device_proof_forged", PROOF_FORGED),) if rejected in _FORGED else ()


def _filled_in_a_form(situation: Situation) -> bool:
    """Whether this is no mere return by Keycloak's session, at which no page can sign anything."""
    signals = situation.signals
    return (
        signals.telemetry is not None or signals.telemetry_rejected is not None or not situation.request.session.age_s
    )


def _looks_like(situation: Situation, device: Device) -> bool:
    """Whether this browser is of the kind of one that always proves its key."""
    now, known = agent_of(situation.signals.user_agent), agent_of(device.user_agent)
    always = device.kind == "key" and device.confirmed and device.seen >= _ALWAYS
    return always and now is not None and known is not None and now.kind == known.kind


def _is_another_browser(situation: Situation, device: Device) -> bool:
    """Whether the user agent is not that of the device, nor one that it may have been upgraded to."""
    now, before = agent_of(situation.signals.user_agent), agent_of(device.user_agent)
    if now is None or before is None:
        return False
    return now.kind != before.kind or not now.may_follow(before, situation.now - device.last_seen)


def _is_in_two_places(situation: Situation, device: Device) -> bool:
    """Whether the device's last login was too far away to be back. Known where it was the subject's last as well."""
    last = situation.history.habits.last
    if last is None or last.time != device.last_seen or not _EGRESS.isdisjoint(situation.signals.network_tags):
        return False
    km = distance_km(last.origin.place, situation.signals.origin.place)
    hours = (max(situation.now - last.time, timedelta()) + _CLOCKS) / timedelta(hours=1)
    return km is not None and km > _FAR_KM and km / hours > _FASTEST_KM_H
