"""Keystroke timing of a fixed text (user name, password): does the hand match the last confirmed typings?

A row is `[hold_0, dd_0, hold_1, dd_1, ..., hold_{k-1}]` in seconds (`dd` is press to press). A profile is the
window of the last 30 confirmed rows and a slow anchor; the score is a weighted sum of the views of
`keystroke_views`, with weights per enrolment band that were fitted on other people's typings of other texts
(`python -m tools.fit`). Behaviour is supplementary: caps by enrolment keep it from deciding alone.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence import keystroke_weights
from idp_adapter.core.evidence.behaviour import weighed
from idp_adapter.core.evidence.keystroke_views import Floats, Template, layout, seen, views
from idp_adapter.core.types import Evidence, Typing
from idp_adapter.errors import ProfileDamaged

SOURCE: Final = "keystroke"
WINDOW: Final = 30
FEWEST_KEYS: Final = 6
MOST_KEYS: Final = 56  # of a text that is kept: its window fits in what is stored of a subject
LONGEST: Final = 128
LIMIT_NATS: Final = 15.0  # no row, however far, scores beyond it
_MAGIC: Final = b"KS2"
_HEAD: Final = struct.Struct("<3sI")
_SHAPE: Final = struct.Struct("<BHH")  # rows, times in each, rows ever taught
_MOST_TAUGHT: Final = 65_535
WORTHLESS_CLOCK_S: Final = 0.05
_BEFORE_SCORE: Final = 2
_CEILING: Final = (4.0, 2.6)  # slope, and distance in spreads, past which no other view can speak for the owner
_ANCHOR_HALF_LIFE: Final = 200.0
_ANCHOR_PRIOR: Final = 4.0
_ANCHOR_START: Final = 0.3
GUARDED_FROM: Final = 10  # rows; a younger profile can't afford to choose
_STRANGE: Final = 1.6  # distance to the anchor in spreads, in any block, from where a row is not learnt unproved
SURE_NATS: Final = 2.0

Bands = tuple[tuple[int, float, Floats], ...]  # rows enrolled from, bias, weights of the views
_MACHINE: Final[Bands] = keystroke_weights.checked(keystroke_weights.MACHINE)
BANDS: Final[Bands] = keystroke_weights.checked(keystroke_weights.BANDS)


@dataclass(frozen=True)
class Profile:
    """What is kept of a hand on one text; derived numbers live in memory only.

    `rows`: the last confirmed rows, oldest first, (n, 2k - 1) float16 seconds, n at most 30. `anchor`: slow centre and
    spread of each time as the views see it, (2, 3k - 2) float16. `taught`: rows ever learnt.
    """

    rows: NDArray[np.float16]
    anchor: NDArray[np.float16]
    taught: int = 0
    _viewed: dict[tuple[bytes, float], Floats] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def template(self) -> Template:
        """The window's template, derived on first use."""
        return Template.of(self.rows.astype(np.float64))

    def views(self, rows: Floats, clock_step_s: float) -> Floats:
        """The views of rows beside the window. One row's are kept: a decision's sources ask for the same ones."""
        if len(rows) > 1:
            return views(self.template, rows, clock_step_s)
        key = (rows.tobytes(), clock_step_s)
        found = self._viewed.get(key)
        if found is None:
            found = views(self.template, rows, clock_step_s)
            self._viewed.clear()
            self._viewed[key] = found
        return found


