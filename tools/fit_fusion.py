"""Fit what each source counts in fusion: `python -m tools.fit_fusion`, on the synthetic population.

One course of `benchmarks.population` under weights of 1 gives what every source said of honest people and of attackers.
Logistic regression, both at half the weight, gives each fitted source its weight: at least 0, drawn towards 1 (the
source's own nats), so that what the population can't tell stays as it was judged. The intercept is corrected for the
halves and told; none ships, since nothing but evidence may move a policy's prior. Insiders are left out: what tells
them is the hand alone, and with them the fit would learn that a known device at a known address is suspicious. How much
the rest of the group `place` counts beside its strongest is chosen by the log loss of another course. `--check`
compares only; `--tell` prints the comparison.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.population import course, measures
from benchmarks.population.course import Judged
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.fusion_weights import canonical
from tools import written
from tools.paths import ROOT

Floats = NDArray[np.float64]
OUT: Final = ROOT / "idp_adapter" / "core" / "fusion_weights.py"
SEED, HELD_OUT_SEED, SUBJECTS = 1, 2, 120
LEFT_OUT: Final = "insider"
FITTED_GROUP: Final = "place"
JUDGED_DISCOUNTS: Final = {"behaviour": 0.5}  # ADR 0013: no licensed data has its sources together
DRAWN: Final = 0.01  # towards 1: the square of a weight's distance costs so much of the mean log loss
DISCOUNTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
UNFITTED: Final = 0.5  # a discount to compare with: what was judged before any fit
ROUNDS: Final = 30
DECIMALS: Final = 3
# What the population says nothing of (posture, pointer, automation), or says only what a made-up hand can (typing).
JUDGED: Final = frozenset(source.name for source in SOURCES if source.group in ("behaviour", "posture"))
NAMES: Final = tuple(source.name for source in SOURCES)
_MEMBERS: Final = {group: [s.name for s in SOURCES if s.group == group] for group in (*JUDGED_DISCOUNTS, FITTED_GROUP)}
_FITTED: Final = np.array([name not in JUDGED for name in NAMES])
_MOST: Final = np.array([source.cap_nats for source in SOURCES])
_LEAST: Final = -np.array([min(source.cap_nats, source.reassures_nats) for source in SOURCES])


@dataclass(frozen=True)
class Sample:
    """What sources said, nats (decisions, sources); 1 for attempts; weights that sum to 1."""

    nats: Floats
    truth: Floats
    weight: Floats


def sample(judged: Sequence[Judged]) -> Sample:
    """The evidence of decisions, honest ones at half the weight and attempts, by the shares of their kinds, at half."""
    kept = [item for item in judged if item.kind != LEFT_OUT]
    nats = np.zeros((len(kept), len(NAMES)))
    for row, item in zip(nats, kept, strict=True):
        said = {evidence.source: evidence.nats for evidence in item.evidence if not evidence.abstains}
        row[:] = [said.get(name, 0.0) for name in NAMES]
    truth = np.array([0.0 if item.honest else 1.0 for item in kept])
    return Sample(nats, truth, measures.weights(kept, measures.EVEN))


def told(nats: Floats, weights: Floats, discount: float) -> tuple[Floats, Floats]:
    """As fusion counts them: contributions, and what each changes with its weight (0 at a cap)."""
    weighed = np.clip(nats * weights, _LEAST, _MOST)
    shared = np.ones(nats.shape)
    for group, less in {**JUDGED_DISCOUNTS, FITTED_GROUP: discount}.items():
        columns = np.array([NAMES.index(name) for name in sorted(_MEMBERS[group])])  # of equals the first by name leads
        leaders = columns[np.abs(weighed[:, columns]).argmax(axis=1)]
        shared[:, columns] = less
        shared[np.arange(len(nats)), leaders] = 1.0
    slopes = np.where(weighed == nats * weights, nats, 0.0)
    return weighed * shared, slopes * shared


def fit(known: Sample, discount: float, *, with_intercept: bool = False) -> tuple[Floats, float]:
    """Weights and intercept, 0 without. Newton's method; who leads a group is settled anew before each step."""
    weights, intercept = np.ones(len(NAMES)), 0.0
    free = _FITTED.copy()
    for _ in range(ROUNDS):
        shares, slopes = told(known.nats, weights, discount)
        claimed = 1 / (1 + np.exp(-(shares.sum(axis=1) + intercept)))
        columns = np.hstack([slopes[:, free], np.full((len(slopes), 1), float(with_intercept))])
        drawn = np.append(np.full(int(free.sum()), DRAWN), 1.0 - with_intercept)
        away = np.append(weights[free] - 1, 0.0)
        slope = columns.T @ (known.weight * (claimed - known.truth)) + 2 * drawn * away
        curve = (columns * (known.weight * claimed * (1 - claimed))[:, None]).T @ columns + 2 * np.diag(drawn)
        step = np.clip(np.linalg.solve(curve, slope), -0.5, 0.5)
        weights[free] -= step[:-1]
        intercept -= float(step[-1])
        free &= weights > 0
        weights = np.maximum(weights, 0.0)
    return weights, intercept


