"""Backgrounds as files: JSON with provenance, and the SHA-256 of all the rest.

The hash finds damage and a file of another kind; it does not stop whoever may write the file. A file is used whole or
refused: of this format, of the model asked for, made on what this version reads of a hand, its numbers of their shapes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idp_adapter import __version__
from idp_adapter.adapters import strict_json
from idp_adapter.core.evidence import any_text, pointer, pointer_weights
from idp_adapter.core.evidence.backgrounds import Backgrounds
from idp_adapter.core.evidence.pointer_features import NAMES
from idp_adapter.core.types import Json
from idp_adapter.errors import Invalid
from idp_adapter.services.backgrounds import FEWEST_SUBJECTS, Background, Fitted, Model

FORMAT: Final = "idp-adapter background 1"
MAX_BYTES: Final = 1_000_000
_DEPTH: Final = 4
_REFIT: Final = "make it again by `idp-adapter behaviour fit`"
_FEWEST: Final = f"{FEWEST_SUBJECTS} subjects and more"
_MOST: Final = 1e6  # no number of a background is beyond
_ROUNDED: Final = -0.01  # least eigenvalue of what 16-bit profiles make; the model's own ridge is above it
_BASIS: Final = {Model.ANY_TEXT: f"views {any_text.VIEWS}", Model.POINTER: f"weights {pointer_weights.DIGEST}"}
_MEMBERS: Final = frozenset({"format", "model", "basis", "provenance", "numbers", "sha256"})

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a file came from. `digest` names it."""

    model: Model
    made: str
    code: str
    subjects: int
    realms: tuple[str, ...]
    digest: str

    def __str__(self) -> str:
        return f"of {self.subjects} subjects, made {self.made}, {self.digest[:12]}"


