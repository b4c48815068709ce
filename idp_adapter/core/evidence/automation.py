"""Automation: what no hand does.

Flags that the page sees (`webdriver`, events that a script made), timings beyond a body (holds under 5 ms, gaps
all equal), and, beside ten stored typings, one that repeats another within a few milliseconds at every key (a
replay) or whose delays no hand of theirs gives. A password manager fills in by scripted events too, and clicks the
field first: on a field that is filled or pasted they tell nothing, and neither do a few clicks beside it. It can't tell
a bot that draws from the subject's own statistics in one login; other sources must. Abstains without telemetry.
"""

from __future__ import annotations

from typing import Final

from idp_adapter.core import templates
from idp_adapter.core.evidence import keystroke, touch, typed
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.templates import Envelope
from idp_adapter.core.types import Evidence, Reason, Telemetry, Typing
from idp_adapter.errors import ProfileDamaged

SOURCE: Final = "automation"
WEBDRIVER: Final = 1.2
UNTRUSTED: Final = 1.5
CLICKS_OF_A_FILL: Final = 3  # a password manager's on one field: to focus it, to leave it, to submit
IMPOSSIBLE: Final = 2.0
MACHINE: Final = 1.0
MACHINE_NATS: Final = -1.5  # less like the owner's hand than about 99 of 100 honest typings
REPLAY: Final = 2.0
REPLAY_S: Final = 0.010  # no hand comes so close to an earlier typing at every key
SHORTEST_HOLD_S: Final = 0.005
FEWEST_KEYS: Final = 4
_EQUAL_S: Final = 0.0005
FEWEST_ROWS: Final = 10
_COARSE_CLOCK_S: Final = 0.02
_FINE_CLOCK_S: Final = 0.002  # on a coarser one, two honest typings may look the same
_FEWEST_STEPS: Final = 8  # a clock coarser than an eighth of the spread makes any hand look even


def score(situation: Situation) -> Evidence:
    """Weigh signs of a script at the keyboard."""
    telemetry = situation.signals.telemetry
    if telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    reasons = []
    if telemetry.facts.webdriver:
        reasons.append(Reason("automation_webdriver", WEBDRIVER))
    if _is_scripted(telemetry):
        reasons.append(Reason("automation_untrusted_events", UNTRUSTED))
    if any(_inhuman(typing, telemetry.clock_step_s or 0.0) for typing in telemetry.fields):
        reasons.append(Reason("automation_timing", IMPOSSIBLE))
    reasons += _beside_stored(situation, telemetry)
    return Evidence(SOURCE, sum(reason.nats for reason in reasons), tuple(reasons), behavioural=True)


def _is_scripted(telemetry: Telemetry) -> bool:
    """Whether a script made events that no fill explains."""
    filled = [typing for typing in telemetry.fields if typing.autofilled or typing.pasted]
    by_hand = any(typing.untrusted for typing in telemetry.fields if typing not in filled)
    return by_hand or telemetry.untrusted > CLICKS_OF_A_FILL * len(filled)


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


def _beside_stored(situation: Situation, telemetry: Telemetry) -> list[Reason]:
    """What shows only beside the owner's stored typings; silent before ten, and on a coarse clock.

    A replay is looked for in every profile of the field, so that it can't hide behind another language or device.
    """
    clock_step_s = telemetry.clock_step_s or 0.0
    if clock_step_s > _COARSE_CLOCK_S:
        return []
    subject = situation.request.subject
    model = keystroke.FixedText(clock_step_s=clock_step_s)
    found: dict[str, float] = {}
    for name, typing in typed.typings_by_key(telemetry, subject).items():
        fixed = typed.samples({name: typing}, clock_step_s)
        known = _known(situation, typed.field_key(typing, subject), len(typing.down_s)) if fixed else {}
        if not known:
            continue
        ((key, (_, sample)),) = fixed.items()
        row = sample[: 2 * len(typing.down_s) - 1]  # its times; a touch adds pressure and area
        nearest_s = min(model.replay_distance_s(profile, row)[0] for _, profile in known.values())
        template, own = known.get(key, (None, None))
        if clock_step_s <= _FINE_CLOCK_S and nearest_s <= REPLAY_S:
            found["automation_replay"] = REPLAY
        elif template and own and not situation.is_expired(template) and model.hand_rows(own, row)[0] < MACHINE_NATS:
            found["automation_unlike_a_hand"] = MACHINE
    return [Reason(code, nats) for code, nats in sorted(found.items())]


def _known(situation: Situation, field: str, keys: int) -> dict[str, tuple[Envelope, keystroke.Profile]]:
    """Templates of ten typings and more of a field, of any context, by key; what can't be read is left out."""
    beginnings = tuple(f"{source}/{field}/" for source in (keystroke.SOURCE, touch.SOURCE))
    found = {}
    for key, stored in situation.history.templates.items():
        if not (key.startswith(beginnings) and key.endswith(f"/{keys}")):
            continue
        try:
            template = templates.from_bytes(stored)
            profile = typed.times_of(key, template.current.profile)
        except ProfileDamaged:
            continue
        if len(profile.rows) >= FEWEST_ROWS:
            found[key] = (template, profile)
    return found