class FixedText:
    """The model's plain door: rows in, nats out; and `BehaviourModel`, where a sample is one row. Holds no state."""

    source: Final = SOURCE

    def __init__(self, *, clock_step_s: float = 0.0, bands: Bands = BANDS) -> None:
        """`clock_step_s` is the timer's step of the rows to be scored; its error widens every spread.

        `bands` are other weights than those that ship, for a benchmark that must not meet its own people.
        """
        self._clock_step_s = clock_step_s
        self._bands = bands

    @staticmethod
    def empty() -> Profile:
        """A profile that knows nothing yet."""
        return Profile(np.empty((0, 0), np.float16), np.empty((2, 0), np.float16))

    def profile(self, rows: ArrayLike) -> Profile:
        """Build a profile from rows, oldest first. Raises ValueError for rows not finite or not of odd width."""
        known = _checked(rows)
        anchor = None
        for i, point in enumerate(seen(known)):
            anchor = _anchored(anchor, point, i)
        kept = np.empty((2, 0)) if anchor is None else anchor
        return _kept(known[-WINDOW:].astype(np.float16), kept, len(known))

    def learn(self, profile: Profile, row: ArrayLike, *, now: datetime | None = None) -> Profile:
        """A new profile with one more row; the oldest leaves a full window. This model has no use for `now`."""
        fresh = _checked(row)[-1:]
        if not len(profile.rows):
            return self.profile(fresh)
        if fresh.shape[1] != profile.rows.shape[1]:
            raise ValueError(f"a row of {profile.rows.shape[1]} times is needed, this one has {fresh.shape[1]}")
        rows = np.concatenate([profile.rows[-(WINDOW - 1) :], fresh.astype(np.float16)])
        return _kept(
            rows, _anchored(profile.anchor.astype(np.float64), seen(fresh)[0], profile.taught), profile.taught + 1
        )

    def admits(self, profile: Profile, row: ArrayLike) -> bool:
        """Whether a row may be learnt without proof from elsewhere: the window is sure of it and so is the anchor.

        A window alone can be led astray step by step, since each row that passes makes the next alike pass too.
        """
        if len(profile.rows) < GUARDED_FROM:
            return True
        centre, spread = profile.anchor.astype(np.float64)
        away = np.abs(seen(_checked(row)[-1:])[0] - centre) / spread
        strangest = np.max(np.minimum(away, 4.0) @ layout(profile.rows.shape[1]).blocks)
        return bool(strangest < _STRANGE) and bool(self.score_rows(profile, row)[-1] >= SURE_NATS)

    def nats(self, profile: Profile, row: ArrayLike) -> float | None:
        """Log-odds of one row before any cap, genuine positive; None below two enrolled rows."""
        if len(profile.rows) < _BEFORE_SCORE:
            _checked(row)
            return None
        return float(self.score_rows(profile, row)[-1])

    def score(self, profile: Profile, row: ArrayLike, *, now: datetime) -> Evidence:
        """Weigh one row within the cap of its enrolment; abstains below three."""
        return weighed(SOURCE, self.nats(profile, row), enrolled=len(profile.rows))

    def drift(self, profile: Profile) -> float | None:
        """Mean distance of the window's centre from the anchor, in the anchor's spreads; None below ten rows."""
        if len(profile.rows) < GUARDED_FROM:
            return None
        centre, spread = profile.anchor.astype(np.float64)
        away: Floats = np.abs(np.median(seen(profile.rows.astype(np.float64)), axis=0) - centre) / spread
        return float(away.mean())

    def to_bytes(self, profile: Profile) -> bytes:
        """The profile's bytes."""
        return to_bytes(profile)

    def from_bytes(self, data: bytes) -> Profile:
        """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
        return from_bytes(data)

    def replay_distance_s(self, profile: Profile, rows: ArrayLike) -> Floats:
        """Greatest difference of any time to the most similar stored row, in seconds: shape (m,); inf without rows."""
        tested = _checked(rows)
        if tested.shape[1] != profile.rows.shape[1]:
            return np.full(len(tested), np.inf)
        known = profile.rows.astype(np.float64)
        apart: Floats = np.abs(tested[:, None] - known[None]).max(axis=2).min(axis=1)
        return apart

    def hand_rows(self, profile: Profile, rows: ArrayLike) -> Floats:
        """Log-odds that the owner rather than a program with delays of its own made each row, uncapped: shape (m,)."""
        _, bias, weights = _MACHINE[0]
        linear: Floats = profile.views(_checked(rows), self._clock_step_s) @ weights + bias
        return linear

    def score_rows(self, profile: Profile, rows: ArrayLike) -> Floats:
        """Log-odds of each row in nats, genuine positive, before any cap: shape (m,). Needs two enrolled rows."""
        if len(profile.rows) < _BEFORE_SCORE:
            raise ValueError("a profile of at least 2 rows is needed")
        tested = _checked(rows)
        if tested.shape[1] != profile.rows.shape[1]:
            raise ValueError(f"rows of {profile.rows.shape[1]} times are needed, these have {tested.shape[1]}")
        bias, weights = next((b, w) for n, b, w in reversed(self._bands) if len(profile.rows) >= n)
        beside = profile.views(tested, self._clock_step_s)
        ceiling = _CEILING[0] * (_CEILING[1] - beside[:, :2].mean(axis=1))  # of hold and down-down distance
        nats: Floats = LIMIT_NATS * np.tanh(np.minimum(beside @ weights + bias, ceiling) / LIMIT_NATS)
        return nats


def row_of(typing: Typing) -> tuple[float, ...] | None:
    """The row of a clean typing of enough keys; None for one that was corrected, pasted, filled in, short or long."""
    if not typing.complete or typing.corrections or typing.pasted or typing.autofilled:
        return None
    if typing.virtual or typing.untrusted:
        return None
    if not FEWEST_KEYS <= len(typing.down_s) <= MOST_KEYS:
        return None
    row: list[float] = []
    for i, (down, up) in enumerate(zip(typing.down_s, typing.up_s, strict=True)):
        if i:
            row.append(down - typing.down_s[i - 1])
        if up is None:
            return None
        row.append(up - down)
    return tuple(row)


def to_bytes(profile: Profile) -> bytes:
    """Serialise: magic with version, CRC-32; shape and rows taught; float16 rows in order, then the anchor."""
    shape = _SHAPE.pack(*profile.rows.shape, profile.taught)
    body = shape + profile.rows.astype("<f2").tobytes() + profile.anchor.astype("<f2").tobytes()
    return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body


@lru_cache(maxsize=64)
def from_bytes(data: bytes) -> Profile:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else.

    Two sources read the same profile in one decision; the second finds it here, its template derived.
    """
    if len(data) < _HEAD.size + _SHAPE.size:
        raise ProfileDamaged("keystroke profile is too short", hint="erase it; it is learnt again")
    magic, checksum = _HEAD.unpack_from(data)
    n, width, taught = _SHAPE.unpack_from(data, _HEAD.size)
    times, columns = n * width, width + width // 2
    matrix = data[_HEAD.size + _SHAPE.size :]
    if magic != _MAGIC or len(matrix) != 2 * (times + 2 * columns) or zlib.crc32(data[_HEAD.size :]) != checksum:
        raise ProfileDamaged("keystroke profile is damaged", hint="erase it; it is learnt again")
    numbers = np.frombuffer(matrix, dtype="<f2")
    if n > WINDOW or (width and width % 2 == 0) or not np.isfinite(numbers).all():
        raise ProfileDamaged("keystroke profile holds what no profile can", hint="erase it; it is learnt again")
    return Profile(numbers[:times].reshape(n, width), numbers[times:].reshape(2, columns), taught)


