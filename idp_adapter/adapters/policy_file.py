"""Policy files: TOML text to a checked `Policy`, with the line of every problem that names a field."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import tzinfo
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from idp_adapter.core.policy import Policy
from idp_adapter.core.policy_schema import parse_policy
from idp_adapter.errors import PolicyInvalid

MAX_BYTES: Final = 256 * 1024
_FIELD: Final = re.compile(r"^`([^`]+)`")
_NAME: Final = r"""((?:[\w.-]|"[^"]*"|'[^']*')+)"""
_HEADER: Final = re.compile(rf"\s*\[(\[?)\s*{_NAME}\s*\]")
_KEY: Final = re.compile(rf"\s*{_NAME}\s*=")
_QUOTES: Final = str.maketrans("", "", "\"'")


def load(path: Path | None) -> Policy:
    """Read a policy file, or the one that ships where `path` is None. Raises `PolicyInvalid` with every problem."""
    if path is None:
        name = "policies/default.toml"
        text = resources.files("idp_adapter").joinpath(name).read_text(encoding="utf-8")
    else:
        name, text = str(path), _read(path)
    return parse(text, name=name)


def parse(text: str, *, name: str) -> Policy:
    """Check a policy's text; `name` appears in the error."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(name, [f"not TOML: {error}"]) from None
    except (ValueError, RecursionError):
        raise PolicyInvalid(name, ["holds a number too long, or lists nested too deep, to be read"]) from None
    try:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return parse_policy(document, subject=name, digest=digest, clock=_time_zone)
    except PolicyInvalid as error:
        lines = _lines(text)
        raise PolicyInvalid(name, [_with_line(problem, lines) for problem in error.problems]) from None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyInvalid(str(path), [f"the file is over {MAX_BYTES} bytes"])
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyInvalid(str(path), [f"can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise PolicyInvalid(str(path), ["is not UTF-8 text"]) from None


def _time_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def _lines(text: str) -> dict[str, int]:
    """Line numbers by dotted field, as the schema names them; tables of a list are numbered."""
    found: dict[str, int] = {}
    prefix, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            prefix = header.group(2).translate(_QUOTES)
            if header.group(1):
                counts[prefix] = counts.get(prefix, -1) + 1
            owner, _, rest = prefix.partition(".")
            if owner in counts:  # a table within the newest of a list
                prefix = f"{owner}[{counts[owner]}]{'.' if rest else ''}{rest}"
            found.setdefault(prefix, number)
        elif field := _KEY.match(line):
            name = field.group(1).translate(_QUOTES)
            found.setdefault(f"{prefix}.{name}" if prefix else name, number)
    return found


def _with_line(problem: str, lines: dict[str, int]) -> str:
    field = match.group(1) if (match := _FIELD.match(problem)) else ""
    while field:
        if field in lines:
            return f"line {lines[field]}: {problem}"
        field = field.rpartition(".")[0]
    return problem
