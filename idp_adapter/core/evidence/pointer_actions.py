"""From a pointer's trace to actions, and from actions to what the pointer model weighs.

An action is one movement: it ends with the release of a button, or where the pointer rests for a second. It is an
array of points `[time_s, x_px, y_px]`, or `[time_s, x_px, y_px, pressed]` with `pressed` 1 while a button is down.
Movement is read on a grid of 20 ms, so that features hardly depend on how often a device reports; neither the number
of points nor the place on the screen is a feature, since they tell the device and the page, not the hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.types import Pointer

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

PAUSE_S: Final = 1.0
FEWEST_POINTS: Final = 5  # of an action cut from a trace
MOST_POINTS: Final = 10_000
MOST_ACTIONS: Final = 50_000
LONGEST_S: Final = 10.0  # only the last so many seconds of an action are looked at
STEP_S: Final = 0.02
FARTHEST_PX: Final = 1e6
_FEWEST_STEPS: Final = 5
_MOVING_PX: Final = 0.2  # in one step of the grid
_CLICK_PX: Final = 8.0  # a press that moves farther is a drag and has no hold time
_AT_ONCE: Final = 512  # actions; bounds what one call keeps in memory
_NEAR_STEPS: Final = 3
_NONE: Final = 1e-6  # on the grid equal numbers differ by rounding

NAMES: Final = (
    *("chord", "detour", "unevenness", "peak_ratio", "peak_share", "peak_time", "push_or_brake", "acceleration"),
    *("jerk_ratio", "turn", "turned", "turning", "bend", "bow", "bow_side", "bow_px", "half", "first_tenth"),
    *("last_tenth", "rest", "lead", "still_share", "still", "bursts", "reversals_x", "reversals_y", "end_speed"),
    *("end_ratio", "start_ratio", "across", "speed_10", "speed_25", "speed_50", "speed_75", "speed_90", "pressed"),
    *("hold", "dwell", "drag", "difficulty", "cos", "sin", "cos_twice", "sin_twice", "start_cos", "start_sin"),
    *("end_cos", "end_sin"),
)


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


def features(actions: Sequence[ArrayLike]) -> Floats:
    """What the model weighs of each action: (m, 48), in the order of `NAMES`; NaN where an action can't tell.

    Raises ValueError for an action that is not (n, 3) or (n, 4) with 2 to 10,000 points, not finite, or whose times
    run backwards.
    """
    if len(actions) > MOST_ACTIONS:
        raise ValueError(f"actions must be at most {MOST_ACTIONS} at once")
    checked = [_checked(action) for action in actions]
    parts = [_features(checked[i : i + _AT_ONCE]) for i in range(0, len(checked), _AT_ONCE)]
    return np.concatenate([np.empty((0, len(NAMES))), *parts])


def _checked(action: ArrayLike) -> Floats:
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


@dataclass(frozen=True, slots=True)
class _Grid:
    """All actions on the grid, end to end. Steps of action i are `first[i] : first[i] + count[i]`."""

    count: Indices
    first: Indices
    owner: Indices  # of each step
    place: Indices  # of each step within its action
    x: Floats  # one more per action than steps
    y: Floats
    point: Indices  # where each action's points begin
    duration: Floats

    def total(self, values: Floats) -> Floats:
        return np.add.reduceat(values, self.first)

    def most(self, values: Floats) -> Floats:
        return np.maximum.reduceat(values, self.first)


def _grid(points: Floats, start: Indices, size: Indices) -> _Grid:
    actions = np.arange(len(start))
    duration = -points[start, 0]
    nodes = np.maximum(np.ceil(duration / STEP_S - 1e-9).astype(np.intp), _FEWEST_STEPS) + 1
    begin = np.cumsum(nodes) - nodes
    of = np.repeat(actions, nodes)
    ticks = (np.arange(len(of)) - (begin + nodes - 1)[of]) * STEP_S
    shift = np.cumsum(duration + 1.0)  # one clock for all: a second apart, so that none reaches into the next
    when = np.maximum(ticks, -duration[of]) + shift[of]
    known = points[:, 0] + np.repeat(shift, size)
    x, y = np.interp(when, known, points[:, 1]), np.interp(when, known, points[:, 2])
    count = nodes - 1
    first = np.cumsum(count) - count
    owner = np.repeat(actions, count)
    return _Grid(count, first, owner, np.arange(len(owner)) - first[owner], x, y, begin, duration)


def _features(actions: list[Floats]) -> Floats:
    size = np.array([len(action) for action in actions])
    start = np.cumsum(size) - size
    points = np.concatenate(actions)
    grid = _grid(points, start, size)
    inside = np.ones(len(grid.x) - 1, dtype=bool)
    inside[grid.point[1:] - 1] = False
    dx, dy = np.diff(grid.x)[inside], np.diff(grid.y)[inside]
    step = np.hypot(dx, dy)
    moving = step > _MOVING_PX
    path = grid.total(step)
    found = {
        **_speeds(grid, step, moving, path),
        **_turns(grid, dx, dy, step, moving),
        **_course(grid, step, path),
        **_stretches(grid, step, moving),
        **_ways(grid, moving),
        **_buttons(points, start, size),
    }
    found["across"] = np.log((grid.total(np.abs(dx)) + 1) / (grid.total(np.abs(dy)) + 1))
    return np.column_stack([found[name] for name in NAMES])


def _log(values: Floats, least: float) -> Floats:
    logs: Floats = np.log(values + least)
    return logs


def _speeds(grid: _Grid, step: Floats, moving: NDArray[np.bool_], path: Floats) -> dict[str, Floats]:
    """Speed in px/s over the moving part, its changes in px/s^2, bursts per second."""
    speed = step / STEP_S
    moved = np.maximum(grid.total(moving.astype(np.float64)), 1.0)
    mean, top = path / STEP_S / moved, grid.most(speed)
    spread = np.sqrt(np.maximum(grid.total(speed * speed) / moved - mean**2, 0.0))
    at_top = speed >= top[grid.owner] * (1 - _NONE)
    peak = np.minimum.reduceat(np.where(at_top, grid.place, len(step)), grid.first).astype(np.float64)
    later = grid.place > 0  # steps that have one before them in the same action
    change = np.zeros(len(step))
    change[:-1] = np.where(later[1:], np.diff(speed), 0.0) / STEP_S
    jerk = np.zeros(len(step))
    jerk[:-2] = np.where(later[1:-1] & later[2:], np.diff(change[:-1]), 0.0) / STEP_S
    acceleration = grid.total(np.abs(change)) / grid.count
    rising = change > 1.0
    tops = np.zeros(len(step))
    tops[1:] = rising[:-1] & ~rising[1:] & later[1:]
    order = np.lexsort((np.where(moving, speed, -1.0), grid.owner))
    ranked, still = speed[order], grid.count - grid.total(moving.astype(np.float64)).astype(np.intp)
    last = grid.first + grid.count - 1
    faster = np.maximum(grid.count - still - 1, 0)
    ranks = {
        f"speed_{percent}": np.minimum(grid.first + still + (percent * faster) // 100, last)
        for percent in (10, 25, 50, 75, 90)
    }
    return {
        "unevenness": _log(spread / np.maximum(mean, 1e-9), 0.05),
        "peak_ratio": _log(top / np.maximum(mean, 1e-9), 0.1),
        "peak_share": peak / (grid.count - 1),
        "peak_time": _log(peak * STEP_S, 0.02),
        "push_or_brake": _log(grid.most(change), 50.0) - _log(grid.most(-change), 50.0),
        "acceleration": _log(acceleration, 20.0),
        "jerk_ratio": _log(np.sqrt(grid.total(jerk * jerk) / grid.count), 500.0) - _log(acceleration, 20.0),
        "bursts": _log(grid.total(tops) / np.maximum(grid.duration, STEP_S), 0.3),
        **{name: _log(ranked[rank], 5.0) for name, rank in ranks.items()},
    }


def _turns(grid: _Grid, dx: Floats, dy: Floats, step: Floats, moving: NDArray[np.bool_]) -> dict[str, Floats]:
    """Angles between successive steps, in radians, and reversals."""
    both = (grid.place[1:] > 0) & moving[1:] & moving[:-1]
    side, ahead = dx[:-1] * dy[1:] - dy[:-1] * dx[1:], dx[:-1] * dx[1:] + dy[:-1] * dy[1:]
    angle, turns = np.zeros(len(dx)), np.zeros(len(dx))
    angle[:-1] = np.where(both, np.arctan2(side, ahead), 0.0)
    turns[:-1] = both
    total = grid.total(np.abs(angle))
    back_x, back_y = np.zeros(len(dx)), np.zeros(len(dx))
    back_x[:-1] = (grid.place[1:] > 0) & (dx[:-1] * dx[1:] < -_NONE)
    back_y[:-1] = (grid.place[1:] > 0) & (dy[:-1] * dy[1:] < -_NONE)
    return {
        "turn": _log(total / np.maximum(grid.total(turns), 1.0), 0.02),
        "turned": np.minimum(np.maximum(grid.total(angle), -4.0), 4.0),
        "turning": _log(total, 0.1),
        "bend": _log(grid.total(np.abs(angle) * step) / np.maximum(grid.total(step), 1.0), 0.01),
        "reversals_x": _log(grid.total(back_x), 0.5),
        "reversals_y": _log(grid.total(back_y), 0.5),
    }


def _course(grid: _Grid, step: Floats, path: Floats) -> dict[str, Floats]:
    """The line against its chord, in pixels and shares of it, and how the way is spread over the time."""
    end = grid.point + grid.count
    x0, y0 = grid.x[grid.point], grid.y[grid.point]
    cx, cy = grid.x[end] - x0, grid.y[end] - y0
    chord = np.hypot(cx, cy)
    of = np.repeat(np.arange(len(grid.count)), grid.count + 1)
    beside = ((grid.x - x0[of]) * cy[of] - (grid.y - y0[of]) * cx[of]) / np.maximum(chord, 1.0)[of]
    left, right = np.maximum.reduceat(beside, grid.point), np.maximum.reduceat(-beside, grid.point)
    bow = np.maximum(left, right)
    walked = np.cumsum(step)
    share = (walked - (walked[grid.first] - step[grid.first])[grid.owner]) / np.maximum(path, 1e-9)[grid.owner]
    long = np.maximum(chord, 1.0)
    direction = np.arctan2(cy, cx)
    return {
        "chord": _log(chord, 1.0),
        "detour": np.log((path + 1) / (chord + 1)),
        "bow": _log(bow / long, 0.01),
        "bow_side": np.where(left > right, 1.0, -1.0) * _log(30 * bow / long, 1.0),
        "bow_px": _log(bow, 1.0),
        "half": grid.total((share < 0.5 - _NONE).astype(np.float64)) / grid.count,
        "first_tenth": _log(grid.total((share < 0.1 - _NONE).astype(np.float64)) * STEP_S, 0.02),
        "last_tenth": _log(grid.total((share > 0.9 + _NONE).astype(np.float64)) * STEP_S, 0.02),
        # Time per bit of difficulty, after Fitts (1954), for a target of ten pixels.
        "difficulty": _log(grid.duration, 0.02) - np.log(np.log2(chord / 10 + 2)),
        "cos": np.cos(direction),
        "sin": np.sin(direction),
        "cos_twice": np.cos(2 * direction),
        "sin_twice": np.sin(2 * direction),
    }


def _stretches(grid: _Grid, step: Floats, moving: NDArray[np.bool_]) -> dict[str, Floats]:
    """Standing still before, within and after the movement, and the speed where it starts and ends."""
    last = grid.most(np.where(moving, grid.place, 0))
    lead = np.minimum(np.minimum.reduceat(np.where(moving, grid.place, len(step)), grid.first), grid.count)
    rest = grid.count - 1 - last
    still = np.maximum(grid.total((~moving).astype(np.float64)) - rest - lead, 0.0) * STEP_S
    final = grid.first + grid.count - 1
    moved = np.maximum(grid.count - grid.total((~moving).astype(np.float64)), 1.0)
    mean = grid.total(step) / moved
    near = np.arange(_NEAR_STEPS)[:, None]
    start = step[np.minimum(grid.first + lead + near, final)].mean(axis=0)
    end = step[np.maximum(grid.first + last - near, grid.first)].mean(axis=0)
    return {
        "rest": _log(rest * STEP_S, 0.02),
        "lead": _log(lead * STEP_S, 0.02),
        "still": _log(still, 0.02),
        "still_share": still / np.maximum(grid.duration, STEP_S),
        "end_speed": _log(end / STEP_S, 5.0),
        "end_ratio": _log(end / STEP_S, 5.0) - _log(mean / STEP_S, 5.0),
        "start_ratio": _log(start / STEP_S, 5.0) - _log(mean / STEP_S, 5.0),
    }


def _ways(grid: _Grid, moving: NDArray[np.bool_]) -> dict[str, Floats]:
    """Where the first and the last steps point, against the chord."""
    end = grid.point + grid.count
    cx, cy = grid.x[end] - grid.x[grid.point], grid.y[end] - grid.y[grid.point]
    first = np.minimum.reduceat(np.where(moving, grid.place, len(moving)), grid.first)
    left = grid.point + np.minimum(first, grid.count - 1)
    stop = grid.point + grid.most(np.where(moving, grid.place, 0)) + 1
    found: dict[str, Floats] = {}
    for name, a, b in (
        ("start", left, np.minimum(left + _NEAR_STEPS + 1, end)),
        ("end", np.maximum(stop - _NEAR_STEPS - 1, grid.point), stop),
    ):
        wx, wy = grid.x[b] - grid.x[a], grid.y[b] - grid.y[a]
        angle = np.arctan2(wx * cy - wy * cx, wx * cx + wy * cy)
        found |= {f"{name}_cos": np.cos(angle), f"{name}_sin": np.sin(angle)}
    return found


def _buttons(points: Floats, start: Indices, size: Indices) -> dict[str, Floats]:
    """The press: how long the pointer stood before it, how long it was held, how far it was dragged."""
    end = start + size - 1
    owner = np.repeat(np.arange(len(start)), size)
    at, down = np.arange(len(points)), points[:, 3] > 0
    press = np.minimum.reduceat(np.where(down, at, len(points)), start)
    has = press < len(points)
    press = np.where(has, press, start)
    way = np.zeros(len(points))
    way[1:] = np.hypot(np.diff(points[:, 1]), np.diff(points[:, 2]))
    way[start] = 0.0
    drag = np.add.reduceat(way * down, start)
    arrived = np.maximum.reduceat(np.where((way > 0) & (at <= press[owner]), at, start[owner]), start)
    return {
        "pressed": np.where(np.isnan(points[start, 3]), np.nan, has),
        "hold": np.where(has & (drag < _CLICK_PX), _log(points[end, 0] - points[press, 0], 0.01), np.nan),
        "dwell": np.where(has, _log(points[press, 0] - points[arrived, 0], 0.01), np.nan),
        "drag": np.where(has, _log(drag, 1.0), np.nan),
    }
