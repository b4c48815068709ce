"""From a pointer's trace to actions.

An action is one movement: it ends with the release of a button, or where the pointer rests for a second. It is an
array of points `[time_s, x_px, y_px]`, or `[time_s, x_px, y_px, pressed]` with `pressed` 1 while a button is down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.types import Pointer

Floats = NDArray[np.float64]

PAUSE_S: Final = 1.0
FEWEST_POINTS: Final = 5  # of an action cut from a trace
MOST_POINTS: Final = 10_000
LONGEST_S: Final = 10.0  # only the last so many seconds of an action are looked at
FARTHEST_PX: Final = 1e6


def actions_of(points: Sequence[Pointer]) -> list[Floats]:
    """Actions of a collector's trace, oldest first: arrays (n, 4). Touch and pen points are left out."""
    mouse = [point for point in points if point.contact_px is None]
    places = [(point.time_s, point.x, point.y) for point in mouse]
    return cut(np.reshape(np.array(places, dtype=np.float64), (-1, 3)), [point.kind for point in mouse])


def cut(places: ArrayLike, kinds: Sequence[str]) -> list[Floats]:
    """Cut a trace into actions: arrays (n, 4), oldest first.

    `places`: (n, 3) of [time_s, x_px, y_px]. `kinds`: for each `m` move, `d` button down, `u` up; others, such as `w`
    wheel, are left out. An action ends at a release, at a pause, or where the clock runs backwards; what has fewer than
    five points or does not move is none. Raises ValueError for places not finite or not as many as kinds.
    """
    trace = np.asarray(places, dtype=np.float64)
    if trace.ndim != 2 or trace.shape[1] != 3 or len(trace) != len(kinds) or not np.isfinite(trace).all():
        raise ValueError("places must be finite (n, 3) numbers [time_s, x_px, y_px], and kinds as many")
    kind = np.array(list(kinds), dtype=object)
    known = np.isin(kind, ("m", "d", "u"))
    trace, kind = trace[known], kind[known]
    down = np.cumsum((kind == "d").astype(np.intp) - (kind == "u"))
    pressed = down - np.minimum.accumulate(np.minimum(down, 0)) > 0  # a release without its press counts for nothing
    gap = np.diff(trace[:, 0])
    ends = np.flatnonzero((kind[:-1] == "u") | (gap > PAUSE_S) | (gap < 0)) + 1
    parts = np.split(np.column_stack([trace, pressed]), ends)
    return [part for part in parts if len(part) >= FEWEST_POINTS and np.ptp(part[:, 1:3], axis=0).any()]


def checked(action: ArrayLike) -> Floats:
    """An action as (n, 4), its times counted back from its end, bounded; `pressed` NaN where it is not told.

    Raises ValueError for an action that is not (n, 3) or (n, 4) with 2 to 10,000 points, not finite, or whose times
    run backwards.
    """
    points = np.asarray(action, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] not in (3, 4) or not 2 <= len(points) <= MOST_POINTS:
        raise ValueError(
            f"an action must be (n, 3) or (n, 4) numbers of 2 to {MOST_POINTS} points; give a list of actions"
        )
    if not np.isfinite(points).all():
        raise ValueError("actions must be finite")
    if (points[1:, 0] < points[:-1, 0]).any():
        raise ValueError("times of an action must not run backwards")
    held = np.full((len(points), 4), np.nan)  # of an unknown button nothing is told
    held[:, : points.shape[1]] = points
    end = points[-1, 0]
    held[:, 0] = np.maximum(points[:, 0], end - LONGEST_S) - end
    np.minimum(np.maximum(held[:, 1:3], -FARTHEST_PX), FARTHEST_PX, out=held[:, 1:3])
    return held
