"""One battery over every behavioural model: what any must keep, whatever it measures.

A new model is one more case in `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.behaviour import CAPS, BehaviourModel, weighed
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.core.evidence.touch import Touch
from idp_adapter.errors import ProfileDamaged
from tests.core import typists
from tests.core.builders import NOW

KEYS = 9
TIMES = 2 * KEYS - 1
Sample = Any  # a model's own: a row of numbers, or a list of actions


@dataclass(frozen=True, eq=False)
class Case:
    """A model, and how somebody's samples are made: `samples(person, count, seed)`, seeded.

    `made` turns `width` numbers into a sample. `spoilt` are samples of another shape. `caps` are the model's own, by
    samples enrolled. `poorer`: the sample as a device gives it that tells less.
    """

    model: BehaviourModel[Any, Any]
    samples: Callable[[int, int, int], list[Sample]]
    width: int
    spoilt: tuple[Sample, ...]
    made: Callable[[Sequence[float]], Sample] = np.array
    poorer: Callable[[Sample], Sample] | None = None
    caps: tuple[tuple[int, float], ...] = CAPS


def rows(model: BehaviourModel[Any, Any], width: int, *, certain: int | None = None) -> Case:
    """A case whose samples are rows of people with numbers log-normal around their own.

    A device may not tell the columns from `certain` on: they come as 0.
    """

    def samples(person: int, count: int, seed: int) -> list[Sample]:
        own = np.random.default_rng(person).lognormal(-2.0, 0.35, width)
        return list(own * np.exp(np.random.default_rng((person, seed, 7)).normal(0, 0.12, (count, width))))

    def poorer(row: np.ndarray) -> np.ndarray:
        return np.where(np.arange(width) < (certain or width), row, 0)

    spoilt = tuple(np.full(shape, 0.1) for shape in (width - 1, 2 * width + 1, 0))
    return Case(model, samples, width, spoilt, poorer=poorer if certain else None)


def runs(actions: int = 10, points: int = 8) -> Case:
    """A case whose samples are runs of the mouse; each person's speed, bow, dwell and tempo are their own."""

    def samples(person: int, count: int, seed: int) -> list[Sample]:
        own, rng = np.random.default_rng(person), np.random.default_rng((person, seed, 5))
        speed, bow, dwell = own.lognormal(5.8, 0.6), own.normal(0, 0.4), own.uniform(0.05, 0.6)
        shape = (count, actions, 1)
        way = np.linspace(0, 1, points) ** own.uniform(0.6, 1.8)
        span, turn = rng.lognormal(5.3, 0.5, shape), rng.uniform(-np.pi, np.pi, shape)
        along, aside = way * span, bow * way * (1 - way) * span * rng.lognormal(0, 0.2, shape)
        x = along * np.cos(turn) - aside * np.sin(turn)
        y = along * np.sin(turn) + aside * np.cos(turn)
        times = np.linspace(0, 1, points) * span / speed
        times[..., -1] += dwell * rng.lognormal(0, 0.2, shape[:2])
        return list(np.stack([times, x, y], axis=-1))

    def made(numbers: Sequence[float]) -> Sample:
        run = np.reshape(np.array(numbers), (actions, points, 3)).copy()
        run[..., 0] = np.sort(run[..., 0])
        return run

    spoilt = (np.zeros((actions, points, 2)), np.zeros((actions, 1, 3)), np.zeros(actions))
    return Case(Pointer(), samples, actions * points * 3, spoilt, made, caps=((10, 1.5),))


def codes(keys: int = 16) -> Case:
    """A case whose samples are typings of something else each time, of people made up for it."""
    width = 2 * keys - 1

    def samples(person: int, count: int, seed: int) -> list[Sample]:
        return typists.rows(person, count, seed, keys=keys)

    spoilt = tuple(np.full(shape, 0.1) for shape in (width - 1, 9, 2001, 0, (2, width)))
    return Case(AnyText(typists.background()), samples, width, spoilt)


