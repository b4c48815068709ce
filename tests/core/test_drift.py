"""The drift report: what an analyst reads of a subject's templates."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.drift import drift
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.learning import template_after
from tests.core import builders as b
from tests.core.test_learning import RULES

DAY = timedelta(days=1)
MODEL = FixedText()


def typed(days: int, *, slower: float = 1.0, proved: bool = True, until: datetime = b.NOW) -> bytes:
    """A template of one login a day, whose hand turns slower over its last thirty days."""
    rng, kept = np.random.default_rng(1), None
    own = rng.lognormal(-2, 0.35, 15)
    for day in range(days):
        row = own * np.exp(rng.normal(0, 0.12, 15)) * (slower if day >= days - 30 else 1.0)
        at = until - (days - 1 - day) * DAY
        kept = template_after(MODEL, kept, row, at=at, valid_from=at - 180 * DAY, proved=proved)
    assert kept is not None
    return templates.to_bytes(kept)


def test_a_report_tells_age_pace_scores_and_what_can_be_gone_back_to():
    (found,) = drift({"keystroke/password//8": typed(60)}, RULES, now=b.NOW + DAY).templates
    assert (found.key, found.rows, found.refused, found.scores) == ("keystroke/password//8", 60, 0, 58)
    assert (found.since, found.learnt_at) == (b.NOW - 59 * DAY, b.NOW)
    assert found.rows_a_day == pytest.approx(60 / 59)
    assert found.score_mean > 1
    assert 0 < found.score_deviation < 5
    assert (found.is_valid, found.valid_until) == (True, b.NOW + 180 * DAY)
    assert len(found.former) == 2


def test_a_steady_hand_moves_little_and_a_changed_one_more():
    steady, slower = (drift({"keystroke/a": typed(90, slower=s)}, RULES, now=b.NOW).templates[0] for s in (1.0, 1.4))
    assert steady.moved_spreads < 0.3 < slower.moved_spreads
    assert slower.score_mean < steady.score_mean


def test_a_hand_that_is_not_learnt_any_more_shows_as_refused():
    (found,) = drift({"keystroke/a": typed(90, slower=3.0, proved=False)}, RULES, now=b.NOW).templates
    assert found.rows <= 60
    assert found.refused == 30
    assert found.score_mean < 0


def test_a_baseline_past_its_validity_is_said_to_be():
    (found,) = drift({"keystroke/a": typed(5)}, RULES, now=b.NOW + 181 * DAY).templates
    assert not found.is_valid
    assert found.moved_spreads is None


def test_what_cannot_be_read_is_named_and_what_no_model_knows_is_still_told():
    stored = {
        "keystroke/a": b"?",
        "keystroke/b": b.template(b"?"),
        "other/c": b.template(b"?"),
    }
    found = drift(stored, RULES, now=b.NOW)
    assert found.damaged == ("keystroke/a", "keystroke/b")
    assert [(template.key, template.moved_spreads) for template in found.templates] == [("other/c", None)]
