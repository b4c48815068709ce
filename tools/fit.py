"""Fit the shared scorer of fixed text and write it down: `python -m tools.fit --data FOLDER`.

Only BKSD (MIT licence) feeds it. Realistic for passwords: a template sees its owner's rows alone, and the weights
come from other texts and other people than those they will meet. The rows get uniform noise of half the coarsest
common timer, so that no weight leans on the grid of a client's clock. Per enrolment band, one convex fit of two losses:
the calibrated logistic one over all rows, and one over pairs of a genuine and a foreign row beside the same template.
Newton's method to machine precision and rounding make the file the same byte for byte; `--check` compares only.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.biometrics import data
from benchmarks.biometrics.data import Rows, Subjects
from benchmarks.biometrics.measures import cllr, eer
from idp_adapter.core.evidence.keystroke_views import Template, views
from idp_adapter.core.evidence.keystroke_weights import canonical
from tools import written
from tools.paths import ROOT

OUT: Final = ROOT / "idp_adapter" / "core" / "evidence" / "keystroke_weights.py"
SEED: Final = 20
JITTER_S: Final = 0.004
HORIZON: Final = 40
LATE: Final = 100
MADE: Final = 0.05  # share of the foreign weight
FOLDS: Final = 5


@dataclass(frozen=True)
class Band:
    """Enrolment from `rows` on; `plan` lists (rows enrolled, rows typed before the test)."""

    rows: int
    plan: tuple[tuple[int, int], ...]
    pairs: float  # weight of the pairwise loss; the logistic one has 1
    ridge: float  # penalty on standardised weights, as a share of the total weight


BANDS: Final = (
    Band(2, ((2, 2), (3, 3), (3, 60), (5, 5), (5, 5), (7, 7), (5, 100)), 3.0, 1e-3),
    Band(8, ((8, 8), (10, 10), (10, 10), (15, 15), (15, 100), (20, 20), (20, 200)), 1.0, 1e-3),
    Band(25, ((30, 30), (30, 60), (30, 100), (30, 150), (30, 200), (30, 250), (30, 320)), 1.0, 1e-3),
)


NOISE_DECIMALS: Final = 6  # smaller weights are what is left of rounding, and differ by the number of threads
MACHINE: Final = Band(10, BANDS[-1].plan, 0.0, 1e-3)  # the owner against rows that no person typed


@dataclass(frozen=True)
class Sample:
    """Views of rows beside templates: who they are, which template, and a weight that makes templates equal."""

    views: Rows
    genuine: Rows
    template: Rows
    weight: Rows


def sample(subjects: Subjects, band: Band, rng: np.random.Generator, among: int = 16) -> Sample:
    """Templates by the band's plan; the owner's next rows against first and last rows of other people."""
    parts: list[tuple[Rows, ...]] = []
    for who, rows in enumerate(subjects):
        others = [other for i, other in enumerate(subjects) if i != who]
        for enrolled, typed in band.plan:
            template = Template.of(rows[typed - enrolled : typed])
            own = _next(rows, typed)
            chosen = [others[i] for i in rng.choice(len(others), min(among, len(others)), replace=False)]
            novices = [other[rng.integers(0, 5, 2)] for other in chosen]
            practised = [other[-5:][rng.integers(0, 5, 2)] for other in chosen]
            foreign = np.vstack(novices + practised)
            made = _made(rows[typed - 1], rng)
            seen = views(template, np.vstack([own, foreign, made]))
            truth = np.concatenate([np.ones(len(own)), np.zeros(len(foreign) + len(made))])
            shares = ((0.5, own), (0.5 * (1 - MADE), foreign), (0.5 * MADE, made))
            weight = np.concatenate([np.full(len(part), share / len(part)) for share, part in shares])
            parts.append((seen, truth, np.full(len(seen), len(parts)), weight))
    return Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _next(rows: Rows, typed: int) -> Rows:
    """The owner's next rows; late in the series also far ones, since profiles are not always fresh."""
    return (
        rows[typed : typed + HORIZON] if typed < LATE else np.vstack([rows[typed : typed + 6], rows[typed + 6 :: 10]])
    )


