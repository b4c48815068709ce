"""What fields of one login count together. Written by `python -m tools.fit_fields`; do not edit.

Fitted on BKSD (N. Altwaijry, Applied Sciences 13(20):11478, 2023; MIT licence, copyright 2023 Najwa Altwaijry).
"""

from __future__ import annotations

import hashlib
from typing import Final

# data
# bksd-password/password_en.csv.gz sha256 b9e52ac34c94bed65b5a72bb961b82a65d4492f0f2d16439c30c947bc7b47075
# bksd-password/password_ar.csv.gz sha256 d83f82449d12252c7f790170a334434f14bd512c2158475b11cec35bde9febe8
# code sha256 817941f42cb5fe4decf6d9a242cb14be007d7e66d9e630bd57840c2153ad9e43
# held out by people: Cllr 0.114 bit; with the weaker at half: 0.123 bit

DIGEST: Final = "536dc21e1ae3875f09a910af44d369c748732c6883c59e1fb684494232578ce8"
WEIGHTS: Final = (0.904, 0.912)  # of the stronger and the weaker of two fields


def checked(weights: tuple[float, float] = WEIGHTS, digest: str = DIGEST) -> tuple[float, float]:
    """The weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(f"({weights[0]:.3f}, {weights[1]:.3f})".encode("ascii")).hexdigest() != digest:
        raise RuntimeError("weights of fields do not match their digest: run python -m tools.fit_fields")
    return weights
