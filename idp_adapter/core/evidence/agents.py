"""How usual is this user agent for the subject? One likelihood ratio over a hierarchy, for the device source.

The whole agent, its browser, its platform and its device class tell one story four times, so their shares are mixed
inside one ratio p(agent | subject) / p(agent) before any logarithm, as Freeman et al. (NDSS 2016, section V) smooth
unseen values by wider ones; they are never added as if independent. An upgrade counts as the version it came from. Who
phished a password knows the user agent too: it reassures little, whatever the ratio says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Reason, Sighting
from idp_adapter.core.user_agent import Agent, agent_of

# By level: the weight that das-group published for it (Wiefling et al., "What's in Score for Website Users", FC 2021),
# and the share of all people who show the same value there. The shares are set by judgement.
LEVELS: Final = (("agent", 0.54, 0.10), ("browser", 0.27, 0.15), ("platform", 0.19, 0.30), ("class", 0.005, 0.50))
_WEIGHTS: Final = sum(weight for _, weight, _ in LEVELS)
SMOOTHING: Final = 2.0  # confirmed logins that count as much as all that is usual of anybody
# Bounds and single weights in nats, set by judgement, looked at beside what benchmarks/population shows.
MOST_KNOWN: Final = -0.1  # who phishes a password knows it
MOST_NEW: Final = 0.6
DOWNGRADED: Final = 0.8
CONTRADICTED: Final = 0.8
_HINTED: Final = {"Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS"}
_PLATFORMS: Final = frozenset({"Windows", "macOS", "Linux", "Android", "ChromeOS", "iOS"})


@dataclass(frozen=True, slots=True)
class Compared:
    """An agent beside one that the subject showed before, so often: whether they are the same, level by level."""

    count: int
    same: tuple[bool, bool, bool, bool]
    newer_by: int  # majors, where the browser is of the same kind; else 0


def compared(agent: Agent, sightings: Iterable[Sighting], *, now: datetime) -> tuple[Compared, ...]:
    """The agent beside each that is known of the subject."""
    return tuple(
        _beside(agent, before, sighting, now)
        for sighting in sightings
        if (before := agent_of(sighting.value)) is not None
    )


def ratio(seen: Sequence[Compared]) -> float:
    """The mixed likelihood ratio p(agent | subject) / p(agent), over 0; 1 for a subject of whom nothing is known."""
    mixed = sum(
        weight * sum(one.count for one in seen if one.same[level]) / common
        for level, (_, weight, common) in enumerate(LEVELS)
    )
    total = sum(one.count for one in seen)
    return (mixed / _WEIGHTS + SMOOTHING) / (total + SMOOTHING)


def weigh(situation: Situation) -> tuple[Reason, ...]:
    """The agent's reasons; none where it or the subject's agents are not known."""
    agent = agent_of(situation.signals.user_agent)
    sightings = situation.history.habits.user_agents
    if agent is None or not sightings:
        return ()
    seen = compared(agent, sightings, now=situation.now)
    nats = max(MOST_KNOWN, min(MOST_NEW, -math.log(ratio(seen))))
    known = next((name for level, (name, _, _) in enumerate(LEVELS) if any(one.same[level] for one in seen)), None)
    if known == "agent":
        return (Reason("user_agent_known", round(min(nats, 0.0), 4)),)
    params = {"family": agent.family, "platform": agent.platform, "known": known or "nothing"}
    differences = [one.newer_by for one in seen if one.newer_by]
    if differences and max(differences) < 0:  # the subject's browser of this kind has only ever been newer
        return (Reason("user_agent_downgraded", round(max(nats, DOWNGRADED), 4), params),)
    return (Reason("user_agent_new", round(max(nats, 0.0), 4), params),)


def contradicted(situation: Situation) -> tuple[Reason, ...]:
    """Whether the client hints that the page saw tell another platform or class than the request's own user agent."""
    agent, telemetry = agent_of(situation.signals.user_agent), situation.signals.telemetry
    if agent is None or telemetry is None:
        return ()
    hinted = _HINTED.get(telemetry.facts.platform or "", telemetry.facts.platform)
    other_platform = hinted in _PLATFORMS and agent.platform in _PLATFORMS and hinted != agent.platform
    if other_platform or (telemetry.facts.mobile and agent.device_class == "desktop"):
        return (Reason("user_agent_contradicts_hints", CONTRADICTED, {"platform": agent.platform}),)
    return ()


def _beside(agent: Agent, before: Agent, sighting: Sighting, now: datetime) -> Compared:
    version = agent.family == before.family and agent.may_follow(before, now - sighting.last_seen)
    same_class = agent.device_class == before.device_class
    platform = agent.platform == before.platform and same_class
    newer_by = agent.major - before.major if agent.family == before.family and platform else 0
    return Compared(sighting.count, (version and platform, version, platform, same_class), newer_by)
