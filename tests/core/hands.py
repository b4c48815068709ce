"""Made-up people who move a mouse: their speed, bow, waver and dwell are their own."""

from __future__ import annotations

from functools import cache

import numpy as np

from idp_adapter.core.evidence.pointer import Background, Pointer, Profile, Run


def hand(person: int, actions: int, seed: int = 0) -> list[np.ndarray]:
    """Movements of one person, some ended by a click: speed, bow, waver and dwell are the person's own."""
    own, rng = np.random.default_rng(person), np.random.default_rng((person, seed, 5))
    speed, bow, waver, dwell = own.lognormal(5.8, 0.5), own.normal(0, 0.3), own.uniform(0.2, 3), own.uniform(0.05, 0.5)
    made = []
    for _ in range(actions):
        span, angle = rng.lognormal(5.3, 0.6), rng.uniform(-np.pi, np.pi)
        points = max(5, int(60 * span / speed))
        way = np.arange(points) / (points - 1)
        way *= way * way * (10 + way * (6 * way - 15))
        turned = (way + 1j * bow * way * (1 - way)) * (span * np.exp(1j * angle))
        moved = np.zeros((points + 2, 4))
        moved[:points, 0] = np.arange(points) / 60
        moved[:points, 1] = turned.real
        moved[:points, 2] = turned.imag
        moved[:points, 1:3] += 500 + rng.normal(0, waver, (points, 2))
        moved[points:] = moved[points - 1]
        moved[points, 3] = 1.0
        moved[points:, 0] += np.cumsum(rng.lognormal(np.log([dwell, 0.09]), 0.3))
        made.append(moved if rng.random() < 0.6 else moved[:points])
    return made


@cache
def run(person: int, actions: int = 30, seed: int = 0) -> Run:
    """A person's movements, read once for all that ask for them."""
    return Run.of(hand(person, actions, seed))


def one_by_one(moved: Run) -> list[Run]:
    """Its movements as runs of one each."""
    width = len(moved.features) // len(moved)
    return [Run(moved.features[i : i + width]) for i in range(0, len(moved.features), width)]


@cache
def enrolled(person: int, actions: int) -> Profile:
    """A person's profile of so many movements, made once."""
    return Pointer().profile(run(person, actions))


@cache
def crowd(people: int = 8, actions: int = 100) -> Background:
    """What people make whom no test meets."""
    return Background.of([enrolled(100 + person, actions) for person in range(people)])
