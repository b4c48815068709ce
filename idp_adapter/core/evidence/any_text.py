"""Keystroke timing of a text that differs each time: does the hand match, whatever it typed?

Keys never leave the browser, so nothing can be compared letter by letter. What is left of a typing is how its times are
spread: shares of short and long holds and gaps, how far one key overlaps the next, and how neighbours go together. A
sample's mean of these is a point; one hand's points scatter by the number of keys, and hands differ. Linear PLDA (two
covariances: Ioffe, "Probabilistic linear discriminant analysis", 2006) weighs the point against the profile's mean and
against all hands. How hands differ must be known of the deployment's own subjects (`Background.of`, from 200 on); none
ships, and without it nothing is said. A profile is a mean and a scatter, exact after each sample in constant time; no
row is kept. Behaviour is supplementary: caps by enrolment keep it from deciding alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idp_adapter.core.evidence.behaviour import weighed
from idp_adapter.core.types import Evidence
from idp_adapter.errors import ProfileDamaged

Floats = NDArray[np.float64]

SOURCE: Final = "any_text"
VIEWS: Final = 1  # version of `seen`: a background of another one does not fit
FEWEST_KEYS: Final = 6
LONGEST: Final = 1_000  # keys
FEWEST_SUBJECTS: Final = 200
FEWEST_SAMPLES: Final = 10  # of a subject, to count in a background
MEMORY_KEYS: Final = 3_000  # from where older samples fade
GUARDED_FROM: Final = 10  # samples; a younger profile can't afford to choose
SURE_NATS: Final = 1.0
LIMIT_NATS: Final = 15.0
BANDS: Final = (3, 10, 30)  # samples enrolled, from where calibration changes
_HOLDS: Final = np.linspace(-2.0, 2.0, 7)  # in spreads about a typical time
_GAPS: Final = np.linspace(-2.0, 2.5, 7)
_TYPICAL_S: Final = (0.1, 0.2)  # hold; down to down
_SPREAD: Final = (0.35, 0.6)  # of their logarithms
_OVERLAP_S: Final = 0.05
_DEEPEST: Final = -4.0
WIDTH: Final = len(_HOLDS) + len(_GAPS) - 2 + 5
_LOWER: Final = np.tril_indices(WIDTH)
_RIDGE: Final = 1e-6
_MAPS: Final = ((0.05, -1.0), (1.5, 1.0))  # least and most slope and shift
_OTHERS: Final = 20.0  # samples of all hands' scatter, beside a subject's own few
_MAGIC: Final = b"AT1"
_HEAD: Final = struct.Struct("<3sI")
_COUNTS: Final = struct.Struct("<Iff")  # samples ever taught, keys and samples that count


def seen(row: ArrayLike) -> Floats:
    """What is read of one typing: (17,). `row` is `[hold_0, dd_0, hold_1, ...]` in seconds, of six keys or more.

    Raises ValueError for a row that is not finite or not of such a length.
    """
    views: Floats = _read(np.asarray(row, dtype=np.float64)[None])[0]
    return views


def _read(rows: Floats) -> Floats:
    """The same of rows of one length: (m, 17)."""
    if rows.ndim != 2 or rows.shape[1] % 2 == 0 or not 2 * FEWEST_KEYS - 1 <= rows.shape[1] <= 2 * LONGEST - 1:
        raise ValueError(f"a row must be hold, down-down, hold ... of {FEWEST_KEYS} to {LONGEST} keys")
    if not np.isfinite(rows).all():
        raise ValueError("a row must be finite")
    holds = np.minimum(np.maximum(rows[:, 0::2], 0.005), 1.0)
    gaps = np.minimum(np.maximum(rows[:, 1::2], 0.01), 3.0)
    hold = _bounded(np.log(holds / _TYPICAL_S[0]) / _SPREAD[0], _HOLDS)
    gap = _bounded(np.log(gaps / _TYPICAL_S[1]) / _SPREAD[1], _GAPS)
    apart = gaps - holds[:, :-1]
    rest = (
        apart < 0,
        np.minimum(np.maximum(apart / _OVERLAP_S, _DEEPEST), 0.0),
        hold[:, 1:] * hold[:, :-1],
        hold[:, :-1] * gap,
        gap[:, 1:] * gap[:, :-1],
    )
    means = [each.mean(axis=1)[:, None] for each in rest]
    return np.concatenate([_shares(hold, _HOLDS), _shares(gap, _GAPS), *means], axis=1)


def _bounded(values: Floats, centres: Floats) -> Floats:
    bounded: Floats = np.minimum(np.maximum(values, centres[0]), centres[-1])
    return bounded


def _shares(values: Floats, centres: Floats) -> Floats:
    """Mean share of each centre, a value between two of them counting for both; the last follows from the others."""
    step = centres[1] - centres[0]
    shares: Floats = np.maximum(1 - np.abs(values[..., None] - centres[:-1]) / step, 0.0).mean(axis=1)
    return shares


@dataclass(frozen=True, eq=False)
class Profile:
    """What is kept of a hand: `mean` (17,) and `scatter` (153,), the lower triangle of squares about it times keys.

    `taught`: samples ever learnt; `keys` and `samples`: those that count, the older ones faded.
    """

    mean: NDArray[np.float32]
    scatter: NDArray[np.float32]
    taught: int = 0
    keys: float = 0.0
    samples: float = 0.0

    def scatter_of(self) -> Floats:
        """The scatter: (17, 17)."""
        lower = np.zeros((WIDTH, WIDTH))
        lower[_LOWER] = self.scatter
        full: Floats = lower + np.tril(lower, -1).T
        return full


@dataclass(frozen=True, eq=False)
class Background:
    """How hands differ. `mean` (17,) of all; `between` (17, 17): covariance of hands' means; `within`: of one key.

    `within` is of a sample times its keys. `calibration`: slope and shift in nats, by samples enrolled from.
    """

    mean: Floats
    between: Floats
    within: Floats
    calibration: tuple[tuple[int, float, float], ...] = ((0, 1.0, 0.0),)

    @classmethod
    def of(cls, profiles: Iterable[Profile], *, seed: int = 0) -> Background:
        """The background of a deployment's own subjects, one profile each.

        Raises ValueError for fewer than 200 of ten samples and more.
        """
        known = [profile for profile in profiles if profile.taught >= FEWEST_SAMPLES]
        if len(known) < FEWEST_SUBJECTS:
            raise ValueError(f"a background needs {FEWEST_SUBJECTS} profiles of at least {FEWEST_SAMPLES} samples")
        rng = np.random.default_rng(seed)
        halves = [known[0::2], known[1::2]]
        held_out = [(_fitted(other), own) for own, other in (halves, halves[::-1])]
        bands = tuple((least, *_calibrated(held_out, least, rng)) for least in BANDS)
        found = _fitted(known)
        return cls(found.mean, found.between, found.within, bands)

    @cached_property
    def axes(self) -> tuple[Floats, Floats]:
        """Axes (17, 17) on which one key scatters with variance 1, and the variances of hands on them (17,)."""
        root = np.linalg.inv(np.linalg.cholesky(self.within + _RIDGE * np.eye(WIDTH)))
        values, vectors = np.linalg.eigh(root @ self.between @ root.T)
        return root.T @ vectors, np.maximum(values, 0.0)

    def ratio(self, own: Floats, own_keys: float, points: Floats, keys: Floats) -> Floats:
        """Log-likelihood ratio of points (m, 17) of so many keys (m,) to come from the hand of `own`, uncalibrated."""
        axes, between = self.axes
        known, tested = (own - self.mean) @ axes, (points - self.mean) @ axes
        noise = 1 / keys[:, None]
        trust = between / (between + 1 / own_keys)
        same, other = between * (1 - trust) + noise, between + noise
        away = tested - trust * known
        nats: Floats = 0.5 * (tested**2 / other - away**2 / same + np.log(other / same)).sum(axis=1)
        return nats

    def calibrated(self, nats: Floats, taught: int) -> Floats:
        """Nats of a profile of so many samples, genuine positive, within 15."""
        slope, shift = next(
            ((slope, shift) for least, slope, shift in reversed(self.calibration) if taught >= least),
            self.calibration[0][1:],
        )
        bounded: Floats = LIMIT_NATS * np.tanh((slope * nats + shift) / LIMIT_NATS)
        return bounded


def _fitted(profiles: Sequence[Profile]) -> Background:
    """Mean and covariances by moments: hands' means scatter by how they differ, and by their own keys."""
    means = np.array([profile.mean for profile in profiles], dtype=np.float64)
    mean = means.mean(axis=0)
    freedom = sum(max(profile.samples - 1, 0.0) for profile in profiles)
    within = sum((profile.scatter_of() for profile in profiles), np.zeros((WIDTH, WIDTH))) / freedom
    apart = means - mean
    own = float(np.mean([1 / profile.keys for profile in profiles]))
    values, vectors = np.linalg.eigh(apart.T @ apart / (len(profiles) - 1) - own * within)
    return Background(mean, (vectors * np.maximum(values, 0.0)) @ vectors.T, within)


