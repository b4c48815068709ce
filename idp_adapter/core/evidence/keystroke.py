"""Keystroke timing of a fixed text (user name, password): does the hand match the last confirmed typings?

A row is `[hold_0, dd_0, hold_1, dd_1, ..., hold_{k-1}]` in seconds (`dd` is press to press). A profile is the
window of the last 30 confirmed rows; the score is a robust scaled Manhattan distance in a log view (Killourhy &
Maxion, DSN 2009, with median centre and winsorised spread), mapped to nats by a line fitted per enrolment band on
BKSD (MIT licence; see `docs/behaviour.md`). Behaviour is supplementary: caps by enrolment keep it from deciding
alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason, Typing
from idp_adapter.errors import ProfileDamaged

SOURCE: Final = "keystroke"
WINDOW: Final = 30
FEWEST_KEYS: Final = 6
LONGEST: Final = 128
_MAGIC: Final = b"KS1"
_HEAD: Final = struct.Struct("<3sBHI")
_LOW: Final = (0.005, 0.010)  # hold, down-down: seconds
_HIGH: Final = (1.0, 3.0)
_CLIP: Final = 4.0  # one feature's share of the distance, in spreads
_PRIOR_SPREAD: Final = (0.16, 0.26)  # of log hold and log down-down, typical of one hand; median over BKSD subjects
_PRIOR_WEIGHT: Final = 3.0
# (rows from, slope, distance where the evidence turns): logistic fit on BKSD, genuine against other people's typings
_BANDS: Final = ((3, 3.10, 2.04), (10, 3.36, 1.88), (30, 3.31, 1.86))
_CAPS: Final = ((3, 1.5), (10, 3.0), (30, 4.5))  # nats by rows enrolled; below 3 nothing
_WORTHLESS_CLOCK_S: Final = 0.05
_BEFORE_FIT: Final = 2

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Profile:
    """The last confirmed rows, oldest first: shape (n, 2k - 1) float16, seconds; n at most 30."""

    rows: NDArray[np.float16]


class FixedText:
    """The model's plain door: rows in, nats out. Holds no state."""

    def __init__(self, *, clock_step_s: float = 0.0) -> None:
        """`clock_step_s` is the timer's step of the rows to be scored; its error widens every spread."""
        self._clock_step_s = clock_step_s

    def profile(self, rows: ArrayLike) -> Profile:
        """Build a profile from rows, oldest first. Raises ValueError for rows not finite or not of odd width."""
        return Profile(_checked(rows)[-WINDOW:].astype(np.float16))

    def learn(self, profile: Profile, row: ArrayLike) -> Profile:
        """A new profile with one more row; the oldest leaves a full window."""
        fresh = _checked(row)
        if profile.rows.size and fresh.shape[1] != profile.rows.shape[1]:
            raise ValueError(f"a row of {profile.rows.shape[1]} times is needed, this one has {fresh.shape[1]}")
        kept = profile.rows[-(WINDOW - 1) :] if profile.rows.size else np.empty((0, fresh.shape[1]), np.float16)
        return Profile(np.vstack([kept, fresh[-1:].astype(np.float16)]))

    def distances(self, profile: Profile, rows: ArrayLike) -> Rows:
        """Robust scaled Manhattan distance of each row, in spreads: shape (m,)."""
        known, tested = _log(profile.rows.astype(np.float64)), _log(_checked(rows))
        centre = np.median(known, axis=0)
        spread = self._spread(known, centre, profile.rows.astype(np.float64))
        away: Rows = np.minimum(np.abs(tested - centre) / spread, _CLIP).mean(axis=1)
        return away

    def score_rows(self, profile: Profile, rows: ArrayLike) -> Rows:
        """Log-odds of each row in nats, genuine positive, before any cap: shape (m,). Needs two enrolled rows."""
        if len(profile.rows) < _BEFORE_FIT:
            raise ValueError("a profile of at least 2 rows is needed")
        slope, turn = next(((s, t) for n, s, t in reversed(_BANDS) if len(profile.rows) >= n), _BANDS[0][1:])
        nats: Rows = slope * (turn - self.distances(profile, rows))
        return nats

    def _spread(self, known: Rows, centre: Rows, seconds: Rows) -> Rows:
        n, width = known.shape
        prior = np.where(np.arange(width) % 2 == 0, *_PRIOR_SPREAD)
        deviation = np.minimum(np.abs(known - centre), 3 * prior).mean(axis=0)
        shrunk = (n * deviation + _PRIOR_WEIGHT * prior) / (n + _PRIOR_WEIGHT)
        clock = (self._clock_step_s / np.sqrt(12)) / np.clip(np.median(seconds, axis=0), _LOW[0], None)
        spread: Rows = np.sqrt(shrunk**2 + clock**2)
        return spread


