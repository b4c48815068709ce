"""Reading one table of a policy's document: each field once, what is wrong noted with its path and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from idp_adapter.core.assurance import Ladder

Name = TypeVar("Name", bound=str)
NO_MORE_S: Final = 30 * 24 * 3600
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([01]?\d|2[0-4])-([01]?\d|2[0-4])")


class Table:
    """One table being read: takes each field once, notes what is wrong, and at the end what was not asked for."""

    def __init__(self, where: str, value: object, problems: list[str]) -> None:
        self.where, self.problems = where, problems
        self._left: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
        self._asked: list[str] = []
        if not isinstance(value, Mapping):
            problems.append(f"`{where}` must be a table")

    def has(self, name: str) -> bool:
        """Whether a field is there and not yet taken."""
        self._asked.append(name)
        return name in self._left

    def take(self, name: str, default: Any = None) -> Any:
        """A field as it is."""
        self._asked.append(name)
        return self._left.pop(name, default)

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.where}.{name}" if self.where else name

    def wrong(self, name: str, what: str) -> None:
        """Note what is wrong with a field."""
        self.problems.append(f"`{self.at(name)}` {what}")

    def table(self, name: str, default: object = None) -> Table:
        """A table within; an empty one where it is absent."""
        return Table(self.at(name), self.take(name, {} if default is None else default), self.problems)

    def tables(self, name: str, *, most: int) -> list[Table]:
        """A list of tables, `[[name]]`."""
        value = self.take(name, [])
        if not isinstance(value, list) or len(value) > most:
            self.wrong(name, f"must be a list of at most {most} tables: write [[{name}]]")
            return []
        return [Table(f"{self.at(name)}[{i}]", item, self.problems) for i, item in enumerate(value)]

    def items(self, *, most: int) -> list[tuple[str, Any]]:
        """The fields left, in a table whose names the policy chooses."""
        if len(self._left) > most:
            self.problems.append(f"`{self.where}` must have at most {most} names")
        return list(self._left.items())[:most]

    def title(self, name: str) -> str:
        """A text that must be there."""
        value = self.take(name)
        if not isinstance(value, str) or not value:
            self.wrong(name, "must be a text that is not empty")
        return str(value)

    def text(self, name: str) -> str | None:
        """A text, or None where absent."""
        return self.title(name) if self.has(name) else None

    def probability(self, name: str) -> float:
        """A number strictly between 0 and 1."""
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            self.wrong(name, "must be a probability between 0 and 1, such as 0.05")
            return 0.5
        return float(value)

    def number(self, name: str, *, least: float, most: float) -> float:
        """A number within bounds, both included."""
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.wrong(name, f"must be a number from {least:g} to {most:g}")
            return least
        return float(value)

    def integer(self, name: str, *, least: int = 0, most: int = NO_MORE_S) -> int:
        """A whole number within bounds, both included."""
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, f"must be a whole number from {least} to {most}")
            return least
        return value

    def optional_integer(self, name: str, *, least: int = 1, most: int = NO_MORE_S) -> int | None:
        """A whole number, or None where absent."""
        return self.integer(name, least=least, most=most) if self.has(name) else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
        return value is True

    def choice(self, name: str, among: Iterable[Name], default: Name | None = None) -> Name:
        """One of some names."""
        values = tuple(among)
        value = self.take(name, default)
        if value not in values:
            self.wrong(name, f"must be one of {', '.join(repr(str(choice)) for choice in values)}")
            return values[0]
        return values[values.index(value)]

    def optional_choice(self, name: str, among: Iterable[Name]) -> Name | None:
        """One of some names, or None where absent."""
        return self.choice(name, among) if self.has(name) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one text counts as a list of one."""
        value = self.take(name, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.wrong(name, "must be a list of texts")
            return ()
        return tuple(value)

    def known(self, name: str, among: Iterable[str], what: str) -> frozenset[str]:
        """A list of names that the policy defines elsewhere."""
        given, defined = frozenset(self.texts(name)), frozenset(among)
        for item in sorted(given - defined):
            near = difflib.get_close_matches(item, defined, n=1)
            self.wrong(name, f"names `{item}`, which is no {what}{f'; did you mean `{near[0]}`?' if near else ''}")
        return given & defined

    def acr(self, name: str, ladder: Ladder, *, optional: bool = False) -> str | None:
        """A step of the ladder."""
        value = self.take(name)
        if value is None and optional:
            return None
        if value not in ladder.steps:
            self.wrong(name, f"must be a step of `acr.ladder`: {', '.join(ladder.steps) or 'which is empty'}")
            return None
        return str(value)

    def hours(self, name: str) -> frozenset[int]:
        """Hours of the day from ranges such as `8-18` or `22-6`, the end left out."""
        hours: set[int] = set()
        for item in self.texts(name):
            match = _HOURS.fullmatch(item)
            if match is None or match[1] == match[2]:
                self.wrong(name, "must hold ranges of hours such as '8-18' or '22-6'")
                continue
            first, end = int(match[1]), int(match[2])
            hours |= {hour % 24 for hour in range(first, end if end > first else end + 24)}
        return frozenset(hours)

    def days(self, name: str) -> frozenset[int]:
        """Days of the week, 0 for Monday."""
        return frozenset(DAYS.index(day) for day in self.known(name, DAYS, f"day: {', '.join(DAYS)}"))

    def given(self, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        """What is there of some fields, each by its reader."""
        return {name: read(name) for name, read in readers.items() if self.has(name)}

    def done(self) -> None:
        """Note every field that nobody asked for."""
        for name in self._left:
            near = difflib.get_close_matches(name, self._asked, n=1)
            fix = f"did you mean `{near[0]}`?" if near else "remove it or check the spelling"
            self.wrong(name, f"is not known; {fix}")
