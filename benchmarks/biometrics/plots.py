"""DET curves, EER over enrolment size and a reliability diagram, as plain SVG: no plotting library is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.biometrics.measures import Floats, eer, roc
from benchmarks.biometrics.protocols import Trial

SIZE, MARGIN = 420, 50
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555", "#16a085", "#7f8c8d")
Curve = tuple[str, Floats, Floats]


def write(folder: Path, kept: Mapping[str, Sequence[Trial]]) -> None:
    """Write the three figures that the trials allow."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = [(name, trials) for name, trials in kept.items() if "KM n=200" in name or "adaptive" in name]
    curves = [_det(name, trials) for name, trials in whole]
    _save(folder / "det.svg", "DET (log scales): miss over false alarm, practised impostors", curves)
    sizes = [(n, kept[f"CMU KM n={n}"]) for n in (5, 10, 20, 200) if f"CMU KM n={n}" in kept]
    if sizes:
        over = np.array([np.log10(n) for n, _ in sizes]) / np.log10(200)
        rate = np.array([np.mean([eer(t.genuine, t.novice) for t in trials]) for _, trials in sizes])
        _save(folder / "enrolment.svg", "EER x 10 over log enrolment (5 ... 200 rows)", [("ours", over, rate * 10)])
    _save(
        folder / "reliability.svg", "Share genuine over claimed probability", [_reliability(n, t) for n, t in whole[:4]]
    )


def _pooled(trials: Sequence[Trial]) -> tuple[Floats, Floats]:
    return np.concatenate([t.genuine for t in trials]), np.concatenate([t.practised for t in trials])


def _det(name: str, trials: Sequence[Trial]) -> Curve:
    miss, alarm = roc(*_pooled(trials))
    keep = np.linspace(0, len(miss) - 1, 300).astype(int)
    scale = 1 + np.log10(np.maximum(np.stack([alarm[keep], miss[keep]]), 1e-3)) / 3
    return name, scale[0], scale[1]


def _reliability(name: str, trials: Sequence[Trial]) -> Curve:
    own, foreign = _pooled(trials)
    claimed = 1 / (1 + np.exp(-np.clip(np.concatenate([own, foreign]), -30, 30)))
    truth = np.concatenate([np.ones(len(own)), np.zeros(len(foreign))])
    weight = np.concatenate([np.full(len(own), 0.5 / len(own)), np.full(len(foreign), 0.5 / len(foreign))])
    bins = np.minimum((claimed * 10).astype(int), 9)
    mass = np.bincount(bins, weight, 10)
    filled = mass > 0
    return (
        name,
        (np.bincount(bins, weight * claimed, 10) / np.maximum(mass, 1e-12))[filled],
        (np.bincount(bins, weight * truth, 10) / np.maximum(mass, 1e-12))[filled],
    )


def _save(path: Path, title: str, curves: Sequence[Curve]) -> None:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE + 2 * MARGIN}" height="{SIZE + 2 * MARGIN}">',
        f'<text x="{MARGIN}" y="30" font-size="14">{title}</text>',
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#999"/>',
    ]
    for i, (name, x, y) in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(
            f"{MARGIN + SIZE * a:.1f},{MARGIN + SIZE * (1 - b):.1f}" for a, b in zip(x, np.minimum(y, 1), strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{MARGIN + 8}" y="{MARGIN + 16 + 14 * i}" font-size="11" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", "utf-8")
