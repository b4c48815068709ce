"""Fit how several typed fields of one login count together: `python -m tools.fit_fields --data FOLDER`.

BKSD (MIT licence) has two texts by the same people, so two fields of one login, of its owner or of one impostor. Each
gives nats within its cap, from an adaptive run under weights of the other text and other people. Logistic regression
without a bias, owner and impostors at half the weight each, gives what the stronger and the weaker field count.
`--check` compares only.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.biometrics import crossed, data
from benchmarks.biometrics.crossed import Pairs
from benchmarks.biometrics.data import Rows
from benchmarks.biometrics.measures import cllr
from tools import written
from tools.paths import ROOT

OUT: Final = ROOT / "idp_adapter" / "core" / "evidence" / "typed_weights.py"
TABLES: Final = (data.BKSD_EN, data.BKSD_AR)
STEPS: Final = 50


def fit(known: Sequence[Pairs]) -> Rows:
    """Weights of the stronger and the weaker field: (2,). Newton's method on the logistic loss."""
    own, foreign = (np.vstack(part) for part in zip(*known, strict=True))
    nats = np.vstack([own, foreign])
    genuine = np.arange(len(nats)) < len(own)
    share = np.where(genuine, 0.5 / len(own), 0.5 / len(foreign))
    weights = np.zeros(2)
    for _ in range(STEPS):
        claimed = 1 / (1 + np.exp(-nats @ weights))
        slope = nats.T @ (share * (claimed - genuine))
        weights = weights - np.linalg.solve((nats * (share * claimed * (1 - claimed))[:, None]).T @ nats, slope)
    return weights


def held_out(known: Sequence[Pairs]) -> list[Rows]:
    """For each subject the weights that other people give."""
    folds = [fit([pair for i, pair in enumerate(known) if i % crossed.FOLDS != fold]) for fold in range(crossed.FOLDS)]
    return [folds[who % crossed.FOLDS] for who in range(len(known))]


def text(folder: Path) -> str:
    """The whole of the shipped file."""
    sets = [data.read(folder, table) for table in TABLES]
    if sets[0] is None or sets[1] is None:
        raise SystemExit(f"{TABLES[0].path} and {TABLES[1].path} must be in the folder given")
    known = crossed.pairs(crossed.adapted(sets[0], sets[1]), crossed.adapted(sets[1], sets[0]))
    stronger, weaker = fit(known)
    weights = f"({stronger:.3f}, {weaker:.3f})"
    return _PAGE.format(
        data="\n".join(f"# {table.path} sha256 {data.fingerprint(folder, table.path)}" for table in TABLES),
        code=written.code_version(Path(__file__)),
        fitted=_bits(known, held_out(known)),
        half=_bits(known, [np.array([1.0, 0.5])] * len(known)),
        weights=weights,
        digest=hashlib.sha256(weights.encode("ascii")).hexdigest(),
    )


def _bits(known: Sequence[Pairs], weights: Sequence[Rows]) -> float:
    own, foreign = (np.concatenate([pair[i] @ w for pair, w in zip(known, weights, strict=True)]) for i in (0, 1))
    return cllr(own, foreign)


_PAGE: Final = '''"""What fields of one login count together. Written by `python -m tools.fit_fields`; do not edit.

Fitted on BKSD (N. Altwaijry, Applied Sciences 13(20):11478, 2023; MIT licence, copyright 2023 Najwa Altwaijry).
"""

from __future__ import annotations

import hashlib
from typing import Final

# data
{data}
# code sha256 {code}
# held out by people: Cllr {fitted:.3f} bit; with the weaker at half: {half:.3f} bit

DIGEST: Final = "{digest}"
WEIGHTS: Final = {weights}  # of the stronger and the weaker of two fields


def checked(weights: tuple[float, float] = WEIGHTS, digest: str = DIGEST) -> tuple[float, float]:
    """The weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(f"({{weights[0]:.3f}}, {{weights[1]:.3f}})".encode("ascii")).hexdigest() != digest:
        raise RuntimeError("weights of fields do not match their digest: run python -m tools.fit_fields")
    return weights
'''


if __name__ == "__main__":
    sys.exit(written.main("weights of fields", OUT, text, sets="bksd-password/"))
