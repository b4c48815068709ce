"""DET curves, EER over enrolment size and reliability diagrams, as plain SVG: no plotting library is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import NormalDist

import numpy as np

from benchmarks.biometrics.measures import Floats, eer, roc
from benchmarks.biometrics.protocols import Trial

WIDTH, HEIGHT, LEFT, TOP = 460, 400, 70, 50
LEGEND = 300  # beside the frame, so that no name lies on a curve
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#444444", "#16a085", "#b03a7a")
LEAST_RATE, MOST_RATE = 0.001, 0.5
BINS = 10
FEWEST = 30  # scores in a bin of a reliability diagram, below which its share is noise
_probit = NormalDist().inv_cdf
Curve = tuple[str, Floats, Floats]


@dataclass(frozen=True)
class Axis:
    """A name, the values that are written, and where a value lies from 0 to 1."""

    name: str
    ticks: Sequence[float]
    place: Callable[[float], float]
    written: Callable[[float], str] = "{:g}".format


def between(low: float, high: float, scale: Callable[[float], float]) -> Callable[[float], float]:
    """Where a value lies on an axis from `low` to `high`, as `scale` spreads it."""

    def place(value: float) -> float:
        return (scale(min(max(value, low), high)) - scale(low)) / (scale(high) - scale(low))

    return place


def _percent(value: float) -> str:
    return f"{value * 100:g} %"


def _rate(name: str) -> Axis:
    """A rate on the axis of normal deviates, as DET curves are drawn (Martin and others, Eurospeech 1997)."""
    return Axis(name, (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4), between(LEAST_RATE, MOST_RATE, _probit), _percent)


def write(folder: Path, kept: Mapping[str, Sequence[Trial]]) -> None:
    """Write what the trials allow: `det.svg`, `enrolment.svg`, `reliability.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = {name: trials for name, trials in kept.items() if "n=200" in name or "adaptive" in name}
    curves = [_det(name, trials) for name, trials in shown.items()]
    axes = _rate("false alarms (impostors taken for the owner)"), _rate("misses (the owner refused)")
    save(folder / "det.svg", "DET: practised impostors, one threshold for all subjects", axes, curves)
    save(folder / "enrolment.svg", "EER over rows enrolled, CMU, last rows before the test", _ENROLMENT, _sizes(kept))
    ours = [_reliability(name, trials) for name, trials in shown.items() if "," not in name or "adaptive" in name]
    save(
        folder / "reliability.svg",
        "Reliability: owner and practised impostors, even odds",
        _SHARES,
        ours,
        diagonal=True,
    )


_ENROLMENT = (
    Axis("rows enrolled", (5, 10, 20, 50, 100, 200), between(4, 250, np.log)),
    Axis("EER, mean per subject", (0, 0.02, 0.04, 0.06, 0.08, 0.1), between(0, 0.1, float), _percent),
)
_SHARES = (
    Axis("probability claimed", (0, 0.2, 0.4, 0.6, 0.8, 1), between(0, 1, float)),
    Axis("share that was the owner", (0, 0.2, 0.4, 0.6, 0.8, 1), between(0, 1, float)),
)


def _sizes(kept: Mapping[str, Sequence[Trial]]) -> list[Curve]:
    sizes = [(n, kept[f"CMU KM n={n}"]) for n in (5, 10, 20, 200) if f"CMU KM n={n}" in kept]
    rows = np.array([float(n) for n, _ in sizes])
    return [
        (kind, rows, np.array([np.mean([eer(t.genuine, getattr(t, kind)) for t in trials]) for _, trials in sizes]))
        for kind in ("novice", "practised")
    ]


def _pooled(trials: Sequence[Trial]) -> tuple[Floats, Floats]:
    return np.concatenate([t.genuine for t in trials]), np.concatenate([t.practised for t in trials])


def _det(name: str, trials: Sequence[Trial]) -> Curve:
    miss, alarm = roc(*_pooled(trials))
    inside = (np.minimum(miss, alarm) >= LEAST_RATE) & (np.maximum(miss, alarm) <= MOST_RATE)
    chosen = np.flatnonzero(inside)[:: max(1, int(inside.sum()) // 400)]
    return name, alarm[chosen], miss[chosen]


def _reliability(name: str, trials: Sequence[Trial]) -> Curve:
    own, foreign = _pooled(trials)
    claimed = 1 / (1 + np.exp(-np.clip(np.concatenate([own, foreign]), -30, 30)))
    truth = np.concatenate([np.ones(len(own)), np.zeros(len(foreign))])
    weight = np.concatenate([np.full(len(own), 0.5 / len(own)), np.full(len(foreign), 0.5 / len(foreign))])
    bins = np.minimum((claimed * BINS).astype(int), BINS - 1)
    mass = np.maximum(np.bincount(bins, weight, BINS), 1e-12)
    filled = np.bincount(bins, minlength=BINS) >= FEWEST
    found: Curve = (
        name,
        (np.bincount(bins, weight * claimed, BINS) / mass)[filled],
        (np.bincount(bins, weight * truth, BINS) / mass)[filled],
    )
    return found


def save(path: Path, title: str, axes: tuple[Axis, Axis], curves: Sequence[Curve], *, diagonal: bool = False) -> None:
    """Write one picture: curves over two axes, their names beside; `diagonal` from corner to corner."""
    across, up = axes

    def x(value: float) -> float:
        return LEFT + WIDTH * across.place(value)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - up.place(value))

    bottom, right = TOP + HEIGHT, LEFT + WIDTH
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right + LEGEND}" height="{bottom + 60}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="15">{escape(title)}</text>',
        *(_line(x(tick), TOP, x(tick), bottom) for tick in across.ticks),
        *(_line(LEFT, y(tick), right, y(tick)) for tick in up.ticks),
        *(_text(x(tick), bottom + 18, across.written(tick), "middle") for tick in across.ticks),
        *(_text(LEFT - 8, y(tick) + 4, up.written(tick), "end") for tick in up.ticks),
        _text(LEFT + WIDTH / 2, bottom + 42, across.name, "middle"),
        f'<text transform="translate(16 {TOP + HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(up.name)}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#666"/>',
    ]
    if diagonal:
        parts.append(_line(x(0), y(0), x(1), y(1), "#999"))
    for i, (name, xs, ys) in enumerate(curves):
        colour, level = COLOURS[i % len(COLOURS)], TOP + 12 + 18 * i
        dashes = ' stroke-dasharray="6 3"' if i >= len(COLOURS) else ""
        points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(xs, ys, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>')
        if len(xs) <= BINS:
            parts += [
                f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in zip(xs, ys, strict=True)
            ]
        parts.append(_line(right + 14, level, right + 38, level, colour))
        parts.append(_text(right + 46, level + 4, name, "start"))
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", "utf-8")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#e4e4e4") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
