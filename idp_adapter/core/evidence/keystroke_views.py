"""What one typing looks like beside a window of confirmed ones: the views that the keystroke scorer weighs.

Times are seen in three blocks: hold and down-down as clipped logarithms, up-down (down-down less hold; negative where
keys overlap) through `asinh`. A template holds a recency-weighted robust centre and a shrunken spread of each time.
Every view is capped, so that no single time and no hostile row can carry a score; nearest-row views follow Zhong,
Deng and Jain (2012), scaled Manhattan is Killourhy and Maxion's (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCKS: Final = ("hold", "down_down", "up_down")
PER_BLOCK: Final = (
    "manhattan",  # mean distance to the centre, in spreads
    "student",  # the same with a Student tail: log(1 + z^2 / 3)
    "others",  # mean distance to the centre, in spreads of other people
    "density",  # log of the product-Laplace kernel density of the window
    "drift",  # signed mean: slower or faster as a whole
    "tempo",  # its size
    "shape",  # distance left when the tempo is taken out
    "nearest",  # distance to the nearest row of the window
    "near",  # mean distance to the three nearest
    "pattern",  # correlation with the centre along the text
    "spread",  # how even the hand is (of the template alone)
    "level",  # how slow the hand is (of the template alone)
)
WHOLE: Final = ("nearest_row", "near_rows", "nearer_rows", "enrolled")
NAMES: Final = (*(f"{view}.{block}" for view in PER_BLOCK for block in BLOCKS), *WHOLE)

OWN_SPREAD: Final = np.array([0.20, 0.27, 0.35])  # typical of one hand, by block
OTHERS_SPREAD: Final = np.array([0.33, 0.55, 0.90])  # typical distance of another hand, by block
_HOLD_S: Final = (0.005, 1.0)
_DOWN_DOWN_S: Final = (0.010, 3.0)
_UP_DOWN_S: Final = (-1.0, 3.0)
_OVERLAP_S: Final = 0.05  # where up-down turns from linear to logarithmic
_HALF_LIFE_ROWS: Final = 20.0
_PRIOR_ROWS: Final = 3.0
_WINSOR: Final = 3.0
_EVENEST: Final = 0.3  # of the prior spread; no hand is more even, a machine may be
_CAP: Final = 4.0
_TAIL_CAP: Final = 8.0
_KERNEL: Final = 0.6  # kernel width in spreads
_KERNEL_REACH: Final = 12.0
_KERNEL_FLOOR: Final = 1e-4
_FLAT: Final = 0.05  # variance added to both sides of a correlation


@dataclass(frozen=True, slots=True)
class Layout:
    """Which block each column belongs to, for a text of `width` times."""

    kind: NDArray[np.intp]
    blocks: Floats  # (columns, 3): averages over hold, down-down, up-down
    means: Floats  # (columns, 4): the same, and over hold with down-down


@lru_cache(maxsize=64)
def layout(width: int) -> Layout:
    """The layout of rows of `width` times; pure, so that it can be kept."""
    kind = np.concatenate([np.arange(width) % 2, np.full(width // 2, 2)])
    shares = np.stack([kind == 0, kind == 1, kind == 2, kind < 2], axis=1).astype(np.float64)
    shares /= np.maximum(shares.sum(axis=0), 1.0)
    blocks = np.ascontiguousarray(shares[:, :3])
    for held in (kind, shares, blocks):
        held.setflags(write=False)
    return Layout(kind, blocks, shares)


def seen(rows: Floats) -> Floats:
    """Rows of seconds (m, 2k - 1) as the views see them: (m, 3k - 2)."""
    holds, downs = rows[:, 0::2], rows[:, 1::2]
    out = np.empty((len(rows), rows.shape[1] + downs.shape[1]))
    out[:, 0 : rows.shape[1] : 2] = np.log(np.minimum(np.maximum(holds, _HOLD_S[0]), _HOLD_S[1]))
    out[:, 1 : rows.shape[1] : 2] = np.log(np.minimum(np.maximum(downs, _DOWN_DOWN_S[0]), _DOWN_DOWN_S[1]))
    ups = np.minimum(np.maximum(downs - holds[:, :-1], _UP_DOWN_S[0]), _UP_DOWN_S[1])
    out[:, rows.shape[1] :] = np.arcsinh(ups / _OVERLAP_S)
    return out


@dataclass(frozen=True, slots=True)
class Template:
    """What a window of rows says of a hand, derived once per profile. `points` are the window's rows as `seen`."""

    points: Floats
    weights: Floats
    centre: Floats
    spread: Floats
    shape: Layout

    @classmethod
    def of(cls, rows: Floats) -> Template:
        """The template of a window, oldest row first: (n, 2k - 1) seconds."""
        points, shape = seen(rows), layout(rows.shape[1])
        weights = 0.5 ** (np.arange(len(rows))[::-1] / _HALF_LIFE_ROWS)
        effective = weights.sum() ** 2 / (weights**2).sum()
        weights = weights / weights.sum()
        ranked = np.sort(points, axis=0)
        middle = 0.5 * (ranked[(len(rows) - 1) // 2] + ranked[len(rows) // 2])
        first = _spread(points - middle, weights, float(effective), shape)
        centre = middle + weights @ _held(points - middle, 2 * first)
        return cls(points, weights, centre, _spread(points - centre, weights, float(effective), shape), shape)

    def blurred(self, clock_step_s: float) -> Floats:
        """The spreads, widened by the error of a clock of that step, carried into each block's view."""
        if clock_step_s <= 0:
            return self.spread
        error = clock_step_s / np.sqrt(12.0)
        kind = self.shape.kind
        scale = np.where(kind == 2, _OVERLAP_S * np.cosh(self.centre), np.exp(self.centre))
        wide: Floats = np.hypot(self.spread, np.where(kind == 2, np.sqrt(2.0), 1.0) * error / scale)
        return wide


def views(template: Template, rows: Floats, clock_step_s: float = 0.0) -> Floats:
    """The views of each row beside the template, in the order of `NAMES`: (m, len(NAMES)); all bounded."""
    shape, points = template.shape, seen(rows)
    means, blocks, spread = shape.means, shape.blocks, template.blurred(clock_step_s)
    away = points - template.centre
    z = _held(away / spread, _TAIL_CAP)
    size = np.abs(z)
    gaps = np.abs(points[:, None, :] - template.points) / spread
    density = np.log(template.weights @ np.exp(-np.minimum(gaps / _KERNEL, _KERNEL_REACH)) + _KERNEL_FLOOR)
    drift = _held(z, _CAP) @ blocks
    tempo = _held(away, _WINSOR) @ blocks
    out = np.empty((len(rows), len(NAMES)))
    by_block = out[:, : 3 * len(PER_BLOCK)].reshape(len(rows), len(PER_BLOCK), 3)
    by_block[:, 0] = np.minimum(size, _CAP) @ blocks
    by_block[:, 1] = np.log1p(z * z / 3) @ blocks
    by_block[:, 2] = np.minimum(np.abs(away) / OTHERS_SPREAD[shape.kind], _WINSOR) @ blocks
    by_block[:, 3] = density @ blocks
    by_block[:, 4] = drift
    by_block[:, 5] = np.abs(drift)
    by_block[:, 6] = np.minimum(np.abs(away - tempo[:, shape.kind]) / spread, _CAP) @ blocks
    near = np.sort(np.minimum(gaps, _CAP) @ means, axis=1)
    by_block[:, 7] = near[:, 0, :3]
    by_block[:, 8] = near[:, :3, :3].mean(axis=1)
    by_block[:, 9] = _pattern(points, template.centre, shape)
    by_block[:, 10] = np.log(spread) @ blocks
    by_block[:, 11] = template.centre @ blocks
    out[:, -4] = near[:, 0, 3]
    out[:, -3] = near[:, :3, 3].mean(axis=1)
    out[:, -2] = near[:, :7, 3].mean(axis=1)
    out[:, -1] = np.log(len(template.points))
    return out


def _held(values: Floats, most: Floats | float) -> Floats:
    """Within +-`most`; a third of the price of `np.clip` on small arrays."""
    held: Floats = np.minimum(np.maximum(values, -most), most)
    return held


def _spread(away: Floats, weights: Floats, effective: float, shape: Layout) -> Floats:
    """Mean absolute deviation as a standard deviation, winsorised, shrunk to the level of its block and a prior."""
    prior = OWN_SPREAD[shape.kind]
    own = np.maximum(1.2533 * (weights @ np.minimum(np.abs(away), _WINSOR * prior)), _EVENEST * prior)
    levels = np.log(own / prior) @ shape.blocks
    level = np.exp(levels * effective / (effective + 1.0))[shape.kind] * prior
    shrunk: Floats = np.sqrt((effective * own**2 + _PRIOR_ROWS * level**2) / (effective + _PRIOR_ROWS))
    return shrunk


def _pattern(points: Floats, centre: Floats, shape: Layout) -> Floats:
    """Correlation of rows and centre along the text within each block; near 0 where either is flat."""
    means, kind = shape.blocks, shape.kind
    level = centre - (centre @ means)[kind]
    rows = points - (points @ means)[:, kind]
    shared: Floats = (rows * level) @ means
    both: Floats = shared / np.sqrt(((level**2) @ means + _FLAT) * ((rows**2) @ means + _FLAT))
    return both
