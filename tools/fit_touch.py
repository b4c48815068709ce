"""Fit the scorer of touch typing and write it down: `python -m tools.fit_touch --data FOLDER`.

MEU-Mobile (CC BY 4.0, credited in the file) alone feeds it: other people's typings, since it holds one text only. The
fit, its exactness and `--check` are those of `tools.fit`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.biometrics import data
from benchmarks.biometrics.data import Rows, Subjects
from idp_adapter.core.evidence.touch import Bands, Touch
from tools import written
from tools.fit import NOISE_DECIMALS, SEED, Band, Sample, fit
from tools.paths import ROOT

OUT: Final = ROOT / "idp_adapter" / "core" / "evidence" / "touch_weights.py"
BANDS: Final = (
    Band(2, ((3, 3), (5, 5), (7, 7), (5, 10), (5, 20), (5, 25)), 1.0, 2e-3),
    Band(12, ((15, 15), (20, 20), (25, 25), (20, 25)), 1.0, 2e-3),
)


def sample(subjects: Subjects, band: Band) -> Sample:
    """Templates by the band's plan; the owner's next rows against first and last rows of other people."""
    rng, model = np.random.default_rng(SEED), Touch()
    made: list[tuple[Rows, ...]] = []
    for who, rows in enumerate(subjects):
        others = [other for i, other in enumerate(subjects) if i != who]
        for enrolled, typed in band.plan:
            own = rows[typed : typed + 40]
            chosen = [others[i] for i in rng.choice(len(others), 16, replace=False)]
            foreign = [part for other in chosen for part in (other[:5][rng.integers(0, 5, 2)], other[-5:][:2])]
            tested = np.vstack([own, *foreign])
            truth = np.arange(len(tested)) < len(own)
            weight = np.where(truth, 0.5 / len(own), 0.5 / (len(tested) - len(own)))
            seen = model.views(model.profile(rows[typed - enrolled : typed]), tested)
            made.append((seen, truth.astype(np.float64), np.full(len(seen), len(made)), weight))
    return Sample(*(np.concatenate(column) for column in zip(*made, strict=True)))


def bands(subjects: Subjects) -> Bands:
    """Weights fitted on these people."""
    return tuple((band.rows, *fit(sample(subjects, band), band)) for band in BANDS)


def text(folder: Path) -> str:
    """The whole of the shipped file."""
    subjects = data.read(folder, data.MEU_TOUCH)
    if subjects is None:
        raise SystemExit(f"{data.MEU_TOUCH.path} is not in the folder given")
    fitted = bands(subjects)
    found = [(rows, bias, np.round(weights, NOISE_DECIMALS) + 0.0) for rows, bias, weights in fitted]
    return _PAGE.format(
        path=data.MEU_TOUCH.path,
        data=data.fingerprint(folder, data.MEU_TOUCH.path),
        code=_code_version(),
        bands="".join(_literal(rows, bias, weights) for rows, bias, weights in found),
        digest=hashlib.sha256(_canonical(found).encode("ascii")).hexdigest(),
    )


def _literal(rows: int, bias: float, weights: Rows) -> str:
    numbers = "".join(f"            {number:.5g},\n" for number in weights)
    return f"    (\n        {rows},\n        {bias:.5g},\n        (\n{numbers}        ),\n    ),\n"


def _canonical(found: Sequence[tuple[int, float, Rows]]) -> str:
    return ";".join(f"{rows}:{bias:.5g}:" + ",".join(f"{w:.5g}" for w in weights) for rows, bias, weights in found)


def _code_version() -> str:
    core = ROOT / "idp_adapter" / "core" / "evidence"
    return written.code_version(
        core / "keystroke_views.py", core / "keystroke_weights.py", core / "touch.py", Path(__file__)
    )


_PAGE: Final = '''"""Weights of the scorer of touch typing. Written by `python -m tools.fit_touch`; do not edit.

Fitted on MEU-Mobile KSD 2016 (N. Al-Obaidi and M. Al-Jarrah, ICDIPC 2016; UCI repository, CC BY 4.0).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idp_adapter.core.evidence.keystroke_weights import Bands, canonical

# {path} sha256 {data}
# code sha256 {code}
DIGEST: Final = "{digest}"
BANDS: Final[Bands] = (
{bands})


def checked(bands: Bands, digest: str = DIGEST) -> tuple[tuple[int, float, NDArray[np.float64]], ...]:
    """Per band: rows enrolled from, bias, weights. Raises RuntimeError where the file was changed."""
    if hashlib.sha256(canonical(bands).encode("ascii")).hexdigest() != digest:
        raise RuntimeError("touch weights do not match their digest: restore touch_weights.py as it was released")
    return tuple((rows, bias, np.array(weights)) for rows, bias, weights in bands)
'''


if __name__ == "__main__":
    sys.exit(written.main("weights of touch typing", OUT, text, sets="meu-mobile/"))
