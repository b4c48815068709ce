"""What a policy says of devices and of their posture: `[devices]` and `[posture]`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

from idp_adapter.core.devices import TRUST_DAYS, DeviceRules
from idp_adapter.core.posture import BROWSERS, MAX_AGE_HOURS, PLATFORMS, PostureRules

MOST_VERSION: Final = 9999
_PRODUCTS: Final = BROWSERS | PLATFORMS


class Table(Protocol):
    """One table being read."""

    def take(self, name: str, default: Any = None) -> Any:
        """A field as it is."""
        ...

    def wrong(self, name: str, what: str) -> None:
        """Note what is wrong with a field."""
        ...

    def optional_integer(self, name: str, *, most: int) -> int | None:
        """A whole number from 1, or None where absent."""
        ...

    def done(self) -> None:
        """Note what was not asked for."""
        ...


def read_devices(table: Table) -> DeviceRules:
    """`[devices]`."""
    trust_days = table.optional_integer("trust_days", most=3650)
    table.done()
    return DeviceRules(timedelta(days=trust_days or TRUST_DAYS))


def read_posture(table: Table) -> PostureRules:
    """`[posture]`."""
    max_age_hours = table.optional_integer("max_age_hours", most=24 * 365)
    versions = _versions(table, table.take("minimum_versions", {}))
    table.done()
    return PostureRules(timedelta(hours=max_age_hours or MAX_AGE_HOURS), versions)


def _versions(table: Table, value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping):
        table.wrong("minimum_versions", "must be a table of major versions, such as chrome = 120")
        return {}
    for name, least in value.items():
        if name not in _PRODUCTS:
            near = difflib.get_close_matches(name, _PRODUCTS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"name one of {', '.join(sorted(_PRODUCTS))}"
            table.wrong(f"minimum_versions.{name}", f"is not known; {hint}")
        elif isinstance(least, bool) or not isinstance(least, int) or not 1 <= least <= MOST_VERSION:
            table.wrong(f"minimum_versions.{name}", f"must be a major version, a whole number from 1 to {MOST_VERSION}")
    return {name: least for name, least in value.items() if name in _PRODUCTS and isinstance(least, int)}
