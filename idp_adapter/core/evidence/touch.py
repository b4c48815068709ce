"""Touch typing of a fixed text where the device tells pressure and contact area beside the times.

A row is `[hold_0, dd_0, ..., hold_{k-1}, pressure_0, ..., pressure_{k-1}, area_0, ..., area_{k-1}]`: seconds, then the
device's own units (both positive, around 0.05 to 1). The times are weighed by the fixed-text model; pressure and area,
interleaved, go through the same views, and one scorer per enrolment band weighs both. Its weights come from MEU-Mobile
(`python -m tools.fit_touch`). Units differ between devices, so a profile belongs to one device class.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence import keystroke, touch_weights
from idp_adapter.core.evidence.behaviour import weighed
from idp_adapter.core.evidence.keystroke import GUARDED_FROM, LIMIT_NATS, LONGEST, SURE_NATS, WINDOW, FixedText
from idp_adapter.core.evidence.keystroke import Profile as Times
from idp_adapter.core.evidence.keystroke_views import Floats, Template, views
from idp_adapter.core.types import Evidence, Typing
from idp_adapter.errors import ProfileDamaged

Bands = tuple[tuple[int, float, Floats], ...]  # rows enrolled from, bias, weights of the times' nats and the views
BANDS: Final[Bands] = touch_weights.checked(touch_weights.BANDS)
SOURCE: Final = "touch"
_BEFORE_SCORE: Final = 2
_AREA_PX: Final = 1e4
_MAGIC: Final = b"TC1"
_HEAD: Final = struct.Struct("<3sII")


@dataclass(frozen=True)
class Profile:
    """The times' profile, and the window's contacts: (n, 2k - 1) float16, pressure and area in turn."""

    times: Times
    contacts: NDArray[np.float16]

    @cached_property
    def template(self) -> Template:
        """The template of the contacts, derived on first use."""
        return Template.of(self.contacts.astype(np.float64))


class Touch:
    """The model's plain door: rows in, nats out; and `BehaviourModel`, where a sample is one row. Holds no state."""

    source: Final = SOURCE

    def __init__(self, *, clock_step_s: float = 0.0, bands: Bands = BANDS) -> None:
        """`clock_step_s` and `bands` as for `FixedText`."""
        self._times = FixedText(clock_step_s=clock_step_s)
        self._bands = bands

    @staticmethod
    def empty() -> Profile:
        """A profile that knows nothing yet."""
        return Profile(FixedText.empty(), np.empty((0, 0), np.float16))

    def profile(self, rows: ArrayLike) -> Profile:
        """Build a profile from rows, oldest first. Raises ValueError for rows not finite or of no such width."""
        times, contacts = parts(rows)
        return Profile(self._times.profile(times), contacts[-WINDOW:].astype(np.float16))

    def learn(self, profile: Profile, row: ArrayLike, *, now: datetime | None = None) -> Profile:
        """A new profile with one more row; the oldest leaves a full window. This model has no use for `now`."""
        times, contacts = parts(row)
        if not len(profile.contacts):
            return self.profile(np.atleast_2d(np.asarray(row))[-1:])
        learnt = self._times.learn(profile.times, times[-1:])
        kept = np.concatenate([profile.contacts[-(WINDOW - 1) :], contacts[-1:].astype(np.float16)])
        return Profile(learnt, kept)

    def admits(self, profile: Profile, row: ArrayLike) -> bool:
        """Whether a row may be learnt without proof from elsewhere: its times may, and with its contacts it is sure."""
        if not self._times.admits(profile.times, parts(row)[0]):
            return False
        return len(profile.contacts) < GUARDED_FROM or bool(self.score_rows(profile, row)[-1] >= SURE_NATS)

    def nats(self, profile: Profile, row: ArrayLike) -> float | None:
        """Log-odds of one row before any cap, genuine positive; None below two enrolled rows."""
        if len(profile.contacts) < _BEFORE_SCORE:
            parts(row)
            return None
        return float(self.score_rows(profile, row)[-1])

    def score(self, profile: Profile, row: ArrayLike, *, now: datetime) -> Evidence:
        """Weigh one row within the cap of its enrolment; abstains below three."""
        return weighed(SOURCE, self.nats(profile, row), enrolled=len(profile.contacts))

    def drift(self, profile: Profile) -> float | None:
        """That of the times: contacts have no anchor."""
        return self._times.drift(profile.times)

    def to_bytes(self, profile: Profile) -> bytes:
        """The profile's bytes."""
        return to_bytes(profile)

    def from_bytes(self, data: bytes) -> Profile:
        """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
        return from_bytes(data)

    def views(self, profile: Profile, rows: ArrayLike) -> Floats:
        """What the scorer weighs: the times' nats, then the views of the contacts."""
        times, contacts = parts(rows)
        nats = self._times.score_rows(profile.times, times)
        return np.hstack([nats[:, None], views(profile.template, contacts)])

    def score_rows(self, profile: Profile, rows: ArrayLike) -> Floats:
        """Log-odds of each row in nats, genuine positive, before any cap: shape (m,). Needs two enrolled rows."""
        if len(profile.contacts) < _BEFORE_SCORE:
            raise ValueError("a profile of at least 2 rows is needed")
        seen = self.views(profile, rows)
        bias, weights = next((b, w) for n, b, w in reversed(self._bands) if len(profile.contacts) >= n)
        nats: Floats = LIMIT_NATS * np.tanh((seen @ weights + bias) / LIMIT_NATS)
        return nats


