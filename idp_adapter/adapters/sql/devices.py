"""The list of a subject's devices, and the posture that connectors report. Not the hot path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp_adapter.adapters.sql import codec, rows, schema
from idp_adapter.adapters.sql.database import Database, Execute
from idp_adapter.adapters.sql.statements import Statements
from idp_adapter.core.types import Device, Posture, SubjectId
from idp_adapter.services.ports import Reported

_TEXTS = ("kind", "id", "user_agent", "paired_key")
_NUMBERS = ("first_seen_us", "last_seen_us", "seen", "confirmed")


class DeviceBook:
    """`ports.Devices` on either database."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database, self._sql = database, statements

    def devices(self, issuer: str, subject: SubjectId) -> tuple[Device, ...]:
        """A subject's devices, the newest seen first."""
        found = self._database.read(self._sql.devices, rows.of_subject(issuer, subject))
        devices = (_device(dict(zip(schema.device.c.keys(), row, strict=True))) for row in found)
        return tuple(sorted(devices, key=lambda device: device.last_seen, reverse=True))

    def postures(self, issuer: str, subject: SubjectId) -> tuple[Posture, ...]:
        """What is reported of a subject's devices."""
        found = self._database.read(self._sql.export["posture"], rows.of_subject(issuer, subject))
        return tuple(_posture(dict(zip(schema.posture.c.keys(), row, strict=True))) for row in found)

    def rename(self, issuer: str, subject: SubjectId, device: tuple[str, str], name: str | None) -> bool:
        """Give a device (its kind and id) a name, or none. False where the subject has no such device."""
        kind, id_ = device
        key = {**rows.of_subject(issuer, subject), "kind": kind, "id": id_}
        parameters = {f"of_{column}": value for column, value in key.items()}
        checked = None if name is None else codec.text("device.name", name)
        return self._database.write(self._sql.rename_device, {**parameters, "name": checked}) == 1

    def remove(self, issuer: str, subject: SubjectId, device: tuple[str, str]) -> bool:
        """Forget a device, and its posture where nobody else has it. False where the subject has no such device."""
        kind, id_ = device

        def job(execute: Execute) -> bool:
            of = {**rows.of_subject(issuer, subject), "kind": kind, "id": id_}
            if execute(self._sql.forget_device, of).rowcount != 1:
                return False
            named = {"issuer": issuer, "device_id": id_}
            if not execute(self._sql.is_device, named).fetchall():
                execute(self._sql.forget_postures, named)
            return True

        return self._database.transact(job)

    def report(self, issuer: str, posture: Posture) -> Reported:
        """Store what is newer than what is stored of a device that somebody of the realm has."""
        columns = rows.posture_columns(issuer, posture)

        def job(execute: Execute) -> Reported:
            named = {"issuer": issuer, "device_id": posture.device_id}
            if not execute(self._sql.is_device, named).fetchall():
                return Reported.UNKNOWN
            return Reported.STORED if execute(self._sql.report_posture, columns).rowcount == 1 else Reported.OLDER

        return self._database.transact(job)


def _device(columns: Mapping[str, Any]) -> Device:
    texts, numbers = [columns[name] for name in _TEXTS], [columns[name] for name in _NUMBERS]
    return rows.device(texts, numbers, name=columns["name"])


def _posture(columns: Mapping[str, Any]) -> Posture:
    texts = [columns[name] for name in ("device_id", "source", "status")]
    return rows.posture((*texts, ""), [columns[name] for name in ("since_us", "seen_us", "before_us")])