def _calibrated(
    held_out: Sequence[tuple[Background, Sequence[Profile]]], enrolled: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Slope and shift of a logistic map, on samples drawn from each subject's own mean and scatter.

    No sample is stored, so they are drawn: an enrolment and two typings of each subject, against a background of the
    other half of the subjects. Two typings of the next subject are the impostor's.
    """
    nats, truth = [], []
    for background, profiles in held_out:
        drawn = [_drawn(profile, background.within, enrolled, rng) for profile in profiles]
        for place, (own, _, keys) in enumerate(drawn):
            for is_genuine in (True, False):
                _, points, points_keys = drawn[place if is_genuine else place - 1]
                found = background.ratio(own, enrolled * keys, points, np.full(len(points), points_keys))
                nats.append(found)
                truth.append(np.full(len(found), float(is_genuine)))
    return _logistic(np.concatenate(nats), np.concatenate(truth))


def _drawn(profile: Profile, within: Floats, enrolled: int, rng: np.random.Generator) -> tuple[Floats, Floats, float]:
    """A mean of so many samples, two samples, and the keys of each."""
    keys = profile.keys / profile.samples
    covariance = (profile.scatter_of() + _OTHERS * within) / (profile.samples - 1 + _OTHERS) / keys
    root = np.linalg.cholesky(covariance + _RIDGE * np.eye(WIDTH))
    mean, noise = profile.mean.astype(np.float64), rng.standard_normal((3, WIDTH)) @ root.T
    return mean + noise[0] / np.sqrt(enrolled), mean + noise[1:], keys


def _logistic(nats: Floats, truth: Floats) -> tuple[float, float]:
    """Platt's map of even odds by Newton's method, with a weak pull to slope 1 and shift 0, and within bounds."""
    design = np.column_stack([np.minimum(np.maximum(nats, -LIMIT_NATS), LIMIT_NATS), np.ones(len(nats))])
    pull, found = np.eye(2), np.array([1.0, 0.0])
    for _ in range(20):
        likely = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (likely - truth) + pull @ (found - [1.0, 0.0])
        curve = (design * (likely * (1 - likely))[:, None]).T @ design + pull
        found = np.clip(found - np.linalg.solve(curve, slope), *_MAPS)
    return float(found[0]), float(found[1])


class AnyText:
    """The model's plain door: samples in, nats out; and `BehaviourModel`, where a sample is one row. Holds no state.

    A sample is the row of one typing, `[hold_0, dd_0, hold_1, ...]` in seconds, of 6 to 1,000 keys, each sample its own
    number of them. Raises ValueError for anything else.
    """

    source: Final = SOURCE

    def __init__(self, background: Background | None = None) -> None:
        """`background` of the deployment; without one profiles are learnt and nothing is said."""
        self._background = background

    @staticmethod
    def empty() -> Profile:
        """A profile that knows nothing yet."""
        return Profile(np.zeros(WIDTH, np.float32), np.zeros(len(_LOWER[0]), np.float32))

    def profile(self, samples: Iterable[ArrayLike]) -> Profile:
        """Build a profile from samples, oldest first."""
        profile = self.empty()
        for sample in samples:
            profile = self.learn(profile, sample)
        return profile

    def learn(self, profile: Profile, sample: ArrayLike, *, now: datetime | None = None) -> Profile:
        """A new profile with one more sample (Welford's update); from 3,000 keys on the older ones fade.

        This model has no use for `now`.
        """
        point = seen(sample)
        keys = _keys_of(sample)
        kept = min(1.0, max(0.0, MEMORY_KEYS - keys) / profile.keys) if profile.keys else 0.0
        before = profile.keys * kept
        away = point - profile.mean
        share = keys / (before + keys)
        scatter = profile.scatter * kept + np.outer(away, away)[_LOWER] * (before * share)
        return Profile(
            (profile.mean + share * away).astype(np.float32),
            scatter.astype(np.float32),
            min(profile.taught + 1, 2**32 - 1),
            float(np.float32(before + keys)),
            float(np.float32(profile.samples * kept + 1)),
        )

    def score_samples(self, profile: Profile, samples: Sequence[ArrayLike]) -> Floats:
        """Nats of each sample by itself, calibrated, genuine positive, before any cap: shape (m,).

        Raises ValueError where the model has no background or the profile no sample.
        """
        if self._background is None or not profile.taught:
            raise ValueError("a background and a profile of at least 1 sample are needed")
        if not len(samples):
            return np.empty(0)
        is_even = len({np.size(sample) for sample in samples}) == 1  # then they are read at once
        points = _read(np.asarray(samples, float)) if is_even else np.array([seen(sample) for sample in samples])
        keys = np.array([_keys_of(sample) for sample in samples])
        nats = self._background.ratio(profile.mean.astype(np.float64), profile.keys, points, keys)
        return self._background.calibrated(nats, profile.taught)

    def nats(self, profile: Profile, sample: ArrayLike) -> float | None:
        """Nats of one sample before any cap, genuine positive; None without a background or with an empty profile."""
        if self._background is None or not profile.taught:
            seen(sample)
            return None
        return float(self.score_samples(profile, [sample])[0])

    def score(self, profile: Profile, sample: ArrayLike, *, now: datetime) -> Evidence:
        """Weigh one sample within the cap of its enrolment; abstains below three, and without a background."""
        nats = self.nats(profile, sample)
        if self._background is None:
            return Evidence.abstain(SOURCE, "any_text_no_background", behavioural=True)
        return weighed(SOURCE, nats, enrolled=profile.taught)

    def admits(self, profile: Profile, sample: ArrayLike) -> bool:
        """Whether a sample may be learnt without proof from elsewhere: it speaks for the owner.

        Without a background nothing can be told: from ten samples on only proved ones are learnt.
        """
        if profile.taught < GUARDED_FROM:
            return True
        nats = self.nats(profile, sample)
        return nats is not None and nats >= SURE_NATS

    def drift(self, profile: Profile) -> float | None:
        """None: a profile is a slow mean of its own, with no other beside it to drift from."""
        return None

    def to_bytes(self, profile: Profile) -> bytes:
        """The profile's bytes."""
        return to_bytes(profile)

    def from_bytes(self, data: bytes) -> Profile:
        """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
        return from_bytes(data)


def _keys_of(sample: ArrayLike) -> int:
    return (np.size(sample) + 1) // 2


def to_bytes(profile: Profile) -> bytes:
    """Serialise: magic with version, CRC-32; counts; mean, then scatter, as 32-bit floats."""
    numbers = profile.mean.astype("<f4").tobytes() + profile.scatter.astype("<f4").tobytes()
    body = _COUNTS.pack(profile.taught, profile.keys, profile.samples) + numbers
    return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body


@lru_cache(maxsize=64)
def from_bytes(data: bytes) -> Profile:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
    body = data[_HEAD.size :]
    magic, checksum = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0)
    if magic != _MAGIC or len(body) != _COUNTS.size + 4 * (WIDTH + len(_LOWER[0])) or zlib.crc32(body) != checksum:
        raise ProfileDamaged("any-text profile is damaged", hint="erase it; it is learnt again")
    taught, keys, samples = _COUNTS.unpack_from(body)
    numbers = np.frombuffer(body, dtype="<f4", offset=_COUNTS.size)
    if not np.isfinite(numbers).all() or not (0 <= samples <= taught and 0 <= keys <= MEMORY_KEYS + 1):
        raise ProfileDamaged("any-text profile holds what no profile can", hint="erase it; it is learnt again")
    return Profile(numbers[:WIDTH], numbers[WIDTH:], taught, keys, samples)
