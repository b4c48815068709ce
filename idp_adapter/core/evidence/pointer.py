"""How a hand moves the pointer: does a run of actions match the confirmed ones?

A profile is the mean and the covariance of what `pointer_features.features` reads of each confirmed action, after a
squash that bounds it; never a trace. A run of actions is weighed in two ways. *Shift*: how far the run's mean lies from
the profile's, against what one hand drifts by and what hands differ by (two-covariance model of verification: Brummer
and de Villiers, "The speaker partitioning problem", 2010), once what the page asks of a movement is taken out. It asks
for no population, so it is what ships. *Place*, where a deployment's own subjects are known: each action's likelihood
under the profile over that under the population, both Gaussian. Weak at login and useful in session; behaviour is
supplementary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence import pointer_weights
from idp_adapter.core.evidence.behaviour import weighed
from idp_adapter.core.evidence.pointer_actions import Floats
from idp_adapter.core.evidence.pointer_features import NAMES, features
from idp_adapter.core.types import Evidence
from idp_adapter.errors import ProfileDamaged

SOURCE: Final = "pointer"
ENROLLED: Final = 100  # actions, before a profile speaks, for its owner or for its population
CAPS: Final = ((ENROLLED, 1.5),)  # nats by actions enrolled; below them nothing
ADMITTED_NATS: Final = 0.25  # of an action, from where a run may be learnt unproved
LIMIT_NATS: Final = 4.0  # of one action
FEWEST_ACTIONS: Final = 10  # of a run; fewer say nothing
MEMORY: Final = 5_000  # actions, from where older ones fade
_SQUASH: Final = 3.0  # spreads
_WIDTH: Final = len(NAMES)
# What the page asks of a movement: it differs from one login to the next, and tells nothing of the hand.
_TASK: Final = [NAMES.index(name) for name in ("chord", "drag", "pressed", "cos", "sin", "cos_twice", "sin_twice")]
_HAND: Final = [i for i in range(_WIDTH) if i not in _TASK]
_LOWER: Final = np.tril_indices(_WIDTH)
_MEAN_UNIT: Final = 3.01 / 32_767  # the profile keeps 16-bit integers of these units
_COVARIANCE_UNIT: Final = 9.1 / 32_767
_PRIOR_ACTIONS: Final = 5  # of plain unit covariance, so that a young profile has one at all
_POPULATION_ACTIONS: Final = 200  # the same, of the population's covariance
_RIDGE: Final = 0.02
_APART: Final = 1.0  # variance of the difference of two hands, in `between`; 2 for any two, less for colleagues
_FEWEST_SUBJECTS: Final = 8
_LOCATED_SHARES: Final = (0.3, 0.6)  # of the shift's scale, and nats per nat of the place, where both speak
_MAGIC: Final = b"PT2"
_HEAD: Final = struct.Struct("<3sI")
_TAUGHT: Final = struct.Struct("<I")

_SHIPPED: Final = pointer_weights.checked()


@dataclass(frozen=True, slots=True)
class Run:
    """Actions that were read already: what is left of a trace. `features`: (m, 48) little-endian int16, as bytes."""

    features: bytes = b""

    def __len__(self) -> int:
        """How many actions."""
        return len(self.features) // (2 * _WIDTH)

    @classmethod
    def of(cls, actions: Sequence[ArrayLike]) -> Run:
        """Read actions. Raises ValueError as `features` does."""
        return cls(np.rint(squashed(actions) / _MEAN_UNIT).astype("<i2").tobytes())

    def squashed(self) -> Floats:
        """In spreads: (m, 48). Raises ValueError for bytes that no run has."""
        return np.frombuffer(self.features, "<i2").reshape(-1, _WIDTH) * _MEAN_UNIT


Actions: TypeAlias = Sequence[ArrayLike] | Run


@dataclass(frozen=True, eq=False)
class Background:
    """What is known of hands in general, in squashed features of width 48.

    `between`: variance of hands' means; `drift`: the part of it that one hand drifts by from run to run. `mean`,
    `within`, `total`: where hands lie, how one scatters and how all do; None where no population is known.
    """

    between: Floats
    drift: float
    mean: Floats | None = None
    within: Floats | None = None
    total: Floats | None = None

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> Background:
        """The background of a deployment's own subjects. Raises ValueError for fewer than 8 of 100 actions each."""
        known = [profile for profile in profiles if profile.taught >= ENROLLED]
        if len(known) < _FEWEST_SUBJECTS:
            raise ValueError(f"a background needs {_FEWEST_SUBJECTS} profiles of at least {ENROLLED} actions")
        means = np.array([profile.mean_of() for profile in known])
        mean = means.mean(axis=0)
        within = sum((profile.covariance_of() for profile in known), np.zeros((_WIDTH, _WIDTH))) / len(known)
        apart = means - mean
        spread = apart.T @ apart / len(known)
        return cls(np.maximum(np.diag(spread), 0.01), SHIPPED.drift, mean, within, within + spread)


SHIPPED: Final = Background(_SHIPPED.between, _SHIPPED.drift)


