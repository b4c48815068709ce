"""Weights of the shared scorer of fixed text. Written by `python -m tools.fit`; do not edit.

Fitted on BKSD (N. Altwaijry, Applied Sciences 13(20):11478, 2023; MIT licence, copyright 2023 Najwa Altwaijry).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bands = tuple[tuple[int, float, tuple[float, ...]], ...]

# data
# bksd-password/password_en.csv.gz sha256 b9e52ac34c94bed65b5a72bb961b82a65d4492f0f2d16439c30c947bc7b47075
# bksd-password/password_ar.csv.gz sha256 d83f82449d12252c7f790170a334434f14bd512c2158475b11cec35bde9febe8
# code sha256 ca50aec357e8d985cc20b9b775b7985e8ca196ad12bb2201d294b7ac8531344a
# held out, other text and other people, novice and practised impostors mixed
# from  2 rows: EER 0.1106, Cllr 0.488 bit
# from  8 rows: EER 0.0870, Cllr 0.390 bit
# from 25 rows: EER 0.0777, Cllr 0.355 bit

DIGEST: Final = "5a64aeb1fba9d6a7524b2f959e22a512dd40dbc15739d4eb8cddcb0b585acf1a"
BANDS: Final[Bands] = (
    (
        2,
        4.437,
        (
            -0.9221,
            -1.1702,
            0.5095,
            0.91703,
            0.88986,
            0.47814,
            1.0396,
            2.5061,
            -0.47938,
            0.32469,
            -0.23105,
            0.48257,
            -0.067102,
            0.25272,
            -0.43602,
            -0.472,
            -0.41269,
            -0.30858,
            -0.23198,
            0.31187,
            -0.72096,
            -0.19801,
            -0.012921,
            -0.52021,
            -0.20556,
            -1.2012,
            -0.26891,
            3.5236,
            0.54233,
            0.64924,
            -2.6513,
            -2.1463,
            -0.51212,
            0.013826,
            2.3418,
            -0.58665,
            -0.74905,
            -0.75031,
            0.24953,
            -1.493,
        ),
    ),
    (
        8,
        2.6195,
        (
            -1.8818,
            -1.2145,
            -0.40577,
            1.9543,
            2.3733,
            1.5584,
            1.3243,
            1.6953,
            0.36513,
            -0.1873,
            -0.24288,
            0.72013,
            0.026298,
            0.43987,
            -0.52328,
            -0.26533,
            -0.56915,
            -0.13893,
            -0.17216,
            0.33571,
            -0.60308,
            -0.29601,
            -0.021716,
            -0.3056,
            -0.39805,
            -0.90512,
            -0.69497,
            3.2648,
            -0.015086,
            1.1663,
            -3.7404,
            -1.1853,
            -0.69649,
            -0.13049,
            1.5791,
            -0.40437,
            -0.41419,
            -1.3831,
            -1.3196,
            -0.63316,
        ),
    ),
    (
        25,
        -0.87449,
        (
            -2.3077,
            -1.626,
            -1.1819,
            1.411,
            2.2782,
            1.6709,
            1.5874,
            2.1432,
            1.2729,
            -0.31249,
            0.047982,
            0.68429,
            0.020856,
            0.50571,
            -0.47239,
            -0.17926,
            -0.55009,
            -0.051398,
            -0.31664,
            0.48589,
            -0.51484,
            0.07013,
            -0.16373,
            -0.26907,
            -0.28922,
            -0.33601,
            -0.72091,
            2.515,
            0.58774,
            0.42405,
            -3.5188,
            -1.8459,
            -0.75764,
            -0.40552,
            1.2486,
            -0.40231,
            -0.76114,
            -0.95904,
            -1.1953,
            0,
        ),
    ),
)
MACHINE: Final[Bands] = (
    (
        10,
        -2.8828,
        (
            -1.3447,
            -1.3143,
            -0.98923,
            0.69205,
            1.4473,
            0.75219,
            0.33109,
            3.1795,
            1.4817,
            -0.2444,
            0.09836,
            0.42015,
            0.19225,
            0.50406,
            -0.052842,
            0.21513,
            -0.5614,
            0.057584,
            -0.34118,
            0.65713,
            -0.37845,
            -0.24207,
            -0.31126,
            -0.47315,
            -0.38896,
            -0.51521,
            -0.56971,
            3.0203,
            3.6302,
            0.98491,
            -3.0965,
            -3.4494,
            -0.12838,
            0.035043,
            1.1082,
            0.31141,
            -0.98401,
            -0.98409,
            -0.98766,
            0,
        ),
    ),
)


def canonical(bands: Bands) -> str:
    """The numbers as text, one way only."""
    parts = (f"{rows}:{bias:.5g}:" + ",".join(f"{w:.5g}" for w in weights) for rows, bias, weights in bands)
    return ";".join(parts)


def checked(bands: Bands, digest: str = DIGEST) -> tuple[tuple[int, float, NDArray[np.float64]], ...]:
    """Per band: rows enrolled from, bias, weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(BANDS + MACHINE).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("keystroke weights do not match their digest: run python -m tools.fit")
    return tuple((rows, bias, np.array(weights)) for rows, bias, weights in bands)
