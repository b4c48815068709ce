"""How usual is this user agent for the subject? One likelihood ratio over a hierarchy, for the device source.

The whole agent, its browser, its platform and its device class tell one story four times, so their shares are mixed
inside one ratio p(agent | subject) / p(agent) before any logarithm, as Freeman et al. (NDSS 2016, section V) smooth
unseen values by wider ones; they are never added as if independent. An upgrade counts as the version it came from. Who
phished a password knows the user agent too: it reassures little, whatever the ratio says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Reason, Sighting
from idp_adapter.core.user_agent import Agent, agent_of

# By level: the weight that das-group published for it (Wiefling et al., "What's in Score for Website Users", FC 2021),
# and the share of all people who show the same value there. The shares are set by judgement; they are to be fitted on
# the synthetic population.
LEVELS: Final = (("agent", 0.54, 0.10), ("browser", 0.27, 0.15), ("platform", 0.19, 0.30), ("class", 0.005, 0.50))
SMOOTHING: Final = 2.0  # confirmed logins that count as much as all that is usual of anybody
# Bounds and single weights in nats, set by judgement; they are to be fitted on the synthetic population.
MOST_KNOWN: Final = -0.5
MOST_NEW: Final = 1.2
DOWNGRADED: Final = 0.8
CONTRADICTED: Final = 0.8
_HINTED: Final = {"Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS"}
_PLATFORMS: Final = frozenset({"Windows", "macOS", "Linux", "Android", "ChromeOS", "iOS"})


def ratio(agent: Agent, sightings: Iterable[Sighting], *, now: datetime) -> float:
    """The mixed likelihood ratio p(agent | subject) / p(agent), over 0; 1 for a subject of whom nothing is known."""
    total = 0
    shown = [0, 0, 0, 0]
    for sighting in sightings:
        before = agent_of(sighting.value)
        if before is None:
            continue
        total += sighting.count
        for level, same in enumerate(_same(agent, before, now, sighting)):
            shown[level] += sighting.count * same
    mixed = sum(weight * count / common for (_, weight, common), count in zip(LEVELS, shown, strict=True))
    mixed /= sum(weight for _, weight, _ in LEVELS)
    return (mixed + SMOOTHING) / (total + SMOOTHING)


def weigh(situation: Situation) -> tuple[Reason, ...]:
    """The agent's reasons; none where it or the subject's agents are not known."""
    agent = agent_of(situation.signals.user_agent)
    sightings = situation.history.habits.user_agents
    if agent is None or not sightings:
        return ()
    nats = max(MOST_KNOWN, min(MOST_NEW, -math.log(ratio(agent, sightings, now=situation.now))))
    level = widest_match(agent, sightings, now=situation.now)
    if level == "agent":
        return (Reason("user_agent_known", round(min(nats, 0.0), 4)),)
    params = {"family": agent.family, "platform": agent.platform, "known": level or "nothing"}
    if _is_downgrade(agent, sightings):
        return (Reason("user_agent_downgraded", round(max(nats, DOWNGRADED), 4), params),)
    return (Reason("user_agent_new", round(max(nats, 0.0), 4), params),)


def widest_match(agent: Agent, sightings: Iterable[Sighting], *, now: datetime) -> str | None:
    """The narrowest level on which the subject showed the same before; None where there is none."""
    seen = [
        _same(agent, before, now, sighting)
        for sighting in sightings
        if (before := agent_of(sighting.value)) is not None
    ]
    return next((name for level, (name, _, _) in enumerate(LEVELS) if any(same[level] for same in seen)), None)


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


def _same(agent: Agent, before: Agent, now: datetime, sighting: Sighting) -> tuple[bool, bool, bool, bool]:
    """Whether both show the same, level by level."""
    version = agent.family == before.family and agent.may_follow(before, now - sighting.last_seen)
    same_class = agent.device_class == before.device_class
    platform = agent.platform == before.platform
    return version and platform and same_class, version, platform and same_class, same_class


def _is_downgrade(agent: Agent, sightings: Iterable[Sighting]) -> bool:
    """Whether the subject's browser of this kind has only ever been newer."""
    seen = (agent_of(sighting.value) for sighting in sightings)
    majors = [before.major for before in seen if before is not None and before.kind == agent.kind]
    return bool(majors) and agent.major < min(majors)
