"""Pointer: does the hand that moved the mouse over this page match the confirmed movements?

The last sixteen movements of the trace are weighed as one run; fewer than ten say nothing, and so does a profile of
fewer than a hundred, so that a short login is rarely weighed and a longer one at most a little. A mouse or touchpad and
the platform that drives it have a profile of their own; touch and pen are not weighed. No place on the page is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from idp_adapter.core.evidence import pointer, typed
from idp_adapter.core.evidence.behaviour import BehaviourModel
from idp_adapter.core.evidence.pointer_actions import FEWEST_POINTS, actions_of
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Signals
from idp_adapter.core.types import Pointer as Point
from idp_adapter.core.user_agent import agent_of

SOURCE: Final = pointer.SOURCE
MOST_ACTIONS: Final = 16  # of one login: more cost time and tell little more

Sample = tuple[BehaviourModel[Any, Any], pointer.Run]


def moves_of(points: Sequence[Point]) -> bytes:
    """What the model reads of a trace's last movements; `b""` where there are none."""
    if len(points) < FEWEST_POINTS:
        return b""
    actions = actions_of(points)[-MOST_ACTIONS:]
    return pointer.Run.of(actions).features if actions else b""


def moves_by_key(signals: Signals) -> dict[str, bytes]:
    """The run of this login by what moved it, such as `mouse/Linux`; none without one or on too coarse a clock."""
    telemetry = signals.telemetry
    if telemetry is None or not telemetry.moves or not typed.is_legible(telemetry):
        return {}
    agent = agent_of(signals.user_agent)
    return {f"mouse/{agent.platform}" if agent else "mouse": telemetry.moves}


def samples(moves: Mapping[str, bytes], background: pointer.Background = pointer.SHIPPED) -> dict[str, Sample]:
    """Model and run by profile key."""
    model = pointer.Pointer(background=background)
    return {f"{SOURCE}/{key}": (model, pointer.Run(features)) for key, features in moves.items()}


def score(situation: Situation) -> Evidence:
    """Weigh the movements of this login against their profile."""
    if situation.signals.telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    runs = samples(moves_by_key(situation.signals), situation.backgrounds.pointer)
    found = next(((key, model, run) for key, (model, run) in runs.items() if len(run) >= pointer.FEWEST_ACTIONS), None)
    if found is None:
        return Evidence.abstain(SOURCE, "pointer_few_movements", behavioural=True)
    key, model, run = found
    return situation.weighed(key, model, run)