@dataclass(frozen=True, eq=False)
class Profile:
    """What is kept of a hand: 16-bit `mean` (48,) and lower triangle of the `covariance` (1176,), and a count."""

    mean: NDArray[np.int16]
    covariance: NDArray[np.int16]
    taught: int = 0
    _lenses: dict[Background, _Lens] = field(default_factory=dict, repr=False)

    def mean_of(self) -> Floats:
        """The mean in squashed spreads: (48,)."""
        return self.mean.astype(np.float64) * _MEAN_UNIT

    def covariance_of(self) -> Floats:
        """The covariance: (48, 48)."""
        lower = np.zeros((_WIDTH, _WIDTH))
        lower[_LOWER] = self.covariance * _COVARIANCE_UNIT
        full: Floats = lower + np.tril(lower, -1).T
        return full

    def lens(self, background: Background) -> _Lens:
        """What scoring derives of the profile, on first use; the last background's is kept."""
        found = self._lenses.get(background)
        if found is None:
            found = _Lens.of(self, background)
            self._lenses.clear()
            self._lenses[background] = found
        return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Two Gaussians: the log-likelihood ratio of z is `base` + both quadratic forms."""

    base: float
    own: Floats
    others: Floats
    centre: Floats

    @classmethod
    def of(cls, profile: Profile, background: Background) -> _Place | None:
        if background.mean is None or background.within is None or background.total is None:
            return None
        n, k = profile.taught, _POPULATION_ACTIONS
        loose = np.diag(background.between + _RIDGE)  # a hand drifts, and so does a population
        own = (profile.covariance_of() * n + background.within * k) / (n + k) + loose
        others = background.total + loose
        base = 0.5 * float(np.linalg.slogdet(others)[1] - np.linalg.slogdet(own)[1])
        inverses = np.linalg.inv(np.stack([own, others])).astype(np.float64)
        return cls(base, inverses[0], inverses[1], background.mean)

    def nats(self, seen: Floats, away: Floats) -> Floats:
        there = seen - self.centre
        ratio: Floats = self.base + 0.5 * (((there @ self.others) * there).sum(1) - ((away @ self.own) * away).sum(1))
        return ratio


@dataclass(frozen=True, slots=True)
class _Lens:
    """Axes along which the scatter of actions and the difference of hands are both independent.

    They are of what is left of a movement once its task is taken out, by linear regression in the hand's own scatter.
    """

    mean: Floats
    axes: Floats  # (48, 41): features to axes, on which hands differ with variance 1
    scatter: Floats  # (41,): variance of one action on each axis
    place: _Place | None

    @classmethod
    def of(cls, profile: Profile, background: Background) -> _Lens:
        n = profile.taught
        scatter = (profile.covariance_of() * n + np.eye(_WIDTH) * _PRIOR_ACTIONS) / (n + _PRIOR_ACTIONS)
        left = np.eye(_WIDTH)[:, _HAND]
        left[_TASK] = -np.linalg.solve(scatter[np.ix_(_TASK, _TASK)], scatter[np.ix_(_TASK, _HAND)])
        left /= np.sqrt(background.between[_HAND])
        values, vectors = np.linalg.eigh(left.T @ scatter @ left)
        return cls(profile.mean_of(), left @ vectors, np.maximum(values, 1e-6), _Place.of(profile, background))

    def shift(self, away: Floats, drift: float, taught: int) -> Floats:
        """Nats of each action beside its run; their mean is the log-likelihood ratio of the run's mean."""
        along = away @ self.axes
        same = self.scatter * (1 / len(along) + 1 / taught) + drift
        other = same + _APART
        ratio: Floats = 0.5 * (along * (1 / other - 1 / same)) @ along.mean(axis=0) + 0.5 * np.log(other / same).sum()
        return ratio