def _made(row: Rows, rng: np.random.Generator) -> Rows:
    """Rows that no person typed, so that the scorer has seen far ones too: another tempo, chance, a metronome."""
    tempo = np.exp(rng.uniform(0.7, 2.5, (2, 1)) * [[-1.0], [1.0]])
    holds = np.arange(len(row)) % 2 == 0
    chance = np.where(holds, rng.uniform(0.01, 0.25, (2, len(row))), rng.uniform(0.02, 0.8, (2, len(row))))
    even = np.where(holds, rng.uniform(0.01, 0.2, (2, 1)), rng.uniform(0.03, 0.5, (2, 1)))
    return np.vstack([row * tempo, chance, even])


def machines(subjects: Subjects, rng: np.random.Generator) -> Sample:
    """The owner's next rows against delays of a program: even, by chance, or drawn from a textbook's averages."""
    parts: list[tuple[Rows, ...]] = []
    for rows in subjects:
        for enrolled, typed in MACHINE.plan:
            template = Template.of(rows[typed - enrolled : typed])
            own, made = _next(rows, typed), np.vstack([_drawn(rows.shape[1], rng), _made(rows[typed - 1], rng)[2:]])
            seen = views(template, np.vstack([own, made]))
            truth = np.concatenate([np.ones(len(own)), np.zeros(len(made))])
            weight = np.where(truth == 1, 0.5 / len(own), 0.5 / len(made))
            parts.append((seen, truth, np.full(len(seen), len(parts)), weight))
    return Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _drawn(width: int, rng: np.random.Generator) -> Rows:
    holds, shape = np.arange(width) % 2 == 0, (6, width)
    normal = np.where(holds, rng.normal(0.09, 0.02, shape), rng.normal(rng.uniform(0.12, 0.3, (6, 1)), 0.06, shape))
    uniform = np.where(holds, rng.uniform(0.02, 0.2, shape), rng.uniform(0.03, 0.5, shape))
    return np.vstack([np.maximum(normal, 0.005), uniform])


def joined(*samples: Sample) -> Sample:
    """One sample of several, with templates kept apart."""
    shift = np.cumsum([0] + [int(part.template.max()) + 1 for part in samples[:-1]])
    templates = [part.template + more for part, more in zip(samples, shift, strict=True)]
    columns = [[getattr(part, name) for part in samples] for name in ("views", "genuine", "weight")]
    seen, truth, weight = (np.concatenate(column) for column in columns)
    return Sample(seen, truth, np.concatenate(templates), weight)


def fit(known: Sample, band: Band) -> tuple[float, Rows]:
    """Bias and weights on raw views."""
    total = known.weight.sum()
    mean = (known.weight @ known.views) / total
    sd = np.sqrt(known.weight @ (known.views - mean) ** 2 / total) + 1e-9
    z = (known.views - mean) / sd
    design = np.hstack([z, np.ones((len(z), 1))])
    apart = _pairs(known, z, np.random.default_rng(SEED)) if band.pairs else z[:0]
    stacked = np.vstack([design, np.hstack([apart, np.zeros((len(apart), 1))])])
    truth = np.concatenate([known.genuine, np.ones(len(apart))])
    weight = np.concatenate([known.weight / total, np.full(len(apart), band.pairs / max(len(apart), 1))])
    penalty = np.append(np.full(z.shape[1], band.ridge), 0.0)
    found = _newton(stacked, truth, weight, penalty)
    weights = found[:-1] / sd
    return float(found[-1] - weights @ mean), weights


def _pairs(known: Sample, z: Rows, rng: np.random.Generator, per_template: int = 48) -> Rows:
    edges = np.flatnonzero(np.diff(known.template, prepend=-1, append=-1))
    parts: list[Rows] = []
    for start, end in pairwise(edges):
        inside = np.arange(start, end)
        own, foreign = inside[known.genuine[inside] == 1], inside[known.genuine[inside] == 0]
        parts.append(z[rng.choice(own, per_template)] - z[rng.choice(foreign, per_template)])
    return np.vstack(parts)


def _newton(design: Rows, truth: Rows, weight: Rows, penalty: Rows) -> Rows:
    """Weighted ridge logistic regression to machine precision (iteratively reweighted least squares)."""
    found = np.zeros(design.shape[1])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-np.clip(design @ found, -40, 40)))
        slope = design.T @ (weight * (truth - guess)) - penalty * found
        curve = (design * (weight * guess * (1 - guess))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve + 1e-12 * np.eye(len(curve)), slope)
        found = found + step
        if np.abs(step).max() < 1e-12:
            break
    return found


