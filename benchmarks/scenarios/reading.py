"""Strict reading of the pack's TOML: a wrong file is refused by its name, the field and the fix."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "day": "days", "days": "days", "weeks": "weeks"}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|days?|weeks)")


class ScenarioInvalid(Exception):
    """A file of the pack that can't be used: where, and how to mend it."""

    def __init__(self, where: str, fix: str) -> None:
        super().__init__(f"{where}: {fix}")


class Table:
    """One table of a file. Each field is taken once; `done` refuses what nobody took."""

    def __init__(self, members: Mapping[str, Any], where: str) -> None:
        self._members, self._where = members, where
        self._taken: set[str] = set()

    @classmethod
    def of_file(cls, path: Path, name: str = "") -> Table:
        """A whole file, called `name` where it is refused."""
        name = name or path.name
        try:
            return cls(tomllib.loads(path.read_text(encoding="utf-8")), name)
        except OSError as error:
            raise ScenarioInvalid(name, f"can't be read ({error.strerror}); correct its name or rights") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ScenarioInvalid(name, f"is no TOML: {error}") from None

    def wrong(self, name: str, fix: str) -> ScenarioInvalid:
        """The error that says how to mend a field."""
        return ScenarioInvalid(f"{self._where}: `{name}`", fix)

    def has(self, name: str) -> bool:
        """Whether a field is there."""
        return name in self._members

    def text(self, name: str, default: str | None = None, *, of: Sequence[str] = ()) -> str:
        """A text, one `of` some where they are given; required where there is no default."""
        value = self._take(name, default)
        if not isinstance(value, str) or (not value and default != ""):
            raise self.wrong(name, "must be a text that is not empty")
        if of and value != default and value not in of:
            raise self.wrong(name, f"is {value!r}, but must be one of {', '.join(of)}{_near(value, of)}")
        return value

    def texts(self, name: str, default: tuple[str, ...] = (), *, of: Sequence[str] = ()) -> tuple[str, ...]:
        """Texts, written as a list or as one text."""
        value = self._take(name, list(default))
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) and item for item in values):
            raise self.wrong(name, "must be a text or a list of texts")
        for item in values:
            if of and item not in of:
                raise self.wrong(name, f"holds {item!r}, but may hold {', '.join(of)}{_near(item, of)}")
        return tuple(values)

    def whole(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number; required where there is no default."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(name, f"must be a whole number from {least} on")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A number; required where there is no default."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "must be a number")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def span(self, name: str, default: str | None = None) -> timedelta:
        """A time span such as `40 days`, `2 h`, `10 min`, `5 s`; required where there is no default."""
        value = self._take(name, default)
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise self.wrong(name, "must be a time span such as '40 days', '2 h', '10 min' or '5 s'")
        return timedelta(**{_UNITS[found.group(2)]: float(found.group(1))})

    def table(self, name: str) -> Table:
        """A table inside; an empty one where it is absent."""
        value = self._take(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "must be a table")
        return Table(value, f"{self._where}: {name}")

    def tables(self, name: str) -> list[Table]:
        """A list of tables inside; none where it is absent."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(name, "must be a list of tables")
        return [Table(item, f"{self._where}: {name}[{number}]") for number, item in enumerate(value, 1)]

    def named(self) -> Iterator[tuple[str, Table]]:
        """Each member, itself a table, with its name."""
        for name in self._members:
            yield name, self.table(name)

    def done(self) -> None:
        """Refuse fields that nobody knows."""
        for name in self._members:
            if name not in self._taken:
                known = sorted(self._taken)
                raise self.wrong(name, f"is not a field here{_near(name, known)}; the fields are {', '.join(known)}")

    def _take(self, name: str, default: Any) -> Any:
        self._taken.add(name)
        value = self._members.get(name, default)
        if value is None:
            raise self.wrong(name, "is missing; add it")
        return value


def _near(value: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.6)
    return f" (did you mean `{near[0]}`?)" if near else ""
