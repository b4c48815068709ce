"""Device: is this a browser profile that the subject used before?

The collector's key, proved over the form's challenge, weighs most: it can't be copied. The first-party cookie is
the fallback; it can be copied, so a cookie that comes without the key it used to travel with speaks against. The
user agent is a weak third and only its family counts, so that upgrades stay quiet. Abstains for subjects without a
device, for workloads, and at hooks where no browser speaks.
"""

from __future__ import annotations

from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Device, Evidence, Hook, Reason
from idp_adapter.core.user_agent import family_of

SOURCE: Final = "device"
KEY_KNOWN: Final = -3.0
KEY_UNCONFIRMED: Final = -0.5
KEY_NEW: Final = 1.8
COOKIE_KNOWN: Final = -2.0
COOKIE_WITHOUT_KEY: Final = 0.7
DEVICE_UNKNOWN: Final = 1.5
AGENT_KNOWN: Final = -0.2
AGENT_NEW: Final = 0.8
_BROWSER_HOOKS: Final = frozenset({Hook.LOGIN})


def score(situation: Situation) -> Evidence:
    """Weigh key, cookie and user agent against the subject's devices."""
    if situation.request.action not in _BROWSER_HOOKS or situation.request.subject.key.type != "user":
        return Evidence.abstain(SOURCE, "device_not_seen_here")
    devices = situation.history.devices
    if not devices:
        return Evidence.abstain(SOURCE, "device_history_none")
    reasons = [_identity(situation, devices)]
    if agent := _agent(situation, devices):
        reasons.append(agent)
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), tuple(reasons))


def _identity(situation: Situation, devices: tuple[Device, ...]) -> Reason:
    keys = {device.id: device for device in devices if device.kind == "key"}
    cookies = {device.id for device in devices if device.kind == "cookie"}
    telemetry = situation.signals.telemetry
    key_id = telemetry.key_id if telemetry else None
    if key_id in keys:
        known = keys[key_id].confirmed
        return Reason(
            "device_key_known" if known else "device_key_unconfirmed", KEY_KNOWN if known else KEY_UNCONFIRMED
        )
    if situation.signals.cookie_id in cookies:
        if keys and key_id is None:
            return Reason("device_cookie_known", COOKIE_KNOWN / 2)
        if keys:
            return Reason("device_cookie_without_its_key", COOKIE_WITHOUT_KEY, for_user="new_device")
        return Reason("device_cookie_known", COOKIE_KNOWN)
    if key_id is not None:
        return Reason("device_key_new", KEY_NEW, for_user="new_device")
    return Reason("device_unknown", DEVICE_UNKNOWN, for_user="new_device")


def _agent(situation: Situation, devices: tuple[Device, ...]) -> Reason | None:
    family = family_of(situation.signals.user_agent)
    known = {family_of(device.user_agent) for device in devices} - {""}
    if not family or not known:
        return None
    if family in known:
        return Reason("user_agent_known", AGENT_KNOWN)
    return Reason("user_agent_new", AGENT_NEW, {"family": family})
