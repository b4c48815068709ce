"""Devices of a subject: the list that people see and change, and what is reported of a device's posture.

Reports come from connectors of device management; a receiver of shared signals (CAEP `device-compliance-change`) is one
more caller of `report`. What is reported is stored as it is; what it weighs is the posture source's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from idp_adapter.core.policy import Policy
from idp_adapter.core.posture import CLOCK_TOLERANCE
from idp_adapter.core.types import Device, Posture, SubjectId
from idp_adapter.errors import NotFound, RequestInvalid
from idp_adapter.services.ports import Devices, Reported

MOST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device as people see it. `trusted_until` is None for one that no confirmed login showed."""

    device: Device
    trusted_until: datetime | None
    is_trusted: bool
    postures: tuple[Posture, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceKeeper:
    """Lists, renames and removes devices, and takes reports of posture."""

    store: Devices
    policy_for: Callable[[str], Policy]

    def devices(self, issuer: str, subject: SubjectId, *, now: datetime) -> tuple[KnownDevice, ...]:
        """A subject's devices, the newest seen first."""
        rules = self.policy_for(issuer).devices
        postures = self.store.postures(issuer, subject)
        known = []
        for device in self.store.devices(issuer, subject):
            until = rules.trusted_until(device)
            own = tuple(posture for posture in postures if posture.device_id == device.id)
            known.append(KnownDevice(device, until, until is not None and now <= until, own))
        return tuple(known)

    def rename(self, issuer: str, subject: SubjectId, device: tuple[str, str], name: str) -> None:
        """Give a device (its kind and id) a name; an empty one takes it away. Raises `NotFound`, `RequestInvalid`."""
        name = name.strip()
        if len(name) > MOST_NAME or not name.isprintable():
            raise RequestInvalid(f"a device's name must be at most {MOST_NAME} printable characters")
        if not self.store.rename(issuer, subject, device, name or None):
            raise _not_found()

    def remove(self, issuer: str, subject: SubjectId, device: tuple[str, str]) -> None:
        """Forget a device; its next login is a new device's. Raises `NotFound`."""
        if not self.store.remove(issuer, subject, device):
            raise _not_found()

    def report(self, issuer: str, posture: Posture, *, now: datetime) -> bool:
        """Take one report. False where a newer one of the same source is stored.

        Raises `RequestInvalid` for one from the future, `NotFound` for a device that nobody of the realm has: so no
        reporter can fill the store with devices that are none.
        """
        if posture.seen > now + CLOCK_TOLERANCE:
            raise RequestInvalid("`time` is in the future", hint="Compare the clocks of the connector and the service.")
        reported = self.store.report(issuer, posture)
        if reported is Reported.UNKNOWN:
            raise NotFound("no device of that id is known in this realm", hint="It is after a confirmed login.")
        return reported is Reported.STORED


def _not_found() -> NotFound:
    return NotFound("the subject has no device of that kind and id", hint="List the devices for their kinds and ids.")
