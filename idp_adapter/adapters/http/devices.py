"""Devices over HTTP: connectors report posture; a realm lists and removes its subjects' devices."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from flask import Response, request

from idp_adapter.adapters import strict_json
from idp_adapter.adapters.http import connectors, frame, wire
from idp_adapter.adapters.http.auth import Authenticator
from idp_adapter.core.types import ComplianceStatus, Json, Posture, SubjectId
from idp_adapter.errors import RequestInvalid
from idp_adapter.services.devices import KnownDevice

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_STATUSES: Final = frozenset(ComplianceStatus)


class KeepsDevices(Protocol):
    """Lists and removes devices, takes reports."""

    def devices(self, issuer: str, subject: SubjectId, *, now: datetime) -> tuple[KnownDevice, ...]:
        """A subject's devices."""
        ...

    def remove(self, issuer: str, subject: SubjectId, device: tuple[str, str]) -> None:
        """Forget one."""
        ...

    def report(self, issuer: str, posture: Posture, *, now: datetime) -> bool:
        """Take one report; True when it is new."""
        ...


class DeviceEndpoints:
    """The views."""

    def __init__(
        self,
        keeper: KeepsDevices,
        authenticator: Authenticator,
        known_connectors: connectors.Connectors,
        now: Callable[[], datetime],
    ) -> None:
        self._keeper, self._authenticator, self._connectors, self._now = keeper, authenticator, known_connectors, now

    def report_posture(self, id: str) -> Response:  # noqa: A002 - the path's own name
        """A connector's report of one device."""
        now = self._now()
        connector = self._connectors.authenticate(request.headers.get("Authorization"))
        body = wire.read_body(frame.json_body())
        issuer = body.identifier("issuer", longest=512)
        connectors.permit(connector, issuer)
        status = body.identifier("status", longest=32)
        if status not in _STATUSES:
            raise RequestInvalid(f"`status` must be one of {', '.join(ComplianceStatus)}", hint="Send one of these.")
        time = body.time("time") or now
        posture = Posture(_checked(id), connector.name, ComplianceStatus(status), since=time, seen=time)
        return frame.json_response(strict_json.dumps({"stored": self._keeper.report(issuer, posture, now=now)}))

    def list_devices(self, type: str, id: str) -> Response:  # noqa: A002 - the path's own names
        """The devices of a subject of the calling realm."""
        now = self._now()
        issuer = self._authenticator.authenticate(request.headers.get("Authorization"), now=now).issuer
        listed = [to_json(known) for known in self._keeper.devices(issuer, SubjectId(type, id), now=now)]
        return frame.json_response(strict_json.dumps({"devices": listed}))

    def remove_device(self, type: str, id: str, kind: str, device_id: str) -> Response:  # noqa: A002 - the same
        """Forget a device of a subject of the calling realm."""
        issuer = self._authenticator.authenticate(request.headers.get("Authorization"), now=self._now()).issuer
        self._keeper.remove(issuer, SubjectId(type, id), (kind, _checked(device_id)))
        return Response(status=204)


def to_json(known: KnownDevice) -> dict[str, Json]:
    """A device as JSON-ready values."""
    device, until = known.device, known.trusted_until
    return {
        "kind": device.kind,
        "id": device.id,
        "name": device.name,
        "user_agent": device.user_agent,
        "first_seen": device.first_seen.isoformat(),
        "last_seen": device.last_seen.isoformat(),
        "seen": device.seen,
        "trusted_until": None if until is None else until.isoformat(),
        "is_trusted": known.is_trusted,
        "posture": [
            {
                "source": posture.source,
                "status": posture.status.value,
                "since": posture.since.isoformat(),
                "time": posture.seen.isoformat(),
            }
            for posture in known.postures
        ],
    }


def _checked(device_id: str) -> str:
    if not _ID.fullmatch(device_id):
        raise RequestInvalid("the device's id in the path is none", hint="Send a key's or certificate's thumbprint.")
    return device_id
