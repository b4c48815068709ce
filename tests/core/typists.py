"""Made-up people who type something else each time: their holds and gaps are their own, their keys are not."""

from __future__ import annotations

from functools import cache

import numpy as np

from idp_adapter.core.evidence import any_text
from idp_adapter.core.evidence.any_text import FEWEST_SUBJECTS, Background, Profile

KEYS = 6


def rows(person: int, count: int, seed: int = 0, *, keys: int = KEYS) -> list[np.ndarray]:
    """Typings of so many keys: a person's medians and spreads of hold and gap, and how evenly they type."""
    own = np.random.default_rng((person, 3))
    hold, gap = own.lognormal(-2.3, 0.25), own.lognormal(-1.6, 0.35)
    uneven = own.uniform(0.1, 0.35, 2)
    rng = np.random.default_rng((person, seed, 11))
    typed = np.empty((count, 2 * keys - 1))
    typed[:, 0::2] = hold * np.exp(rng.normal(0, uneven[0], (count, keys)))
    typed[:, 1::2] = gap * np.exp(rng.normal(0, uneven[1], (count, keys - 1)))
    return list(typed)


@cache
def profiles(people: int = FEWEST_SUBJECTS, samples: int = 12) -> tuple[Profile, ...]:
    """Profiles of people whom no test meets: what `AnyText.profile` makes of their rows, read at once."""
    made = []
    for person in range(people):
        points = any_text._read(np.array(rows(1000 + person, samples)))
        mean = points.mean(axis=0)
        squares = KEYS * (points - mean).T @ (points - mean)
        numbers = [part.astype(np.float32) for part in (mean, squares[np.tril_indices(len(mean))])]
        made.append(Profile(*numbers, samples, float(KEYS * samples), float(samples)))
    return tuple(made)


@cache
def background() -> Background:
    """What they make."""
    return Background.of(profiles())
