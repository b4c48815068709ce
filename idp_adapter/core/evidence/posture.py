"""Posture: is the device in the state that the organisation wants?

What connectors reported of the devices that this request shows, a signed assertion that came along, and, at a login,
browser and platform against the policy's minimum versions. The strictest of them speaks alone: they tell one story.
`compliant` reassures only where the request proved the device, since a cookie can be copied; `not-compliant` counts
however it is shown. A status past its age says nothing, one that changed twice within an hour is not believed. An
assertion that is not what it claims to be speaks against. Abstains where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from idp_adapter.core.devices import thumbprints
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.posture import is_flapping
from idp_adapter.core.types import ComplianceStatus, Evidence, Hook, Posture, Reason
from idp_adapter.core.user_agent import agent_of

SOURCE: Final = "posture"
# In nats, set by judgement: the population has no posture. Malware and theft come with devices that
# are let go; that one is in order says little of who sits at it.
NOT_COMPLIANT: Final = 1.5
FLAPPING: Final = 0.8
FORGED: Final = 1.2
OUTDATED: Final = 0.6
COMPLIANT: Final = -0.7
_FORGERIES: Final = frozenset({"bad_signature", "bad_key", "bad_header", "other_device", "other_form"})


def score(situation: Situation) -> Evidence:
    """Weigh what is said of the devices that the request shows."""
    reasons = [*_reports(situation), *_assertion(situation), *_outdated(situation)]
    if not reasons:
        known = situation.history.postures or situation.signals.posture
        return Evidence.abstain(SOURCE, "posture_stale" if known else "posture_unknown")
    strictest = max(reasons, key=lambda reason: reason.nats)
    return Evidence(SOURCE, strictest.nats, (strictest,))


def _reports(situation: Situation) -> Iterator[Reason]:
    telemetry = situation.signals.telemetry
    proved = {*thumbprints(situation.request.binding).values()} | {telemetry.key_id if telemetry else None}
    for posture in situation.history.postures:
        if situation.posture.is_fresh(posture.seen, now=situation.now):
            yield _of_report(situation, posture, is_proved=posture.device_id in proved)


def _of_report(situation: Situation, posture: Posture, *, is_proved: bool) -> Reason:
    params = {"source": posture.source}
    if posture.status is ComplianceStatus.NOT_COMPLIANT:
        return Reason("posture_not_compliant", NOT_COMPLIANT, params, "device_posture")
    if is_flapping(posture, now=situation.now):
        return Reason("posture_flapping", FLAPPING, params)
    return Reason("posture_compliant", COMPLIANT, params) if is_proved else Reason("posture_unproved", 0.0, params)


def _assertion(situation: Situation) -> Iterator[Reason]:
    said, rejected = situation.signals.posture, situation.signals.posture_rejected
    if rejected in _FORGERIES:
        yield Reason("posture_assertion_forged", FORGED, {"why": rejected})
    if said is not None and situation.posture.is_fresh(said.time, now=situation.now):
        params = {"source": "assertion"}
        if said.status is ComplianceStatus.NOT_COMPLIANT:
            yield Reason("posture_not_compliant", NOT_COMPLIANT, params, "device_posture")
        else:
            yield Reason("posture_compliant", COMPLIANT, params)


def _outdated(situation: Situation) -> Iterator[Reason]:
    """Against the policy's table. What is newer than the least says nothing: anybody's is."""
    if situation.request.action != Hook.LOGIN:
        return
    agent = agent_of(situation.signals.user_agent)
    for code, product in (
        ("posture_browser_outdated", (agent.family, agent.major) if agent else None),
        ("posture_platform_outdated", situation.signals.platform_version),
    ):
        name, version = product or ("", 0)
        least = situation.posture.minimum_versions.get(name.lower(), 0)
        if version < least:
            yield Reason(code, OUTDATED, {"product": name, "version": version, "least": least}, "device_posture")