def held_out(sets: Sequence[Subjects], band: Band) -> tuple[float, float]:
    """EER and Cllr on one text and a fifth of its people, fitted on the other text and the other people; means."""
    rates, costs = [], []
    for tested, known in ((0, 1), (1, 0)):
        for fold in range(FOLDS):
            here = [rows for i, rows in enumerate(sets[tested]) if i % FOLDS == fold]
            there = [rows for i, rows in enumerate(sets[known]) if i % FOLDS != fold]
            bias, weights = fit(sample(there, band, np.random.default_rng(SEED)), band)
            seen = sample(here, _few(band), np.random.default_rng(SEED + 1), among=len(here) - 1)
            nats = seen.views @ weights + bias
            owners = seen.genuine == 1
            rates += [
                eer(nats[owners & (seen.template == each)], nats[~owners & (seen.template == each)])
                for each in np.unique(seen.template)
            ]
            costs.append(cllr(nats[owners], nats[~owners]))
    return float(np.mean(rates)), float(np.mean(costs))


def _few(band: Band) -> Band:
    return Band(band.rows, tuple(dict.fromkeys(band.plan)), band.pairs, band.ridge)


def text(folder: Path) -> str:
    """The whole of the shipped file."""
    tables = (data.BKSD_EN, data.BKSD_AR)
    sets = []
    for i, table in enumerate(tables):
        subjects = data.read(folder, table)
        if subjects is None:
            raise SystemExit(f"{table.path} is not in the folder given")
        rng = np.random.default_rng(SEED + i)
        sets.append([rows + rng.uniform(-JITTER_S, JITTER_S, rows.shape) for rows in subjects])
    lines, figures = [], []
    for band in BANDS:
        bias, weights = fit(joined(*(sample(s, band, np.random.default_rng(SEED)) for s in sets)), band)
        lines.append(_literal(band, bias, weights))
        rate, cost = held_out(sets, band)
        figures.append(f"# from {band.rows:2d} rows: EER {rate:.4f}, Cllr {cost:.3f} bit\n")
    machine = _literal(MACHINE, *fit(joined(*(machines(s, np.random.default_rng(SEED)) for s in sets)), MACHINE))
    made_from = "".join(f"# {table.path} sha256 {data.fingerprint(folder, table.path)}\n" for table in tables)
    return _PAGE.format(
        data=made_from,
        code=_code_version(),
        figures="".join(figures),
        bands="".join(lines),
        machine=machine,
        digest=digest("".join(lines) + machine),
    )


def _literal(band: Band, bias: float, weights: Rows) -> str:
    kept = np.round(weights, NOISE_DECIMALS) + 0.0  # never -0.0
    numbers = "".join(f"            {number:.5g},\n" for number in kept)
    return f"    (\n        {band.rows},\n        {bias:.5g},\n        (\n{numbers}        ),\n    ),\n"


def digest(bands: str) -> str:
    """SHA-256 of the bands as the shipped file writes them canonically."""
    return hashlib.sha256(canonical(ast.literal_eval(f"({bands})")).encode("ascii")).hexdigest()


def _code_version() -> str:
    """SHA-256 over the code that shapes the weights: the views and this file."""
    return written.code_version(ROOT / "idp_adapter" / "core" / "evidence" / "keystroke_views.py", Path(__file__))


_PAGE: Final = '''"""Weights of the shared scorer of fixed text. Written by `python -m tools.fit`; do not edit.

Fitted on BKSD (N. Altwaijry, Applied Sciences 13(20):11478, 2023; MIT licence, copyright 2023 Najwa Altwaijry).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bands = tuple[tuple[int, float, tuple[float, ...]], ...]

# data
{data}# code sha256 {code}
# held out, other text and other people, novice and practised impostors mixed
{figures}
DIGEST: Final = "{digest}"
BANDS: Final[Bands] = (
{bands})
MACHINE: Final[Bands] = (
{machine})


def canonical(bands: Bands) -> str:
    """The numbers as text, one way only."""
    parts = (f"{{rows}}:{{bias:.5g}}:" + ",".join(f"{{w:.5g}}" for w in weights) for rows, bias, weights in bands)
    return ";".join(parts)


def checked(bands: Bands, digest: str = DIGEST) -> tuple[tuple[int, float, NDArray[np.float64]], ...]:
    """Per band: rows enrolled from, bias, weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(BANDS + MACHINE).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("keystroke weights do not match their digest: run python -m tools.fit")
    return tuple((rows, bias, np.array(weights)) for rows, bias, weights in bands)
'''


if __name__ == "__main__":
    sys.exit(written.main("weights of fixed text", OUT, text, sets="bksd-password/"))