def _kept(rows: NDArray[np.float16], anchor: Floats, taught: int) -> Profile:
    return Profile(rows, anchor.astype(np.float16), min(taught, _MOST_TAUGHT))


def _anchored(anchor: Floats | None, point: Floats, taught: int) -> Floats:
    """The anchor after one more point: a running mean that turns exponential, and its mean absolute deviation."""
    if anchor is None:
        return np.stack([point, np.full(len(point), _ANCHOR_START)])
    slowest = 1 - 0.5 ** (1 / _ANCHOR_HALF_LIFE)
    centre, spread = anchor
    away = np.minimum(np.maximum(point - centre, -3 * spread), 3 * spread)
    moved = centre + max(1 / (taught + 1), slowest) * away
    pace = max(1 / (taught + _ANCHOR_PRIOR), slowest)
    return np.stack([moved, np.maximum(spread + pace * (1.2533 * np.abs(away) - spread), 0.02)])


def _checked(rows: ArrayLike) -> Floats:
    matrix = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if matrix.ndim != 2 or matrix.shape[1] % 2 == 0 or matrix.shape[1] > 2 * LONGEST - 1:
        raise ValueError("rows must have an odd number of times: hold, down-down, hold, ...")
    if not np.isfinite(matrix).all():
        raise ValueError("rows must be finite")
    held: Floats = np.minimum(np.maximum(matrix, -60.0), 60.0)  # float16 keeps these; the views clip tighter
    return held
