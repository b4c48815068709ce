"""Untrusted JSON, read strictly: bounded size and depth, finite numbers, no duplicate names, no broken text.

One reader for bodies, tokens and telemetry, so that nothing two parsers could understand differently gets in. A fault
is named by `JsonFault.reason`: `oversized`, `malformed`, `too_deep`, `bad_number` or `duplicate_key`.
"""

from __future__ import annotations

import json
import math
from typing import Final, NoReturn

from idp_adapter.core.types import Json

MAX_INTEGER: Final = 2**63 - 1


class JsonFault(ValueError):
    """Text that is not acceptable JSON, and why."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def loads(data: bytes | str, *, max_bytes: int, max_depth: int) -> Json:
    """Read one JSON value. `max_depth` counts nested objects and lists; a scalar has depth 0. Raises `JsonFault`."""
    text = _text(data, max_bytes)
    try:
        value: Json = _DECODER.decode(text)
    except JsonFault:
        raise
    except RecursionError:
        raise JsonFault("too_deep", f"nested deeper than {max_depth} levels") from None
    except json.JSONDecodeError as error:
        raise JsonFault("malformed", f"not valid JSON at position {error.pos}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise JsonFault("bad_number", "an integer is out of range") from None
    _check(value, max_depth)
    if "\\u" in text:
        _check_text(value)
    return value


def dumps(value: object) -> str:
    """Write compact JSON; tuples become lists. Raises ValueError for a number that JSON can't hold."""
    return _ENCODER.encode(value)


def _text(data: bytes | str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise JsonFault("oversized", f"longer than {max_bytes} bytes")
    if isinstance(data, bytes):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise JsonFault("malformed", "not UTF-8 text") from None
    try:
        encoded = data.encode("utf-8") if not data.isascii() else b""
    except UnicodeEncodeError:
        raise JsonFault("malformed", "holds half a character") from None
    if len(encoded) > max_bytes:
        raise JsonFault("oversized", f"longer than {max_bytes} bytes")
    return data


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonFault("duplicate_key", "an object names a member twice")
    return members


def _constant(name: str) -> NoReturn:
    raise JsonFault("bad_number", f"{name} is not a JSON number")


def _check(value: Json, depth_left: int) -> None:
    """Depth and numbers; never deeper than `depth_left` calls, and one call for each list or object, not each value."""
    kind = type(value)
    if kind is list or kind is dict:
        if depth_left == 0:
            raise JsonFault("too_deep", "nested too deep")
        for item in value.values() if isinstance(value, dict) else value:  # type: ignore[union-attr]
            kind = type(item)
            if kind is float or kind is int:
                _check_number(item)  # type: ignore[arg-type]
            elif kind is list or kind is dict:
                _check(item, depth_left - 1)
    elif kind is float or kind is int:
        _check_number(value)  # type: ignore[arg-type]


def _check_number(value: float) -> None:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        if type(value) is int:
            raise JsonFault("bad_number", "an integer is out of range")
        if not math.isfinite(value):
            raise JsonFault("bad_number", "a number is not finite")


def _check_text(value: Json) -> None:
    """No lone surrogates: such text can't be stored or hashed."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise JsonFault("malformed", "holds half a character") from None
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