def loss(known: Sample, weights: Floats, intercept: float, discount: float) -> float:
    """Mean log loss at even odds, nats."""
    nats = told(known.nats, weights, discount)[0].sum(axis=1) + intercept
    return float((known.weight * np.logaddexp(0, np.where(known.truth == 1, -nats, nats))).sum())


def compared(known: Sample, other: Sample) -> list[tuple[float, Floats, float, float, float]]:
    """For each discount: weights, log loss of another course, that with an intercept, and the intercept."""
    found = []
    for discount in DISCOUNTS:
        weights, _ = fit(known, discount)
        free, intercept = fit(known, discount, with_intercept=True)
        found.append(
            (discount, weights, loss(other, weights, 0.0, discount), loss(other, free, intercept, discount), intercept)
        )
    return found


def text(rows: Sequence[tuple[float, Floats, float, float, float]], unit: float, size: int) -> str:
    """The whole of the shipped file: the best discount's weights."""
    discount, weights, held_out, _, _ = min(rows, key=lambda row: row[2])
    pairs = [
        (name, f"{weight:.{DECIMALS}f}")
        for name, weight in sorted(zip(NAMES, weights, strict=True))
        if name not in JUDGED
    ]
    discounts = {FITTED_GROUP: discount, **JUDGED_DISCOUNTS}
    return _PAGE.format(
        seeds=f"{SEED} (fitted, {size} decisions) and {HELD_OUT_SEED} (held out), {SUBJECTS} subjects each",
        code=code_version(),
        losses="; ".join(f"{row[0]:g}: {row[2]:.4f}" for row in rows),
        fitted=f"{held_out:.4f}",
        unit=f"{unit:.4f}",
        judged=UNFITTED,
        weights="".join(f'    ("{name}", {weight}),\n' for name, weight in pairs),
        discounts="".join(f'    ("{group}", {less:.2f}),\n' for group, less in sorted(discounts.items())),
        digest=hashlib.sha256(
            canonical(tuple((n, float(w)) for n, w in pairs), tuple(sorted(discounts.items()))).encode("ascii")
        ).hexdigest(),
    )


def code_version() -> str:
    """SHA-256 of what makes and weighs the population and of this fit. Sources of evidence are the service's own."""
    folder = ROOT / "benchmarks" / "population"
    names = ("world", "things", "persons", "people", "attackers", "course", "house", "measures")
    return written.code_version(*(folder / f"{name}.py" for name in names), Path(__file__))


_PAGE: Final = '''"""What each source counts in fusion. Written by `python -m tools.fit_fusion`; do not edit.

Fitted on the synthetic population of `benchmarks.population`: no login of a real person. Sources not listed count
whole, as judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

Pairs = tuple[tuple[str, float], ...]

# seeds {seeds}
# code sha256 {code}
# held-out log loss at even odds, nats, by discount: {losses}
# as shipped {fitted}; with weights of 1 and discounts of {judged:g} {unit}
DIGEST: Final = "{digest}"
WEIGHTS: Final[Pairs] = (  # by source
{weights})
DISCOUNTS: Final[Pairs] = (  # by group, of all but its strongest source
{discounts})


def canonical(weights: Pairs, discounts: Pairs) -> str:
    """The numbers as text, for the digest."""
    return ";".join(f"{{name}}:{{value:.3f}}" for name, value in (*weights, *discounts))


def checked(
    weights: Pairs = WEIGHTS, discounts: Pairs = DISCOUNTS, digest: str = DIGEST
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Discount by group, and weight by source. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(weights, discounts).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("weights of fusion do not match their digest: restore fusion_weights.py as it was released")
    return dict(discounts), dict(weights)
'''


def main() -> int:
    """Write the weights, or check that they are what the population gives."""
    arguments = written.parser("weights of fusion")
    arguments.add_argument("--tell", action="store_true", help="print what the discounts and an intercept would give")
    asked = arguments.parse_args()
    known, other = (sample(course.run(seed, subjects=SUBJECTS, weights={}).judged) for seed in (SEED, HELD_OUT_SEED))
    rows = compared(known, other)
    wanted = text(rows, loss(other, np.ones(len(NAMES)), 0.0, UNFITTED), len(known.truth))
    if asked.tell:
        for discount, weights, held_out, free, intercept in rows:
            told_of = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(NAMES, weights, strict=True))
            print(f"{discount:g}: log loss {held_out:.4f}; with an intercept of {intercept:.2f} {free:.4f}; {told_of}")
    return written.settled(OUT, wanted, what="weights of fusion", check=asked.check)


if __name__ == "__main__":
    sys.exit(main())
