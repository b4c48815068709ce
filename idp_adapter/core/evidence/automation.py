"""Automation: what no hand does.

Flags that the page sees (`webdriver`, events that a script made) and timings beyond a body: holds under 5 ms, gaps
all equal. It can't tell a bot that replays the subject's own statistics in one login; other sources must. Abstains
without telemetry.
"""

from __future__ import annotations

from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason, Typing

SOURCE: Final = "automation"
WEBDRIVER: Final = 1.2
UNTRUSTED: Final = 1.5
IMPOSSIBLE: Final = 2.0
SHORTEST_HOLD_S: Final = 0.005
FEWEST_KEYS: Final = 4
_EQUAL_S: Final = 0.0005
_FEWEST_STEPS: Final = 8  # a clock coarser than an eighth of the spread makes any hand look even


def score(situation: Situation) -> Evidence:
    """Weigh signs of a script at the keyboard."""
    telemetry = situation.signals.telemetry
    if telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    reasons = []
    if telemetry.facts.webdriver:
        reasons.append(Reason("automation_webdriver", WEBDRIVER))
    if telemetry.untrusted or any(typing.untrusted for typing in telemetry.fields):
        reasons.append(Reason("automation_untrusted_events", UNTRUSTED))
    if any(_inhuman(typing, telemetry.clock_step_s or 0.0) for typing in telemetry.fields):
        reasons.append(Reason("automation_timing", IMPOSSIBLE))
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), tuple(reasons), behavioural=True)


def _inhuman(typing: Typing, clock_step_s: float) -> bool:
    if typing.virtual or len(typing.down_s) < FEWEST_KEYS:
        return False
    holds = [up - down for down, up in zip(typing.down_s, typing.up_s, strict=True) if up is not None]
    gaps = [after - before for before, after in zip(typing.down_s, typing.down_s[1:], strict=False)]
    if holds and clock_step_s < SHORTEST_HOLD_S and sum(holds) / len(holds) < SHORTEST_HOLD_S:
        return True
    mean = sum(gaps) / len(gaps)
    even = max(gaps) - min(gaps) <= _EQUAL_S
    return even and mean > _FEWEST_STEPS * clock_step_s