def row_of(typing: Typing) -> tuple[float, ...] | None:
    """The row of a clean typing of enough keys; None for one that was corrected, pasted, filled in or too short."""
    if not typing.complete or typing.corrections or typing.pasted or typing.autofilled:
        return None
    if typing.virtual or typing.untrusted:
        return None
    if not FEWEST_KEYS <= len(typing.down_s) <= LONGEST:
        return None
    row: list[float] = []
    for i, (down, up) in enumerate(zip(typing.down_s, typing.up_s, strict=True)):
        if i:
            row.append(down - typing.down_s[i - 1])
        if up is None:
            return None
        row.append(up - down)
    return tuple(row)


def profile_keys(typings: Mapping[str, Typing]) -> Mapping[str, tuple[float, ...]]:
    """Rows by profile key, for those typings that give one. The number of keys is part of it: a new text is new."""
    rows = {key: row_of(typing) for key, typing in typings.items()}
    return {f"{SOURCE}/{key}/{(len(row) + 1) // 2}": row for key, row in rows.items() if row is not None}


def score(situation: Situation) -> Evidence:
    """Weigh the typings of this login against their profiles; several fields add up, the weaker at half weight."""
    telemetry = situation.signals.telemetry
    if telemetry is None:
        return Evidence.abstain(SOURCE, "telemetry_none", behavioural=True)
    if (telemetry.clock_step_s or 0.0) > _WORTHLESS_CLOCK_S:
        return Evidence.abstain(SOURCE, "keystroke_clock_too_coarse", behavioural=True)
    version = str(situation.request.subject.properties.get("credential_version", ""))
    rows = profile_keys(typings_by_key(telemetry.fields, version))
    if not rows:
        return Evidence.abstain(SOURCE, "keystroke_no_typing", behavioural=True)
    model = FixedText(clock_step_s=telemetry.clock_step_s or 0.0)
    nats = [_weigh(model, situation.history.templates.get(key), row) for key, row in rows.items()]
    spoken = sorted((n for n in nats if n is not None), key=abs, reverse=True)
    if not spoken:
        return Evidence.abstain(SOURCE, "keystroke_enrolling", behavioural=True)
    total = round(spoken[0] + 0.5 * sum(spoken[1:]), 4)
    reason = Reason("keystroke_unlike" if total > 0 else "keystroke_like", total, {"fields": len(spoken)})
    return Evidence(SOURCE, total, (reason,), behavioural=True)


def typings_by_key(fields: tuple[Typing, ...], credential_version: str) -> dict[str, Typing]:
    """Typings by field and credential version: a changed password starts a new profile."""
    return {f"{t.field}/{credential_version if t.field == 'password' else ''}": t for t in fields}


def _weigh(model: FixedText, stored: bytes | None, row: tuple[float, ...]) -> float | None:
    if stored is None:
        return None
    profile = from_bytes(stored)
    cap = next((cap for n, cap in reversed(_CAPS) if len(profile.rows) >= n), None)
    if cap is None or profile.rows.shape[1] != len(row):
        return None
    genuine = float(model.score_rows(profile, [row])[0])
    return max(-cap, min(cap, -genuine))


def to_bytes(profile: Profile) -> bytes:
    """Serialise: magic, version, shape, CRC-32, float16 rows in order."""
    body = np.ascontiguousarray(profile.rows, dtype="<f2").tobytes()
    return _HEAD.pack(_MAGIC, len(profile.rows), profile.rows.shape[1], zlib.crc32(body)) + body


def from_bytes(data: bytes) -> Profile:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
    if len(data) < _HEAD.size:
        raise ProfileDamaged("keystroke profile is too short", hint="erase it; it is learnt again")
    magic, n, width, checksum = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if magic != _MAGIC or len(body) != 2 * n * width or zlib.crc32(body) != checksum:
        raise ProfileDamaged("keystroke profile is damaged", hint="erase it; it is learnt again")
    return Profile(np.frombuffer(body, dtype="<f2").reshape(n, width))


def _checked(rows: ArrayLike) -> Rows:
    matrix = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if matrix.ndim != 2 or matrix.shape[1] % 2 == 0 or not 1 <= matrix.shape[1] <= 2 * LONGEST - 1:
        raise ValueError("rows must have an odd number of times: hold, down-down, hold, ...")
    if not np.isfinite(matrix).all():
        raise ValueError("rows must be finite")
    held: Rows = np.clip(matrix, -60.0, 60.0)  # float16 keeps these; the log view clips tighter
    return held


def _log(rows: Rows) -> Rows:
    even = np.arange(rows.shape[1]) % 2 == 0
    clipped: Rows = np.log(np.clip(rows, np.where(even, *_LOW), np.where(even, *_HIGH)))
    return clipped