MODELS = [
    rows(FixedText(), TIMES),
    rows(Touch(), TIMES + 2 * KEYS, certain=TIMES),
    runs(),
    codes(),
]
every_model = pytest.mark.parametrize("case", MODELS, ids=lambda case: case.model.source)


def flat(sample: Sample) -> np.ndarray:
    """All numbers of a sample."""
    return np.concatenate([np.ravel(part) for part in sample])


def scaled(case: Case, sample: Sample, factor: float) -> Sample:
    return case.made(list(flat(sample) * factor))


def taught(case: Case, samples: Sequence[Sample]) -> Any:
    profile = case.model.empty()
    for sample in samples:
        profile = case.model.learn(profile, sample, now=NOW)
    return profile


@cache
def grown(case: Case, enrolled: int) -> Any:
    """The first person's profile of so many samples, made once."""
    return taught(case, case.samples(1, enrolled, 0))


def nats(case: Case, profile: Any, samples: Sequence[Sample]) -> np.ndarray:
    return np.array([case.model.nats(profile, sample) for sample in samples])


@every_model
def test_scoring_and_learning_leave_their_inputs_alone(case):
    samples = case.samples(1, 31, 0)
    before = [flat(sample) for sample in samples]
    profile = taught(case, samples[:30])
    stored = case.model.to_bytes(profile)
    case.model.score(profile, samples[30], now=NOW)
    case.model.admits(profile, samples[30])
    case.model.drift(profile)
    assert case.model.learn(profile, samples[30], now=NOW) is not profile
    assert all(np.array_equal(flat(sample), kept) for sample, kept in zip(samples, before, strict=True))
    assert case.model.to_bytes(profile) == stored


@every_model
def test_the_same_samples_give_the_same_bytes_and_nats(case):
    one, other = grown(case, 12), taught(case, case.samples(1, 12, 0))
    assert case.model.to_bytes(one) == case.model.to_bytes(other)
    tested = case.samples(2, 5, 1)
    assert np.array_equal(nats(case, one, tested), nats(case, other, tested))


@every_model
def test_the_order_in_which_samples_are_scored_changes_none(case):
    profile, tested = grown(case, 12), case.samples(1, 6, 1)
    order = np.random.default_rng(0).permutation(6)
    assert np.array_equal(nats(case, profile, tested)[order], nats(case, profile, [tested[i] for i in order]))


@every_model
@pytest.mark.parametrize("enrolled", [3, 10, 30])
@pytest.mark.parametrize("told", [True, False])
def test_the_own_samples_score_above_those_of_others_even_where_a_device_tells_less(case, enrolled, told):
    if case.poorer is None and not told:
        pytest.skip("every device tells it all")

    def seen(person: int, count: int, seed: int) -> list[Sample]:
        samples = case.samples(person, count, seed)
        return samples if told or case.poorer is None else [case.poorer(sample) for sample in samples]

    wins = []
    for person in range(5):
        profile = taught(case, seen(person, enrolled, 0))
        own, other = nats(case, profile, seen(person, 4, 1)), nats(case, profile, seen(person + 50, 4, 1))
        wins.append((own[:, None] > other).mean())
    assert np.mean(wins) > 0.85


@every_model
def test_below_its_enrolment_a_model_abstains_and_then_stays_within_its_caps(case):
    steps = dict(case.caps)
    cap = 0.0
    profile = case.model.empty()
    for count, sample in enumerate(case.samples(1, max(steps) + 1, 0)):
        cap = steps.get(count, cap)
        for tested in (sample, scaled(case, sample, 50), case.samples(2, 1, 0)[0]):
            evidence = case.model.score(profile, tested, now=NOW)
            assert evidence.source == case.model.source
            assert evidence.behavioural
            assert evidence.abstains is (count < min(steps))
            assert abs(evidence.nats) <= cap
            assert sum(reason.nats for reason in evidence.reasons) == evidence.nats
        profile = case.model.learn(profile, sample, now=NOW)


