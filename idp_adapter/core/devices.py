"""What a subject is known by, and for how long it is trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.types import Binding, Device

TRUST_DAYS: Final = 90
BROWSERS: Final = frozenset({"key", "cookie"})
BINDINGS: Final = frozenset({"jkt", "x5t"})


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """A policy's rules of devices. `trust`: how long after its last confirmed login a device still reassures."""

    trust: timedelta = timedelta(days=TRUST_DAYS)

    def trusted_until(self, device: Device) -> datetime | None:
        """When a device stops reassuring; None for one that no confirmed login showed."""
        return device.last_seen + self.trust if device.confirmed else None


def thumbprints(binding: Binding) -> dict[str, str]:
    """The thumbprints that a token request showed, by kind of device."""
    shown = {"jkt": binding.jkt, "x5t": binding.x5t_s256}
    return {kind: value for kind, value in shown.items() if value}


def of_kinds(devices: Iterable[Device], kinds: Iterable[str]) -> tuple[Device, ...]:
    """The devices of these kinds."""
    return tuple(device for device in devices if device.kind in kinds)
