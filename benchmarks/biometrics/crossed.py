"""Cross-fitting on BKSD: its own people and text are kept from the weights that they are tested with."""

from __future__ import annotations

import numpy as np

from benchmarks.biometrics import protocols
from benchmarks.biometrics.data import Rows, Subjects
from benchmarks.biometrics.protocols import Trial
from idp_adapter.core.evidence.behaviour import CAPS
from idp_adapter.core.evidence.keystroke import Bands, FixedText
from tools import fit

FOLDS = 5
CAP = CAPS[-1][1]
Pairs = tuple[Rows, Rows]  # nats of two fields, the stronger first: of the owner's logins, of others': (n, 2), (m, 2)


def adapted(tested: Subjects, known: Subjects) -> list[Trial]:
    """The adaptive run of each subject under weights from the other text and other people."""
    trials: list[Trial | None] = [None] * len(tested)
    for fold in range(FOLDS):
        others = [rows for i, rows in enumerate(known) if i % FOLDS != fold]
        model = FixedText(bands=_bands(others))
        for who in range(fold, len(tested), FOLDS):
            trials[who] = protocols.adapted(model, tested, who)
    return [trial for trial in trials if trial is not None]


def _bands(subjects: Subjects) -> Bands:
    band = fit.BANDS[-1]
    bias, weights = fit.fit(fit.sample(subjects, band, np.random.default_rng(fit.SEED)), band)
    return ((2, bias, weights),)


def pairs(one: list[Trial], other: list[Trial]) -> list[Pairs]:
    """Two texts as two fields of one login, each within the cap of a full profile, by subject."""
    return [
        (_ordered(a.genuine, b.genuine), np.vstack([_ordered(a.novice, b.novice), _ordered(a.practised, b.practised)]))
        for a, b in zip(one, other, strict=True)
    ]


def _ordered(one: Rows, other: Rows) -> Rows:
    shortest = min(len(one), len(other))
    both = np.clip(np.stack([one[:shortest], other[:shortest]], axis=1), -CAP, CAP)
    order = np.argsort(-np.abs(both), axis=1, kind="stable")
    ordered: Rows = np.take_along_axis(both, order, axis=1)
    return ordered


def combined(one: list[Trial], other: list[Trial], weights: list[Rows]) -> list[Trial]:
    """What a login gives for both fields, by subject, under that subject's weights (2,), within the cap."""

    def weighed(a: Rows, b: Rows, own: Rows) -> Rows:
        total: Rows = np.clip(_ordered(a, b) @ own, -CAP, CAP)
        return total

    return [
        Trial(*(weighed(getattr(a, kind), getattr(b, kind), own) for kind in protocols.KINDS))
        for a, b, own in zip(one, other, weights, strict=True)
    ]
