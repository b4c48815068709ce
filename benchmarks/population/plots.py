"""A reliability diagram of a course: what was claimed beside what came of it, in log-odds so that small risks show."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.biometrics.plots import Axis, between, save
from benchmarks.population import measures
from benchmarks.population.course import Course

LEAST, MOST = 0.0005, 0.9995
TICKS: Final = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def reliability(course: Course, path: Path) -> None:
    """Write an SVG: bins of equal mass, at the base rate and at even odds. Empty shares are drawn at the edge."""
    axes = tuple(
        Axis(name, TICKS, between(LEAST, MOST, lambda share: float(np.log(share / (1 - share)))))
        for name in ("probability claimed", "share that was an attack")
    )
    curves = []
    for name, rate in (("base rate .01", measures.BASE_RATE), ("even odds", measures.EVEN)):
        mean, share, _ = measures.bins(*measures.claims(course.judged, rate))
        curves.append((name, np.clip(mean, LEAST, MOST), np.clip(share, LEAST, MOST)))
    save(path, "Reliability on the synthetic population", (axes[0], axes[1]), curves, diagonal=True)
