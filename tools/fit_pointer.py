"""Fit what the pointer model knows of hands in general: `python -m tools.fit_pointer --data FOLDER`.

SapiMouse (Apache-2.0) alone feeds it. The set has steps without signs and times, so each step is taken to last one
frame of a browser at 60 Hz and each movement gets a quadrant by lot; a movement ends where the steps nearly stop. What
such movements can't show (turning back, sides, standing still, buttons) has values set by hand below. `--check`
compares only.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.biometrics import data
from benchmarks.biometrics.data import Rows
from idp_adapter.core.evidence.pointer_features import NAMES, features
from idp_adapter.core.evidence.pointer_weights import canonical
from tools import written
from tools.paths import ROOT

OUT: Final = ROOT / "idp_adapter" / "core" / "evidence" / "pointer_weights.py"
SEED: Final = 20
FRAME_S: Final = 1 / 60
SLOW_PX: Final = 1.5  # of a step; three such in a row end a movement
SLOW_STEPS: Final = 3
FEWEST_STEPS: Final = 5
FEWEST_PX: Final = 10.0
FEWEST_ACTIONS: Final = 26  # of a person, to say where this person's mean lies
# By name: a typical value and its spread, in the feature's own unit (log seconds, log pixels, radians, shares).
BY_HAND: Final = {
    "detour": (0.2, 0.5),
    "turned": (0.0, 2.0),
    "bow": (-2.0, 1.0),
    "bow_side": (0.0, 2.0),
    "rest": (-2.5, 1.2),
    "lead": (-3.5, 0.8),
    "still_share": (0.1, 0.15),
    "still": (-3.0, 1.3),
    "reversals_x": (0.0, 0.8),
    "reversals_y": (0.0, 0.8),
    "across": (0.0, 1.0),
    "pressed": (0.5, 0.5),
    "hold": (-2.2, 0.4),
    "dwell": (-2.5, 1.0),
    "drag": (1.0, 1.5),
    "cos": (0.0, 0.7),
    "sin": (0.0, 0.7),
    "cos_twice": (0.0, 0.7),
    "sin_twice": (0.0, 0.7),
    "start_cos": (0.7, 0.5),
    "start_sin": (0.0, 0.5),
    "end_cos": (0.7, 0.5),
    "end_sin": (0.0, 0.5),
}
HIDDEN: Final = (*BY_HAND, "turning", "bend", "difficulty")  # seen in part: what hands differ by is set by hand as well
BETWEEN_BY_HAND: Final = 0.05
BETWEEN: Final = (0.01, 0.15)  # least and most
DRIFT: Final = 0.1
SCALE: Final = 0.1


def actions(blocks: list[Rows], rng: np.random.Generator) -> list[Rows]:
    """Movements of one person: (n, 3) of [time_s, x_px, y_px]."""
    found = []
    for block in blocks:
        slow = np.hypot(block[:, 0], block[:, 1]) <= SLOW_PX
        run, ends = 0, [0]
        for i, still in enumerate(slow):
            if not still and run >= SLOW_STEPS:
                ends.append(i)
            run = run + 1 if still else 0
        for begin, end in zip(ends, [*ends[1:], len(block)], strict=True):
            steps = block[begin:end] * rng.choice([-1.0, 1.0], 2)
            if len(steps) >= FEWEST_STEPS and np.hypot(steps[:, 0], steps[:, 1]).sum() >= FEWEST_PX:
                way = np.vstack([[0.0, 0.0], np.cumsum(steps, axis=0)])
                found.append(np.column_stack([np.arange(len(way)) * FRAME_S, way]))
    return found


def fit(people: list[list[Rows]]) -> tuple[Rows, Rows, Rows]:
    """Centre and spread of each feature, and the variance of people's means in squashed spreads."""
    rng = np.random.default_rng(SEED)
    seen = [features(actions(blocks, rng)) for blocks in people]
    pooled = np.concatenate(seen)
    centre, spread = np.zeros(len(NAMES)), np.ones(len(NAMES))
    for i, name in enumerate(NAMES):
        shown = BY_HAND.get(name)
        centre[i], spread[i] = shown if shown else (np.median(pooled[:, i]), pooled[:, i].std())
    between = np.clip(_between([_squash(part, centre, spread) for part in seen]), *BETWEEN)
    between[[NAMES.index(name) for name in HIDDEN]] = BETWEEN_BY_HAND
    return centre, spread, between


