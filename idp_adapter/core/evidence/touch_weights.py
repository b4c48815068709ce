"""Weights of the scorer of touch typing. Written by `python -m tools.fit_touch`; do not edit.

Fitted on MEU-Mobile KSD 2016 (N. Al-Obaidi and M. Al-Jarrah, ICDIPC 2016; UCI repository, CC BY 4.0).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idp_adapter.core.evidence.keystroke_weights import Bands, canonical

# meu-mobile/meu_mobile.csv.gz sha256 b8518d75e88e0aa972f1cd33a60571246fa07b68f0cb522ee4327a85a092728d
# code sha256 621d5427e8d5422c566faf3495cdb898f756be42258710209aedd64173c28848
DIGEST: Final = "96812a2bcf7c53aa26fbcbd98d0dc2a49f6dee64794c9e2ae8e66e48220e0bc6"
BANDS: Final[Bands] = (
    (
        2,
        3.5209,
        (
            1.138,
            -0.42853,
            -0.17244,
            -0.60935,
            0.39228,
            -0.10218,
            -0.19121,
            0.5317,
            0.043607,
            0.9625,
            0.64013,
            0.021027,
            -0.15419,
            -0.10149,
            0.39479,
            -0.45529,
            -0.62935,
            -0.6784,
            -0.42677,
            1.6174,
            0.71392,
            0.019307,
            -0.40162,
            0.054444,
            0.37413,
            -0.91304,
            0.1728,
            -0.098791,
            0.22799,
            2.6143,
            0.29151,
            -1.2636,
            0.70259,
            -0.61311,
            -0.78527,
            0.60955,
            -0.94784,
            -0.45995,
            -0.85495,
            -1.3929,
            -0.86854,
        ),
    ),
    (
        12,
        6.714,
        (
            1.2935,
            -0.4175,
            -0.59335,
            0.065911,
            0.055062,
            -0.99773,
            0.20998,
            0.23426,
            1.6512,
            0.56644,
            1.0156,
            0.16182,
            0.44365,
            -0.24222,
            0.15815,
            -0.81801,
            -0.91624,
            -1.1078,
            -0.41879,
            1.3557,
            1.0986,
            -0.19281,
            -0.4383,
            0.043988,
            0.12725,
            -0.72278,
            -0.56051,
            0.029386,
            0.13232,
            2.717,
            0.82927,
            -1.2757,
            1.4986,
            -0.6786,
            -0.25778,
            0.22254,
            -0.33378,
            -0.29229,
            -0.72046,
            -1.2001,
            -0.69701,
        ),
    ),
)


def checked(bands: Bands, digest: str = DIGEST) -> tuple[tuple[int, float, NDArray[np.float64]], ...]:
    """Per band: rows enrolled from, bias, weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(bands).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("touch weights do not match their digest: restore touch_weights.py as it was released")
    return tuple((rows, bias, np.array(weights)) for rows, bias, weights in bands)
