"""What the pointer model knows of all hands. Written by `python -m tools.fit_pointer`; do not edit.

Fitted on SapiMouse (M. Antal, N. Fejer, K. Buza, SACI 2021; github.com/margitantal68/sapimouse, Apache-2.0).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = tuple[tuple[str, float, float, float], ...]

# sapimouse-1min/sapimouse_1min_blocks.npz sha256 c7ecd77b1085dabec1ab84833bb6012c3441ee1bad5195b01c683c89e111b624
# code sha256 35d12c939d7f63f559be9fe0e8d729cb01cc8fdef7fd85f2224e4149f9284d6d
DIGEST: Final = "d119944467c8a771b71ccbd2196a47496d1905cd48ff7b53592717f86e490e1f"
DRIFT: Final = 0.1  # of what hands differ by, the part that one hand drifts by
SCALE: Final = 0.1  # nats per nat of the model, which takes actions for independent
ROWS: Final[Rows] = (  # feature, typical value, spread of actions, variance of hands' means in spreads
    ("chord", 6.0019, 1.4859, 0.087605),
    ("detour", 0.2, 0.5, 0.05),
    ("unevenness", -0.038042, 0.38, 0.11019),
    ("peak_ratio", 1.1479, 0.40131, 0.10937),
    ("peak_share", 0.29032, 0.23854, 0.028788),
    ("peak_time", -1.9661, 0.88682, 0.071103),
    ("push_or_brake", 0.068843, 0.95197, 0.01),
    ("acceleration", 9.5035, 1.0581, 0.15),
    ("jerk_ratio", 4.3877, 0.31398, 0.15),
    ("turn", -1.6689, 0.50443, 0.042121),
    ("turned", 0, 2, 0.05),
    ("turning", 1.3051, 0.86638, 0.05),
    ("bend", -2.2423, 0.59425, 0.05),
    ("bow", -2, 1, 0.05),
    ("bow_side", 0, 2, 0.05),
    ("bow_px", 2.9666, 1.3904, 0.1071),
    ("half", 0.33333, 0.15117, 0.050014),
    ("first_tenth", -2.5257, 0.72621, 0.066532),
    ("last_tenth", -1.7148, 0.66849, 0.011066),
    ("rest", -2.5, 1.2, 0.05),
    ("lead", -3.5, 0.8, 0.05),
    ("still_share", 0.1, 0.15, 0.05),
    ("still", -3, 1.3, 0.05),
    ("bursts", 2.2797, 0.38611, 0.077345),
    ("reversals_x", 0, 0.8, 0.05),
    ("reversals_y", 0, 0.8, 0.05),
    ("end_speed", 4.3105, 1.1767, 0.03335),
    ("end_ratio", -1.8701, 1.2246, 0.027366),
    ("start_ratio", -0.29251, 0.97944, 0.049914),
    ("across", 0, 1, 0.05),
    ("speed_10", 4.2778, 0.64083, 0.059833),
    ("speed_25", 5.0944, 0.76296, 0.088359),
    ("speed_50", 6.0161, 0.90661, 0.089926),
    ("speed_75", 6.9081, 1.0518, 0.10009),
    ("speed_90", 7.5005, 1.1887, 0.10662),
    ("pressed", 0.5, 0.5, 0.05),
    ("hold", -2.2, 0.4, 0.05),
    ("dwell", -2.5, 1, 0.05),
    ("drag", 1, 1.5, 0.05),
    ("difficulty", -2.2914, 0.4311, 0.05),
    ("cos", 0, 0.7, 0.05),
    ("sin", 0, 0.7, 0.05),
    ("cos_twice", 0, 0.7, 0.05),
    ("sin_twice", 0, 0.7, 0.05),
    ("start_cos", 0.7, 0.5, 0.05),
    ("start_sin", 0, 0.5, 0.05),
    ("end_cos", 0.7, 0.5, 0.05),
    ("end_sin", 0, 0.5, 0.05),
)


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
    parts = (f"{name}:{a:.5g}:{b:.5g}:{c:.5g}" for name, a, b, c in rows)
    return ";".join((f"{drift:.5g}:{scale:.5g}", *parts))


def checked(digest: str = DIGEST) -> Weights:
    """The numbers. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(ROWS, DRIFT, SCALE).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("pointer weights do not match their digest: run python -m tools.fit_pointer")
    centre, spread, between = np.array([row[1:] for row in ROWS]).T
    return Weights(centre, spread, between, DRIFT, SCALE)
