"""The drift report of a subject: how its behavioural templates move, and whether they still may speak.

It says nothing of risk and changes nothing: an analyst reads from it whether a template follows its subject, is being
led astray, or has fallen behind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from idp_adapter.core import templates
from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.behaviour import BehaviourModel
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.core.evidence.touch import Touch
from idp_adapter.core.learning import Learning
from idp_adapter.errors import ProfileDamaged

_MODELS: Final[Mapping[str, BehaviourModel[Any, Any]]] = {
    model.source: model for model in (FixedText(), Touch(), AnyText(), Pointer())
}


@dataclass(frozen=True, slots=True)
class TemplateDrift:
    """One template. Scores are in nats, genuine positive, of confirmed samples, recent ones weighing more.

    `rows` of the baseline that began at `since`, the last at `learnt_at`; `refused`: confirmed ones since then that
    were too unlike to be learnt. `moved_spreads`: how far the recent rows lie from the slow anchor, in its spreads;
    None while the profile is too young to tell. `former`: times of the states that a roll-back can go back to.
    """

    key: str
    since: datetime
    learnt_at: datetime
    valid_until: datetime
    is_valid: bool
    rows: int
    rows_a_day: float
    refused: int
    scores: int
    score_mean: float
    score_deviation: float
    moved_spreads: float | None
    former: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """A subject's templates by profile key, and the keys of those that can't be read."""

    templates: tuple[TemplateDrift, ...]
    damaged: tuple[str, ...]


def drift(stored: Mapping[str, bytes], rules: Learning, *, now: datetime) -> Drift:
    """Report on a subject's stored templates."""
    found: list[TemplateDrift] = []
    damaged: list[str] = []
    for key, data in sorted(stored.items()):
        try:
            found.append(_drift(key, templates.from_bytes(data), rules, now))
        except ProfileDamaged:
            damaged.append(key)
    return Drift(tuple(found), tuple(damaged))


def _drift(key: str, kept: templates.Envelope, rules: Learning, now: datetime) -> TemplateDrift:
    current, scores = kept.current, kept.current.scores
    model = _MODELS.get(key.partition("/")[0])
    days = (current.learnt_at - kept.since) / timedelta(days=1)
    return TemplateDrift(
        key=key,
        since=kept.since,
        learnt_at=current.learnt_at,
        valid_until=current.learnt_at + rules.baseline_valid,
        is_valid=not templates.is_expired(kept, valid_from=now - rules.baseline_valid),
        rows=current.rows,
        rows_a_day=current.rows / max(1.0, days),
        refused=kept.refused,
        scores=scores.count,
        score_mean=scores.mean,
        score_deviation=math.sqrt(scores.variance),
        moved_spreads=model.drift(model.from_bytes(current.profile)) if model else None,
        former=tuple(snapshot.learnt_at for snapshot in kept.formers),
    )
