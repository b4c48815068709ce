"""Coded: does the hand that typed the one-time code match the codes typed before?

Each code differs, so that it can't be weighed place by place as a fixed text is: that would hold the next code's digits
against its owner. The any-text model reads how its times are spread instead, beside the deployment's own background;
without one nothing is said, and profiles are learnt all the same. By field, language and device class, as typings are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from idp_adapter.core.evidence import any_text, keystroke, typed
from idp_adapter.core.evidence.any_text import AnyText, Background
from idp_adapter.core.evidence.behaviour import BehaviourModel
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Typing

SOURCE: Final = any_text.SOURCE

Sample = tuple[BehaviourModel[Any, Any], tuple[float, ...]]


def samples(typings: Mapping[str, Typing], background: Background | None) -> dict[str, Sample]:
    """Model and row by profile key, of those typings of a code that give a row. `typings` as `typed` names them."""
    rows = {key: keystroke.row_of(typing) for key, typing in typings.items() if typing.field in typed.CODES}
    return {f"{SOURCE}/{key}": (AnyText(background), row) for key, row in rows.items() if row is not None}


def score(situation: Situation) -> Evidence:
    """Weigh the code of this login against its profile."""
    telemetry = situation.signals.telemetry
    if telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    if not typed.is_legible(telemetry):
        return Evidence.abstain(SOURCE, "any_text_clock_too_coarse", behavioural=True)
    typed_codes = samples(typed.typings_by_key(telemetry, situation.request.subject), situation.backgrounds.any_text)
    if not typed_codes:
        return Evidence.abstain(SOURCE, "any_text_no_typing", behavioural=True)
    if situation.backgrounds.any_text is None:
        return Evidence.abstain(SOURCE, "any_text_no_background", behavioural=True)
    key, (model, row) = min(typed_codes.items())  # a form has one code
    return situation.weighed(key, model, row)
