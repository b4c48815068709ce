"""What the pointer model weighs of an action: how it speeds, turns, rests and clicks.

Movement is read on a grid of 20 ms, so that features hardly depend on how often a device reports; neither the number
of points nor the place on the screen is a feature, since they tell the device and the page, not the hand. All actions
of a call are laid end to end and looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence.pointer_actions import Floats, checked

Indices = NDArray[np.intp]

MOST_ACTIONS: Final = 50_000
STEP_S: Final = 0.02
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
# Of most features the logarithm is taken, after adding what keeps a nothing finite: seconds, pixels, px/s, px/s^2.
_LEAST_BY_NAME: Final = {
    "chord": 1.0,
    "detour": 0.0,
    "unevenness": 0.05,
    "peak_ratio": 0.1,
    "peak_time": 0.02,
    "push_or_brake": 0.0,
    "acceleration": 20.0,
    "jerk_ratio": 0.0,
    "turn": 0.02,
    "turning": 0.1,
    "bend": 0.01,
    "bow": 0.01,
    "bow_px": 1.0,
    "first_tenth": 0.02,
    "last_tenth": 0.02,
    "rest": 0.02,
    "lead": 0.02,
    "still": 0.02,
    "bursts": 0.3,
    "reversals_x": 0.5,
    "reversals_y": 0.5,
    "end_speed": 5.0,
    "end_ratio": 0.0,
    "start_ratio": 0.0,
    "across": 0.0,
    "speed_10": 5.0,
    "speed_25": 5.0,
    "speed_50": 5.0,
    "speed_75": 5.0,
    "speed_90": 5.0,
    "hold": 0.01,
    "dwell": 0.01,
    "drag": 1.0,
    "difficulty": 0.0,
}
_LOGGED: Final = np.array([NAMES.index(name) for name in _LEAST_BY_NAME])
_LEAST: Final = np.array(list(_LEAST_BY_NAME.values()))[:, None]
_PERCENT: Final = np.array([10, 25, 50, 75, 90])[:, None]
_QUANTILES: Final = tuple(f"speed_{percent}" for percent in _PERCENT.ravel())


def features(actions: Sequence[ArrayLike]) -> Floats:
    """What the model weighs of each action: (m, 48), in the order of `NAMES`; NaN where an action can't tell.

    Raises ValueError for more than 50,000 actions, and for what `checked` refuses.
    """
    if len(actions) > MOST_ACTIONS:
        raise ValueError(f"actions must be at most {MOST_ACTIONS} at once")
    known = [checked(action) for action in actions]
    parts = [_features(known[i : i + _AT_ONCE]) for i in range(0, len(known), _AT_ONCE)]
    return np.concatenate([np.empty((0, len(NAMES))), *parts])


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
    found["across"] = (grid.total(np.abs(dx)) + 1) / (grid.total(np.abs(dy)) + 1)
    columns = np.array([found[name] for name in NAMES], dtype=np.float64)
    columns[_LOGGED] = np.log(columns[_LOGGED] + _LEAST)
    return columns.T


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
    ranks = grid.first + still + (_PERCENT * faster) // 100
    return {
        "unevenness": spread / np.maximum(mean, 1e-9),
        "peak_ratio": top / np.maximum(mean, 1e-9),
        "peak_share": peak / (grid.count - 1),
        "peak_time": peak * STEP_S,
        "push_or_brake": (grid.most(change) + 50) / (grid.most(-change) + 50),
        "acceleration": acceleration,
        "jerk_ratio": (np.sqrt(grid.total(jerk * jerk) / grid.count) + 500) / (acceleration + 20),
        "bursts": grid.total(tops) / np.maximum(grid.duration, STEP_S),
        **dict(zip(_QUANTILES, ranked[np.minimum(ranks, last)], strict=True)),
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
        "turn": total / np.maximum(grid.total(turns), 1.0),
        "turned": np.minimum(np.maximum(grid.total(angle), -4.0), 4.0),
        "turning": total,
        "bend": grid.total(np.abs(angle) * step) / np.maximum(grid.total(step), 1.0),
        "reversals_x": grid.total(back_x),
        "reversals_y": grid.total(back_y),
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
        "chord": chord,
        "detour": (path + 1) / (chord + 1),
        "bow": bow / long,
        "bow_side": np.where(left > right, 1.0, -1.0) * np.log(30 * bow / long + 1),
        "bow_px": bow,
        "half": grid.total((share < 0.5 - _NONE).astype(np.float64)) / grid.count,
        "first_tenth": grid.total((share < 0.1 - _NONE).astype(np.float64)) * STEP_S,
        "last_tenth": grid.total((share > 0.9 + _NONE).astype(np.float64)) * STEP_S,
        # Time per bit of difficulty, after Fitts (1954), for a target of ten pixels.
        "difficulty": (grid.duration + 0.02) / np.log2(chord / 10 + 2),
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
    mean = grid.total(step) / STEP_S / moved
    near = np.arange(_NEAR_STEPS)[:, None]
    start = step[np.minimum(grid.first + lead + near, final)].mean(axis=0) / STEP_S
    end = step[np.maximum(grid.first + last - near, grid.first)].mean(axis=0) / STEP_S
    return {
        "rest": rest * STEP_S,
        "lead": lead * STEP_S,
        "still": still,
        "still_share": still / np.maximum(grid.duration, STEP_S),
        "end_speed": end,
        "end_ratio": (end + 5) / (mean + 5),
        "start_ratio": (start + 5) / (mean + 5),
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
        "hold": np.where(has & (drag < _CLICK_PX), points[end, 0] - points[press, 0], np.nan),
        "dwell": np.where(has, points[press, 0] - points[arrived, 0], np.nan),
        "drag": np.where(has, drag, np.nan),
    }