@every_model
def test_evidence_speaks_for_the_owner_and_against_somebody_else_and_says_so(case):
    profile = grown(case, 30)
    own = case.model.score(profile, case.samples(1, 1, 1)[0], now=NOW)
    other = case.model.score(profile, case.samples(2, 1, 1)[0], now=NOW)
    assert own.nats < 0 < other.nats
    assert [own.reasons[0].code, other.reasons[0].code] == [f"{case.model.source}_like", f"{case.model.source}_unlike"]


@every_model
@given(data=st.data())
def test_any_finite_sample_gives_bounded_nats_and_can_be_learnt(case, data):
    few = data.draw(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=24))
    hostile = case.made(np.resize(few, case.width))
    genuine = case.samples(1, 1, 1)
    poisoned = case.model.learn(grown(case, 4), hostile, now=NOW)
    assert case.model.from_bytes(case.model.to_bytes(poisoned)) is not None
    for profile, tested in ((grown(case, 4), hostile), (poisoned, genuine[0])):
        assert abs(case.model.nats(profile, tested)) <= 50
        assert abs(case.model.score(profile, tested, now=NOW).nats) <= case.caps[-1][1]


@every_model
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("enrolled", [0, 4])
def test_samples_that_are_not_finite_are_refused(case, bad, enrolled):
    profile = grown(case, enrolled)
    sample = case.made([0.1] * 3 + [bad] + [0.1] * (case.width - 4))
    for use in (case.model.score, case.model.learn):
        with pytest.raises(ValueError, match="finite"):
            use(profile, sample, now=NOW)


@every_model
def test_samples_of_another_shape_are_refused(case):
    profile = grown(case, 4)
    for sample in case.spoilt:
        for use in (case.model.score, case.model.learn):
            with pytest.raises(ValueError, match=r"row|action"):
                use(profile, sample, now=NOW)


@every_model
@pytest.mark.parametrize("enrolled", [0, 1, 12, 40])
def test_bytes_round_trip(case, enrolled):
    profile = grown(case, enrolled)
    again = case.model.from_bytes(case.model.to_bytes(profile))
    assert case.model.to_bytes(again) == case.model.to_bytes(profile)
    tested = case.samples(2, 3, 1)
    assert np.array_equal(nats(case, again, tested), nats(case, profile, tested))


@every_model
@given(data=st.data())
def test_a_changed_or_missing_byte_is_damage(case, data):
    written = bytearray(case.model.to_bytes(grown(case, 5)))
    at = data.draw(st.integers(0, len(written) - 1))
    shorter = bytes(written[:at])
    written[at] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(written), shorter):
        with pytest.raises(ProfileDamaged):
            case.model.from_bytes(damaged)


@every_model
@given(st.binary(max_size=200))
def test_any_bytes_are_a_profile_or_damaged(case, data):
    try:
        case.model.from_bytes(data)
    except ProfileDamaged:
        return


@every_model
def test_own_samples_are_admitted_and_those_of_others_are_not_once_it_is_enrolled(case):
    profile = grown(case, 30)
    assert np.mean([case.model.admits(profile, sample) for sample in case.samples(1, 20, 1)]) > 0.6
    assert not any(case.model.admits(profile, sample) for sample in case.samples(2, 20, 1))
    assert case.model.admits(grown(case, 3), case.samples(2, 1, 1)[0])


@every_model
def test_drift_is_small_for_a_steady_hand_and_grows_with_a_changed_one(case):
    assert case.model.drift(grown(case, 5)) is None
    steady = case.model.drift(grown(case, 90))
    slower = [scaled(case, sample, 1.4) for sample in case.samples(1, 30, 1)]
    changed = case.model.drift(taught(case, case.samples(1, 60, 0) + slower))
    assert steady is None or steady < 0.5 < changed


def test_nothing_to_say_is_said_by_name():
    assert weighed("touch", None, enrolled=30).reasons[0].code == "touch_enrolling"
    assert weighed("touch", 2.0, enrolled=2).abstains
