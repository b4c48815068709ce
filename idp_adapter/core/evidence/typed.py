"""Keystroke: does the hand that typed the fields of this login match their last confirmed typings?

Each field is weighed against a profile of its own: by field, credential version, language, device class and number of
keys, so that another keyboard or another language begins a profile instead of missing one. Where each press of a field
was a touch of the page as well, pressure and contact area are weighed beside the times. Several fields add up at
weights that two texts of the same people were fitted to (`python -m tools.fit_fields`). One-time codes differ each
time and are `any_text`'s. Behaviour is supplementary: caps by enrolment keep it from deciding alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from idp_adapter.core.evidence import keystroke, touch, typed_weights
from idp_adapter.core.evidence.behaviour import BehaviourModel
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.evidence.touch import Touch
from idp_adapter.core.types import BrowserFacts, Evidence, Reason, Subject, Telemetry, Typing

SOURCE: Final = keystroke.SOURCE
CODES: Final = frozenset({"otp", "totp"})  # fields whose text differs each time
_PHONE_PX: Final = 600.0  # the shorter side of a screen, in CSS pixels, below which a touch screen is a phone's
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,8})(?:[-_].*)?", re.DOTALL)

_STRONGER, _WEAKER = typed_weights.checked()
_FURTHER: Final = 0.5  # weight of a third field and on: no data tells how they depend

Sample = tuple[BehaviourModel[Any, Any], tuple[float, ...]]


def context_of(facts: BrowserFacts) -> str:
    """What a hand's rhythm depends on beside the hand: first language, and whether a screen is typed on; `fr-touch`.

    Parts that are not known, and a keyboard, are left out: `""` where nothing is told.
    """
    language = _LANGUAGE.fullmatch(facts.languages[0]) if facts.languages else None
    parts = (language.group(1).lower() if language else "", "touch" if _is_phone(facts) else "")
    return "-".join(part for part in parts if part)


def _is_phone(facts: BrowserFacts) -> bool:
    """As the browser says, or by its screen where it doesn't say. A tablet's or laptop's keys may be real ones."""
    if facts.mobile is not None:
        return facts.mobile
    return facts.touch_points > 0 and len(facts.screen) >= 2 and min(facts.screen[:2]) < _PHONE_PX


def is_legible(telemetry: Telemetry) -> bool:
    """Whether the client's clock is fine enough to tell a hand's timings at all."""
    return (telemetry.clock_step_s or 0.0) <= keystroke.WORTHLESS_CLOCK_S


def typings_by_key(telemetry: Telemetry, subject: Subject) -> dict[str, Typing]:
    """Typings by field, credential version and context: a changed password starts a new profile."""
    context = context_of(telemetry.facts)
    ending = f"/{context}" if context else ""
    return {f"{field_key(typing, subject)}{ending}": typing for typing in telemetry.fields}


def field_key(typing: Typing, subject: Subject) -> str:
    """Field and, of a password, the version of the subject's credential."""
    version = subject.properties.get("credential_version", "") if typing.field == "password" else ""
    return f"{typing.field}/{version}"


def times_of(key: str, profile: bytes) -> keystroke.Profile:
    """What a profile of either model knows of times alone. Raises `ProfileDamaged`."""
    return touch.from_bytes(profile).times if key.startswith(f"{touch.SOURCE}/") else keystroke.from_bytes(profile)


def samples(typings: Mapping[str, Typing], clock_step_s: float | None) -> dict[str, Sample]:
    """Model and row by profile key, of those typings of a fixed text that give a row; with the number of keys."""
    found: dict[str, Sample] = {}
    for key, typing in typings.items():
        row = keystroke.row_of(typing)
        if row is None or typing.field in CODES:
            continue
        keys, contacts = len(typing.down_s), touch.contacts_of(typing)
        if contacts is None:
            found[f"{keystroke.SOURCE}/{key}/{keys}"] = (FixedText(clock_step_s=clock_step_s or 0.0), row)
        else:
            found[f"{touch.SOURCE}/{key}/{keys}"] = (Touch(clock_step_s=clock_step_s or 0.0), (*row, *contacts))
    return found


def score(situation: Situation) -> Evidence:
    """Weigh the typings of this login against their profiles."""
    telemetry = situation.signals.telemetry
    if telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    if not is_legible(telemetry):
        return Evidence.abstain(SOURCE, "keystroke_clock_too_coarse", behavioural=True)
    typed = samples(typings_by_key(telemetry, situation.request.subject), telemetry.clock_step_s)
    if not typed:
        return Evidence.abstain(SOURCE, "keystroke_no_typing", behavioural=True)
    kept = {key: template for key in typed if (template := situation.template(key)) is not None}
    valid = {key: template for key, template in kept.items() if not situation.is_expired(template)}
    given = []
    for key, template in valid.items():
        model, row = typed[key]
        given.append(model.score(model.from_bytes(template.current.profile), row, now=situation.now))
    spoken = [item.nats for item in given if not item.abstains]
    if not spoken:
        why = "keystroke_baseline_expired" if len(valid) < len(kept) else "keystroke_enrolling"
        return Evidence.abstain(SOURCE, why, behavioural=True)
    total = round(together(spoken), 4)
    reason = Reason("keystroke_unlike" if total > 0 else "keystroke_like", total, {"fields": len(spoken)})
    return Evidence(SOURCE, total, (reason,), behavioural=True)


def together(nats: Sequence[float]) -> float:
    """What the nats of several fields are worth together; one alone counts whole. Their order does not matter."""
    if len(nats) < 2:
        return sum(nats)
    strongest, second, *others = sorted(nats, key=lambda each: (-abs(each), each))
    return _STRONGER * strongest + _WEAKER * second + _FURTHER * math.fsum(others)