def contacts_of(typing: Typing) -> tuple[float, ...] | None:
    """Pressures, then areas, of a typing whose every press was a touch; None for others, and where neither varies.

    Areas are in squares of 100 pixels, near the units that the weights were fitted in. A number that never varies is
    none that the device measures: it counts as 0.
    """
    if not typing.contacts:
        return None
    pressures = [pressure for pressure, _, _ in typing.contacts]
    areas = [width * height / _AREA_PX for _, width, height in typing.contacts]
    if min(pressures) == max(pressures):
        pressures = [0.0] * len(pressures)
    if min(areas) == max(areas):
        areas = [0.0] * len(areas)
    return (*pressures, *areas) if any(pressures) or any(areas) else None


def to_bytes(profile: Profile) -> bytes:
    """Serialise: magic with version, length of the times' bytes, CRC-32; the times' bytes, then the contacts."""
    times, contacts = keystroke.to_bytes(profile.times), profile.contacts.astype("<f2").tobytes()
    return _HEAD.pack(_MAGIC, len(times), zlib.crc32(times + contacts)) + times + contacts


@lru_cache(maxsize=64)
def from_bytes(data: bytes) -> Profile:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
    body = data[_HEAD.size :]
    magic, length, checksum = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0, 0)
    if magic != _MAGIC or zlib.crc32(body) != checksum:
        raise ProfileDamaged("touch profile is damaged", hint="erase it; it is learnt again")
    times = keystroke.from_bytes(body[:length])
    if len(body) - length != 2 * times.rows.size:
        raise ProfileDamaged("touch profile is damaged", hint="erase it; it is learnt again")
    contacts = np.frombuffer(body[length:], dtype="<f2").reshape(times.rows.shape)
    return Profile(times, contacts)


def parts(rows: ArrayLike) -> tuple[Floats, Floats]:
    """Times (m, 2k - 1) and contacts (m, 2k - 1): pressure and area in turn, without the last key's area."""
    matrix = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    keys = (matrix.shape[-1] + 1) // 4
    if matrix.ndim != 2 or matrix.shape[1] != 4 * keys - 1 or not 1 <= keys <= LONGEST:
        raise ValueError("rows must have 4k - 1 numbers: times, then pressure and area of each key")
    if not np.isfinite(matrix).all():
        raise ValueError("rows must be finite")
    width = 2 * keys - 1
    contacts = np.empty((len(matrix), width))
    contacts[:, 0::2] = matrix[:, width : width + keys]
    contacts[:, 1::2] = matrix[:, width + keys : width + 2 * keys - 1]
    return matrix[:, :width], np.minimum(np.maximum(contacts, 0.0), 60.0)
