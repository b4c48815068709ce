"""Every behavioural model, each with made-up people: what the battery and the statistical checks run over.

A new model is one more case in `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.behaviour import CAPS, BehaviourModel
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.core.evidence.touch import Touch
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


def taught(case: Case, samples: Sequence[Sample], profile: Any = None) -> Any:
    """The profile, an empty one at first, after these samples."""
    profile = case.model.empty() if profile is None else profile
    for sample in samples:
        profile = case.model.learn(profile, sample, now=NOW)
    return profile


@cache
def grown(case: Case, enrolled: int) -> Any:
    """The first person's profile of so many samples, made once."""
    return taught(case, case.samples(1, enrolled, 0))


def nats(case: Case, profile: Any, samples: Sequence[Sample]) -> np.ndarray:
    return np.array([case.model.nats(profile, sample) for sample in samples])
