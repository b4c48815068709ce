"""What each source counts in fusion. Written by `python -m tools.fit_fusion`; do not edit.

Fitted on the synthetic population of `benchmarks.population`: no login of a real person. Sources not listed count
whole, as judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

Pairs = tuple[tuple[str, float], ...]

# seeds 1 (fitted, 4436 decisions) and 2 (held out), 120 subjects each
# code sha256 4c3f778eb7e1eff9b772a80bc5450ab02468052e6769523b7282d4c0f921ceba
# held-out log loss at even odds, nats, by discount: 0: 0.0620; 0.25: 0.0608; 0.5: 0.0600; 0.75: 0.0592; 1: 0.0584
# as shipped 0.0584; with weights of 1 and discounts of 0.5 0.0672
DIGEST: Final = "c78243fdcdf622fe1543cf8689d46d7cb065bfe319185dc15a51790a6ae35423"
WEIGHTS: Final[Pairs] = (  # by source
    ("account", 0.976),
    ("device", 0.985),
    ("failures", 0.981),
    ("hours", 1.203),
    ("network", 1.356),
    ("network_feeds", 1.007),
    ("place", 1.211),
    ("travel", 1.006),
)
DISCOUNTS: Final[Pairs] = (  # by group, of all but its strongest source
    ("behaviour", 0.50),
    ("place", 1.00),
)


def canonical(weights: Pairs, discounts: Pairs) -> str:
    """The numbers as text, for the digest."""
    return ";".join(f"{name}:{value:.3f}" for name, value in (*weights, *discounts))


def checked(
    weights: Pairs = WEIGHTS, discounts: Pairs = DISCOUNTS, digest: str = DIGEST
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Discount by group, and weight by source. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(weights, discounts).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("weights of fusion do not match their digest: restore fusion_weights.py as it was released")
    return dict(discounts), dict(weights)