class Pointer:
    """The model's plain door: actions in, nats out; and `BehaviourModel`, where a sample is one run. Holds no state.

    `actions` is a list of arrays, one per movement, oldest first: (n, 3) of [time_s, x_px, y_px], or (n, 4) with
    `pressed`; `pointer_actions.cut` and `actions_of` make them of a trace. A `Run` is the same, read before. Raises
    ValueError for anything else.
    """

    source: Final = SOURCE

    def __init__(self, *, background: Background = SHIPPED) -> None:
        """`background`: what ships, or `Background.of` a deployment's own profiles."""
        self._background = background

    @staticmethod
    def empty() -> Profile:
        """A profile that knows nothing yet."""
        return Profile(np.zeros(_WIDTH, np.int16), np.zeros(len(_LOWER[0]), np.int16))

    def profile(self, actions: Actions) -> Profile:
        """Build a profile from actions, oldest first; up to 5,000 count alike, in any order."""
        return self.learn(self.empty(), actions)

    def learn(self, profile: Profile, actions: Actions, *, now: datetime | None = None) -> Profile:
        """A new profile with more actions; from 5,000 on each new one lets the older fade by a 5,000th.

        This model has no use for `now`.
        """
        seen = squashed(actions)
        if not len(seen):
            return profile
        pace = 1 / np.minimum(profile.taught + np.arange(1.0, len(seen) + 1), MEMORY)
        fading = np.cumprod((1 - pace)[::-1])[::-1]
        weight = pace * np.append(fading[1:], 1.0)
        before, known = fading[0], profile.mean_of()
        mean = before * known + weight @ seen
        away = seen - mean
        moved = known - mean
        spread = before * (profile.covariance_of() + np.outer(moved, moved)) + (away * weight[:, None]).T @ away
        taught = min(profile.taught + len(seen), 2**32 - 1)
        return Profile(_kept(mean, _MEAN_UNIT, taught), _kept(spread[_LOWER], _COVARIANCE_UNIT, taught), taught)

    def nats(self, profile: Profile, actions: Actions) -> float | None:
        """Nats of one run before any cap, genuine positive; None below ten actions or with an empty profile."""
        run = actions if isinstance(actions, Run) else Run.of(actions)
        if not profile.taught or len(run) < FEWEST_ACTIONS:
            return None
        return weigh_run(self.score_actions(profile, run))

    def score(self, profile: Profile, actions: Actions, *, now: datetime) -> Evidence:
        """Weigh one run, at most 1.5 nats; abstains below ten actions, and below 100 enrolled."""
        return weighed(SOURCE, self.nats(profile, actions), enrolled=profile.taught, caps=CAPS)

    def admits(self, profile: Profile, actions: Actions) -> bool:
        """Whether a run may be learnt without proof from elsewhere: its actions, even a few, speak for the owner."""
        if profile.taught < ENROLLED:
            return True
        nats = self.score_actions(profile, actions)
        return len(nats) > 0 and float(nats.mean()) >= ADMITTED_NATS

    def drift(self, profile: Profile) -> float | None:
        """None: a profile is a slow mean of its own, with no other beside it to drift from."""
        return None

    def to_bytes(self, profile: Profile) -> bytes:
        """The profile's bytes."""
        return to_bytes(profile)

    def from_bytes(self, data: bytes) -> Profile:
        """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
        return from_bytes(data)

    def score_actions(self, profile: Profile, actions: Actions) -> Floats:
        """Nats per action, genuine positive, each within 4 either way: shape (m,). Needs an enrolled action.

        The actions are one run by one hand: each is weighed beside the others, so that runs are scored apart. Their
        order does not matter.
        """
        if not profile.taught:
            raise ValueError("a profile of at least 1 action is needed")
        seen = squashed(actions)
        if not len(seen):
            return np.empty(0)
        lens = profile.lens(self._background)
        away = seen - lens.mean
        nats = _SHIPPED.scale * lens.shift(away, self._background.drift, min(profile.taught, MEMORY))
        if lens.place is not None:
            shift, place = _LOCATED_SHARES
            nats = shift * nats + place * lens.place.nats(seen, away)
        return np.minimum(np.maximum(nats, -LIMIT_NATS), LIMIT_NATS)


def weigh_run(nats: ArrayLike) -> float:
    """One figure of a run's nats: their mean, shrunk by m / (m + 10); 0 below 10 actions."""
    scores = np.asarray(nats, dtype=np.float64).ravel()
    if len(scores) < FEWEST_ACTIONS:
        return 0.0
    return float(scores.mean() * len(scores) / (len(scores) + FEWEST_ACTIONS))


def squashed(actions: Actions) -> Floats:
    """Features in spreads about a typical hand's, bounded by 3, and 0 where an action can't tell: (m, 48)."""
    if isinstance(actions, Run):
        return actions.squashed()
    found = (features(actions) - _SHIPPED.centre) / (_SHIPPED.spread * _SQUASH)
    bounded: Floats = _SQUASH * np.tanh(np.where(np.isnan(found), 0.0, found))
    return bounded


def to_bytes(profile: Profile) -> bytes:
    """Serialise: magic with version, CRC-32; actions taught; mean, then covariance, as 16-bit integers."""
    numbers = profile.mean.astype("<i2").tobytes() + profile.covariance.astype("<i2").tobytes()
    body = _TAUGHT.pack(profile.taught) + numbers
    return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body


@lru_cache(maxsize=64)
def from_bytes(data: bytes) -> Profile:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
    body = data[_HEAD.size :]
    magic, checksum = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0)
    size = _TAUGHT.size + 2 * (_WIDTH + len(_LOWER[0]))
    if magic != _MAGIC or len(body) != size or zlib.crc32(body) != checksum:
        raise ProfileDamaged("pointer profile is damaged", hint="erase it; it is learnt again")
    numbers = np.frombuffer(body, dtype="<i2", offset=_TAUGHT.size)
    return Profile(numbers[:_WIDTH], numbers[_WIDTH:], _TAUGHT.unpack_from(body)[0])


def _kept(values: Floats, unit: float, taught: int) -> NDArray[np.int16]:
    """Round to units with a dither that differs by action and place, so that small steps add up instead of vanish."""
    dither = (taught * 0.6180339887498949 + np.arange(len(values)) * 0.7548776662466927) % 1.0
    kept: NDArray[np.int16] = np.floor(values / unit + dither).astype(np.int16)
    return kept
