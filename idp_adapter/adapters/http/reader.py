"""Typed reading of untrusted JSON objects: every refusal names the JSON path and the fix.

What an enforcer writes (ids, times, flags) must be right or the request is refused. What a browser can stuff through
it (user agent, cookie) is cleaned or dropped instead, so that nobody can choose the fail mode by sending nonsense.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from idp_adapter.core.types import Json, Scalar
from idp_adapter.errors import RequestInvalid, RequestTooLarge

MAX_TEXT: Final = 1024
MAX_LIST: Final = 256
MAX_PROPERTIES: Final = 64
_MAX_UNIX_S: Final = 253_402_300_799  # the end of year 9999
_MISSING: Final = object()


class Reader:
    """One JSON object, `path` saying where it is in the body."""

    __slots__ = ("_members", "path")

    def __init__(self, members: Mapping[str, Json], path: str) -> None:
        self._members, self.path = members, path

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def required(self, name: str) -> Reader:
        """A member that must be an object."""
        value = self._members.get(name, _MISSING)
        if value is _MISSING:
            raise RequestInvalid(f"`{self.at(name)}` is missing", hint="Add it, as a JSON object.")
        if not isinstance(value, dict):
            raise self.wrong(name, "a JSON object")
        return Reader(value, self.at(name))

    def object(self, name: str) -> Reader:
        """A member that may be absent or null; an empty object then."""
        value = self._members.get(name)
        if value is None:
            return Reader({}, self.at(name))
        if not isinstance(value, dict):
            raise self.wrong(name, "a JSON object")
        return Reader(value, self.at(name))

    def identifier(self, name: str, *, longest: int = 256) -> str:
        """A member that must be a string that isn't empty."""
        if name not in self._members:
            raise RequestInvalid(f"`{self.at(name)}` is missing", hint="Add it, as a string.")
        value = self.text(name, longest=longest)
        if not value:
            raise self.wrong(name, "a string that is not empty")
        return value

    def text(self, name: str, *, longest: int = MAX_TEXT) -> str | None:
        """A string, or None where absent or null."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        if len(value) > longest:
            raise RequestTooLarge(f"`{self.at(name)}` is longer than {longest} characters", hint="Shorten it.")
        if "\0" in value:
            raise self.wrong(name, "a string without NUL")
        return value

    def address(self, name: str) -> str | None:
        """An IP address, or None where absent, null or empty: the enforcer knows its peer, or says that it does not."""
        value = self.text(name, longest=64)
        if not value:
            return None
        try:
            ipaddress.ip_address(value.partition("%")[0])
        except ValueError:
            raise self.wrong(name, "an IP address without port, such as 192.0.2.7 or 2001:db8::7") from None
        return value

    def from_browser(self, name: str, *, longest: int) -> str | None:
        """A string that a browser chose: cut to `longest`, control characters dropped; None where nothing is left."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        value = value[:longest]
        if not value.isprintable():
            value = "".join(character for character in value if character.isprintable())
        return value or None

    def raw(self, name: str) -> str | None:
        """A string, as it is."""
        value = self._members.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(name, "a string")

    def texts(self, name: str, *, longest: int = MAX_TEXT, most: int = MAX_LIST) -> tuple[str, ...]:
        """A list of at most `most` strings; one string counts as a list of one."""
        value = self._members.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            raise self.wrong(name, "a list of strings")
        if len(value) > most:
            raise RequestTooLarge(f"`{self.at(name)}` has more than {most} items", hint="Shorten it.")
        for item in value:
            if not isinstance(item, str) or len(item) > longest or "\0" in item:
                raise self.wrong(name, f"a list of strings of at most {longest} characters")
        return tuple(item for item in value if isinstance(item, str))

    def flag(self, name: str, *, default: bool | None) -> bool | None:
        """True or false."""
        value = self._members.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def count(self, name: str, *, most: int = 2**53) -> int | None:
        """An integer from 0 to `most`."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise self.wrong(name, f"an integer from 0 to {most}")
        return value

    def unix_time(self, name: str) -> datetime | None:
        """Seconds since 1970; 0 stands for "never"."""
        seconds = self.count(name, most=_MAX_UNIX_S)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    def time(self, name: str) -> datetime | None:
        """An RFC 3339 time."""
        value = self.text(name, longest=64)
        if value is None:
            return None
        try:
            time = datetime.fromisoformat(value)
            return time.astimezone(UTC) if time.tzinfo is not None else time.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise self.wrong(name, "an RFC 3339 time such as 2026-11-21T08:00:00Z") from None

    def items(self, name: str, *, most: int) -> list[Json]:
        """A list that must be there."""
        value = self._members.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        if len(value) > most:
            raise RequestTooLarge(f"`{self.at(name)}` has more than {most} items", hint="Send it in parts.")
        return value

    def scalars(self) -> dict[str, Scalar]:
        """The members that a rule can compare: scalars and lists of strings. Deeper ones are passed over."""
        if len(self._members) > MAX_PROPERTIES:
            raise RequestTooLarge(f"`{self.path}` has more than {MAX_PROPERTIES} members", hint="Leave some out.")
        kept: dict[str, Scalar] = {}
        for name, value in self._members.items():
            if isinstance(value, str | int | float):
                kept[name] = value
            elif isinstance(value, list) and all(isinstance(item, str) for item in value):
                kept[name] = tuple(item for item in value if isinstance(item, str))
        return kept

    def member(self, name: str) -> Json:
        """A member as it is, None where absent."""
        return self._members.get(name)

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._members.get(name) is not None

    def wrong(self, name: str, wanted: str) -> RequestInvalid:
        """The refusal of a member of the wrong kind."""
        return RequestInvalid(f"`{self.at(name)}` must be {wanted}", hint=f"Send {wanted} there.")