def _squash(seen: Rows, centre: Rows, spread: Rows) -> Rows:
    found: Rows = 3 * np.tanh(np.nan_to_num((seen - centre) / spread) / 3)
    return found


def _between(seen: list[Rows]) -> Rows:
    """Covariance of the means of odd and of even actions over people: free of what chance adds to each."""
    known = [part for part in seen if len(part) >= FEWEST_ACTIONS]
    even, odd = (np.array([part[i::2].mean(axis=0) for part in known]) for i in (0, 1))
    middle = (even.mean(axis=0) + odd.mean(axis=0)) / 2
    shared: Rows = ((even - middle) * (odd - middle)).mean(axis=0)
    return shared


def text(folder: Path) -> str:
    """The whole of the shipped file."""
    people = data.read_sapimouse(folder)
    if people is None:
        raise SystemExit(f"{data.SAPIMOUSE} is not in the folder given")
    rows = tuple((name, float(a), float(b), float(c)) for name, a, b, c in zip(NAMES, *fit(people), strict=True))
    return _PAGE.format(
        path=data.SAPIMOUSE,
        data=data.fingerprint(folder, data.SAPIMOUSE),
        code=_code_version(),
        drift=DRIFT,
        scale=SCALE,
        rows="".join(f'    ("{name}", {a:.5g}, {b:.5g}, {c:.5g}),\n' for name, a, b, c in rows),
        digest=hashlib.sha256(canonical(rows, DRIFT, SCALE).encode("ascii")).hexdigest(),
    )


def _code_version() -> str:
    core = ROOT / "idp_adapter" / "core" / "evidence"
    return written.code_version(core / "pointer_actions.py", core / "pointer_features.py", Path(__file__))


_PAGE: Final = '''"""What the pointer model knows of all hands. Written by `python -m tools.fit_pointer`; do not edit.

Fitted on SapiMouse (M. Antal, N. Fejer, K. Buza, SACI 2021; github.com/margitantal68/sapimouse, Apache-2.0).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = tuple[tuple[str, float, float, float], ...]

# {path} sha256 {data}
# code sha256 {code}
DIGEST: Final = "{digest}"
DRIFT: Final = {drift}  # of what hands differ by, the part that one hand drifts by
SCALE: Final = {scale}  # nats per nat of the model, which takes actions for independent
ROWS: Final[Rows] = (  # feature, typical value, spread of actions, variance of hands' means in spreads
{rows})


@dataclass(frozen=True, slots=True)
class Weights:
    """The numbers as arrays over the features, in their order."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    between: NDArray[np.float64]
    drift: float
    scale: float


def canonical(rows: Rows, drift: float, scale: float) -> str:
    """The numbers as text, one way only."""
    parts = (f"{{name}}:{{a:.5g}}:{{b:.5g}}:{{c:.5g}}" for name, a, b, c in rows)
    return ";".join((f"{{drift:.5g}}:{{scale:.5g}}", *parts))


def checked(digest: str = DIGEST) -> Weights:
    """The numbers. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(ROWS, DRIFT, SCALE).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("pointer weights do not match their digest: run python -m tools.fit_pointer")
    centre, spread, between = np.array([row[1:] for row in ROWS]).T
    return Weights(centre, spread, between, DRIFT, SCALE)
'''


if __name__ == "__main__":
    sys.exit(written.main("weights of the pointer", OUT, text, sets="sapimouse-1min/"))