def write(path: Path, fitted: Fitted, *, realms: tuple[str, ...], made: datetime) -> Provenance:
    """Write a fitted background, whole or not at all. Raises `Invalid` where the file can't be written."""
    day = made.date().isoformat()
    document: dict[str, Json] = {
        "format": FORMAT,
        "model": fitted.model.value,
        "basis": _BASIS[fitted.model],
        "provenance": {"made": day, "code": __version__, "subjects": fitted.subjects, "realms": list(realms)},
        "numbers": _numbers(fitted.background),
    }
    digest = _digest(document)
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        unfinished.write_text(strict_json.dumps({**document, "sha256": digest}), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise Invalid(str(path), [f"can't be written: {error.strerror}"]) from None
    return Provenance(fitted.model, day, __version__, fitted.subjects, realms, digest)


def load(*, any_text_file: Path | None, pointer_file: Path | None) -> tuple[Backgrounds, tuple[Provenance, ...]]:
    """The backgrounds of these files; what ships where there is none. Raises `Invalid` with every problem of a file."""
    found, known = Backgrounds(), []
    if any_text_file is not None:
        texts, provenance = _read(any_text_file, Model.ANY_TEXT)
        known.append(provenance)
        found = Backgrounds(_any_text(any_text_file, texts), found.pointer)
    if pointer_file is not None:
        hands, provenance = _read(pointer_file, Model.POINTER)
        known.append(provenance)
        found = Backgrounds(found.any_text, _pointer(pointer_file, hands))
    return Backgrounds(found.any_text, found.pointer, tuple(each.digest for each in known)), tuple(known)


def _numbers(background: Background) -> dict[str, Json]:
    if isinstance(background, any_text.Background):
        arrays = {"mean": background.mean, "between": background.between, "within": background.within}
        return {**_listed(arrays), "calibration": [list(band) for band in background.calibration]}
    arrays = {"between": background.between}
    if background.mean is not None and background.within is not None and background.total is not None:
        arrays |= {"mean": background.mean, "within": background.within, "total": background.total}
    return {**_listed(arrays), "drift": background.drift}


def _listed(arrays: Mapping[str, Floats]) -> dict[str, Json]:
    return {name: np.round(array, 9).tolist() for name, array in arrays.items()}


def _digest(document: Mapping[str, Json]) -> str:
    return hashlib.sha256(strict_json.dumps(dict(sorted(document.items()))).encode()).hexdigest()


def _read(path: Path, model: Model) -> tuple[Mapping[str, Any], Provenance]:
    try:
        with path.open("rb") as file:
            document = strict_json.loads(file.read(MAX_BYTES + 1), max_bytes=MAX_BYTES, max_depth=_DEPTH)
    except OSError as error:
        raise Invalid(str(path), [f"can't be read: {error.strerror}"]) from None
    except strict_json.JsonFault as fault:
        raise Invalid(str(path), [f"is no background: {fault.message}"]) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT or document.keys() != _MEMBERS:
        raise Invalid(str(path), [f"is not of the format `{FORMAT}`: {_REFIT}"])
    numbers, digest = _checked(path, model, document)
    try:
        return numbers, _provenance(model, document["provenance"], digest)
    except (KeyError, TypeError, ValueError):
        raise Invalid(str(path), [f"does not say where it came from, of {_FEWEST}: {_REFIT}"]) from None


def _checked(path: Path, model: Model, document: dict[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The numbers and the digest of a file that is what it says, and what is asked for."""
    digest = document.pop("sha256")
    if digest != _digest(document):
        raise Invalid(str(path), [f"was changed or damaged, as its `sha256` is another's: {_REFIT}"])
    if document["model"] != model.value:
        raise Invalid(str(path), [f"is a background of the model {document['model']}, not of {model.value}"])
    if document["basis"] != _BASIS[model]:
        raise Invalid(str(path), [f"was made on `{document['basis']}`, this version reads `{_BASIS[model]}`: {_REFIT}"])
    if not isinstance(document["numbers"], dict):
        raise Invalid(str(path), [f"has no numbers: {_REFIT}"])
    return document["numbers"], digest


def _provenance(model: Model, told: Any, digest: str) -> Provenance:
    """Raises Python's own errors for what no file of ours says."""
    made, subjects = date.fromisoformat(told["made"]), told["subjects"]
    if not isinstance(subjects, int) or subjects < FEWEST_SUBJECTS:
        raise ValueError
    return Provenance(model, made.isoformat(), str(told["code"]), subjects, tuple(map(str, told["realms"])), digest)


def _any_text(path: Path, numbers: Mapping[str, Any]) -> any_text.Background:
    width = any_text.WIDTH
    bands = _array(path, numbers, "calibration", (len(any_text.BANDS), 3))
    return any_text.Background(
        _array(path, numbers, "mean", (width,)),
        _covariance(path, numbers, "between", width),
        _covariance(path, numbers, "within", width),
        tuple((int(least), float(slope), float(shift)) for least, slope, shift in bands),
    )


def _pointer(path: Path, numbers: Mapping[str, Any]) -> pointer.Background:
    width = len(NAMES)
    between = _array(path, numbers, "between", (width,))
    if not (between > 0).all():
        raise Invalid(str(path), [f"holds a variance in `between` that is not above 0: {_REFIT}"])
    return pointer.Background(
        between,
        float(_array(path, numbers, "drift", ())),
        _array(path, numbers, "mean", (width,)),
        _covariance(path, numbers, "within", width, least=_ROUNDED),
        _covariance(path, numbers, "total", width, least=_ROUNDED),
    )


def _array(path: Path, numbers: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    try:
        found = np.array(numbers[name], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        found = np.empty(0)
    if found.shape != shape or not (np.abs(found) <= _MOST).all():
        raise Invalid(str(path), [f"has no `{name}` of shape {shape}: {_REFIT}"])
    return found


def _covariance(path: Path, numbers: Mapping[str, Any], name: str, width: int, *, least: float = -1e-7) -> Floats:
    found = _array(path, numbers, name, (width, width))
    if not np.allclose(found, found.T, atol=1e-6) or np.linalg.eigvalsh(found)[0] < least:
        raise Invalid(str(path), [f"holds a `{name}` that is no covariance: {_REFIT}"])
    return found
