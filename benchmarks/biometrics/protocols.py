"""The protocols of fixed text: who enrols on what, and who is tested against it. Each gives one trial per subject.

A detector is anything with `profile(rows)`, `score_rows(profile, rows)` and `learn(profile, row)`; the protocols use
nothing beneath that. Novice impostors are the first five rows of every other subject, practised ones the last five.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmarks.biometrics.data import Rows, Subjects

HALF = 200
NEXT = 40
EVERY = 10  # every so many logins of an adaptive run, impostors try too
WINDOW = 30


class Detector(Protocol):
    """The plain door."""

    def profile(self, rows: Rows) -> Any:
        """Enrol."""

    def score_rows(self, profile: Any, rows: Rows) -> Rows:
        """Nats, genuine positive."""

    def learn(self, profile: Any, row: Rows) -> Any:
        """A profile with one more row."""


@dataclass(frozen=True)
class Trial:
    """Scores of one subject: own rows, novice and practised impostors."""

    genuine: Rows
    novice: Rows
    practised: Rows


Protocolled = Callable[[Detector, Subjects], list[Trial]]


def impostors(subjects: Subjects, who: int) -> tuple[Rows, Rows]:
    """First five and last five rows of every other subject."""
    others = [rows for i, rows in enumerate(subjects) if i != who]
    return np.vstack([rows[:5] for rows in others]), np.vstack([rows[-5:] for rows in others])


def half(rows: Rows) -> int:
    """Where enrolment ends: 200 rows, or half of them where fewer than 400."""
    return min(HALF, len(rows) // 2)


def km(enrolled: int = HALF) -> Protocolled:
    """Killourhy and Maxion: enrol on the last `enrolled` rows of the first half, test on the second."""

    def run(detector: Detector, subjects: Subjects) -> list[Trial]:
        def trial(who: int, rows: Rows) -> Trial:
            end = half(rows)
            return _trial(detector, rows[max(0, end - enrolled) : end], rows[end:], impostors(subjects, who))

        return [trial(who, rows) for who, rows in enumerate(subjects)]

    return run


def first(enrolled: int) -> Protocolled:
    """Enrol on the first rows ever typed, test on the next 40: the hand still learns the text."""

    def run(detector: Detector, subjects: Subjects) -> list[Trial]:
        return [
            _trial(detector, rows[:enrolled], rows[enrolled : enrolled + NEXT], impostors(subjects, who))
            for who, rows in enumerate(subjects)
        ]

    return run


def adaptive(window: int = WINDOW) -> Protocolled:
    """Score each row of the second half, then learn it; the template starts with the last rows before."""

    def run(detector: Detector, subjects: Subjects) -> list[Trial]:
        return [adapted(detector, subjects, who, window) for who in range(len(subjects))]

    return run


def adapted(detector: Detector, subjects: Subjects, who: int, window: int = WINDOW) -> Trial:
    """The adaptive run of one subject."""
    rows, foreign = subjects[who], impostors(subjects, who)
    start = half(rows)
    profile = detector.profile(rows[max(0, start - window) : start])
    own, novice, practised = [], [], []
    for i, row in enumerate(rows[start:]):
        own.append(detector.score_rows(profile, row[None])[0])
        if i % EVERY == 0:
            novice.append(detector.score_rows(profile, foreign[0]))
            practised.append(detector.score_rows(profile, foreign[1]))
        profile = detector.learn(profile, row)
    return Trial(np.array(own), np.concatenate(novice), np.concatenate(practised))


def _trial(detector: Detector, enrolled: Rows, own: Rows, foreign: tuple[Rows, Rows]) -> Trial:
    profile = detector.profile(enrolled)
    return Trial(*(detector.score_rows(profile, rows) for rows in (own, *foreign)))


def summed(trials: list[list[Trial]]) -> list[Trial]:
    """Several fields of one login: the nats of the same subject's n-th tries add up."""
    return [
        Trial(*(_sum_aligned([getattr(t, kind) for t in own]) for kind in KINDS)) for own in zip(*trials, strict=True)
    ]


def consecutive(trials: list[Trial], logins: int = 3) -> list[Trial]:
    """Sums over consecutive logins; an impostor's are consecutive tries of the same person (five each)."""

    def runs(scores: Rows, block: int) -> Rows:
        usable = scores[: len(scores) // block * block].reshape(-1, block)
        windows = np.lib.stride_tricks.sliding_window_view(usable, logins, axis=1)
        sums: Rows = windows.sum(axis=-1).ravel()
        return sums

    return [Trial(runs(t.genuine, len(t.genuine)), runs(t.novice, 5), runs(t.practised, 5)) for t in trials]


def after_owner(trials: list[Trial], logins: int = 3, seed: int = 0) -> list[Trial]:
    """The same sums where each try of an impostor comes right after logins of the owner, as a first one does."""
    rng = np.random.default_rng(seed)

    def first(trial: Trial, foreign: Rows) -> Rows:
        start = rng.integers(0, len(trial.genuine) - logins, len(foreign))
        return foreign + sum((trial.genuine[start + i] for i in range(logins - 1)), np.zeros(len(foreign)))

    sums = consecutive(trials, logins)
    return [
        Trial(summed.genuine, first(trial, trial.novice), first(trial, trial.practised))
        for trial, summed in zip(trials, sums, strict=True)
    ]


KINDS = ("genuine", "novice", "practised")


def _sum_aligned(parts: list[Rows]) -> Rows:
    shortest = min(len(part) for part in parts)
    total: Rows = np.sum([part[:shortest] for part in parts], axis=0)
    return total


def ticked(subjects: Subjects, step_s: float, seed: int = 0) -> Subjects:
    """The same typings read off a clock of that step: press and release times, each rounded down to the grid."""
    rng = np.random.default_rng(seed)
    return [_ticked(rows, step_s, rng) for rows in subjects]


def _ticked(rows: Rows, step_s: float, rng: np.random.Generator) -> Rows:
    downs = np.cumsum(np.hstack([rng.uniform(0, step_s, (len(rows), 1)), rows[:, 1::2]]), axis=1)
    ups = downs + rows[:, 0::2]
    down_ticks, up_ticks = np.floor(downs / step_s) * step_s, np.floor(ups / step_s) * step_s
    out = np.empty_like(rows)
    out[:, 0::2], out[:, 1::2] = up_ticks - down_ticks, np.diff(down_ticks, axis=1)
    return out
