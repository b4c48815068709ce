"""Do the shipped weights tell made-up people apart, whom none of them was fitted on?

Statistics over many people, so they lie beside the core's unit tests and not among them; they run with all others.
On real people it is `python -m benchmarks.accuracy` that measures.
"""

from __future__ import annotations

import numpy as np
import pytest

from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.pointer import Pointer, weigh_run
from idp_adapter.core.evidence.touch import Touch
from tests.core import hands, typists
from tests.core.models import MODELS, Case, Sample, nats, rows, taught

TOLD = [(case, poorer) for case in MODELS for poorer in (False, True) if case.poorer or not poorer]


@pytest.mark.parametrize(("case", "poorer"), TOLD, ids=lambda it: it.model.source if isinstance(it, Case) else str(it))
@pytest.mark.parametrize("enrolled", [3, 10, 30])
def test_the_own_samples_score_above_those_of_others_even_where_a_device_tells_less(case, poorer, enrolled):
    def seen(person: int, count: int, seed: int) -> list[Sample]:
        samples = case.samples(person, count, seed)
        return [case.poorer(sample) for sample in samples] if poorer else samples

    wins = []
    for person in range(5):
        profile = taught(case, seen(person, enrolled, 0))
        own, other = nats(case, profile, seen(person, 4, 1)), nats(case, profile, seen(person + 50, 4, 1))
        wins.append((own[:, None] > other).mean())
    assert np.mean(wins) > 0.85


@pytest.mark.parametrize(
    ("model", "width", "enrolled"),
    [
        *((FixedText(), 17, count) for count in (2, 3, 7, 8, 15, 25, 30, 90)),
        *((Touch(), 31, count) for count in (2, 5, 12, 30)),
    ],
    ids=lambda it: str(getattr(it, "source", it)),
)
def test_from_two_rows_up_the_own_hand_scores_above_others(model, width, enrolled):
    samples, wins = rows(model, width).samples, []
    for person in range(12):
        profile = model.profile(np.array(samples(person, enrolled, 0)))
        own, other = (model.score_rows(profile, np.array(samples(who, 5, 1))) for who in (person, person + 50))
        wins.append((own[:, None] > other).mean())
    assert np.mean(wins) > 0.9


@pytest.mark.parametrize("enrolled", [30, 100])
@pytest.mark.parametrize("located", [False, True])
def test_the_own_hand_moves_the_pointer_as_others_do_not(enrolled, located):
    model = Pointer(background=hands.crowd(10, 120)) if located else Pointer()
    wins = []
    for person in range(8):
        profile = hands.enrolled(person, enrolled)
        own = [weigh_run(model.score_actions(profile, hands.run(person, seed=seed))) for seed in (1, 2)]
        other = [weigh_run(model.score_actions(profile, hands.run(who))) for who in range(person + 20, person + 24)]
        wins.append(np.mean(np.array(own)[:, None] > other))
    assert np.mean(wins) > 0.85


def test_nats_of_any_text_are_about_what_they_say():
    """Held-out people: of the evidence at one nat of odds, e in 1 + e is the owner's."""
    model = AnyText(typists.background())
    own, other = [], []
    for person in range(40):
        profile = model.profile(typists.rows(person, 12))
        own.append(model.score_samples(profile, typists.rows(person, 4, 1)))
        other.append(model.score_samples(profile, typists.rows(person + 100, 4, 1)))
    for sign, found in ((-1, np.concatenate(own)), (1, np.concatenate(other))):
        cost = np.logaddexp(0, sign * found).mean() / np.log(2)
        assert cost < 0.75
