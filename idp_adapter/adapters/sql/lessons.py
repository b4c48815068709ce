"""What one outcome writes, in one transaction.

Rows change in a fixed order (decisions, data key, profiles, devices, each by key), so that two lessons for one subject
can't deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from idp_adapter.adapters.sql import codec, rows
from idp_adapter.adapters.sql.data_keys import DataKeys
from idp_adapter.adapters.sql.database import Execute, Parameters
from idp_adapter.adapters.sql.statements import Statements
from idp_adapter.core.types import SubjectId
from idp_adapter.errors import ProfileDamaged, ProfileLocked, RequestInvalid
from idp_adapter.services.ports import Lesson


class LessonWriter:
    """One lesson as a job. Making it raises `RequestInvalid` or `RequestTooLarge` for what can't be stored."""

    def __init__(
        self,
        lesson: Lesson,
        sql: Statements,
        data_keys: DataKeys,
        *,
        on_damaged: Callable[[ProfileDamaged], None],
    ) -> None:
        outcome = lesson.outcome
        if outcome.subject is None and (lesson.habits or lesson.devices or lesson.templates or lesson.closes_since):
            raise RequestInvalid("an outcome without a subject teaches nothing")
        self._lesson, self._sql, self._data_keys, self._on_damaged = lesson, sql, data_keys, on_damaged
        self._of = rows.of_subject(outcome.issuer, outcome.subject or SubjectId("", ""))
        self._at_us = codec.to_us(outcome.time)
        self._stored, self._attempt = rows.outcome_columns(outcome), rows.attempt_columns(lesson)
        self._profiles = rows.profiles(lesson)
        self._upserted = [rows.device_columns(device) for device in lesson.devices]

    def __call__(self, execute: Execute) -> bool:
        """Write it. False when the outcome's id was stored before."""
        if execute(self._sql.insert_outcome, self._stored).rowcount != 1:
            return False
        if self._attempt is not None:
            execute(self._sql.insert_authentication, self._attempt)
        if self._lesson.settles:
            decided = {"issuer": self._lesson.outcome.issuer, "id": self._lesson.outcome.decision_id}
            if execute(self._sql.settle, decided).rowcount != 1:
                return True
        self._teach(execute)
        return True

    def _teach(self, execute: Execute) -> None:
        """Of a locked subject only what takes trust away is done.

        What its data key sealed may be readable again tomorrow, and whoever logs in meanwhile must not pass for a new
        subject, whose first logins are trusted.
        """
        if self._lesson.closes_since is not None:
            execute(self._sql.close, {**self._of, "since_us": codec.to_us(self._lesson.closes_since)})
        is_locked = False
        try:
            changes = list(self._profile_changes(execute))
        except ProfileLocked as error:
            self._on_damaged(error)
            is_locked, changes = True, []
        for statement, parameters in (*changes, *self._device_changes(is_locked=is_locked)):
            execute(statement, parameters)

    def _profile_changes(self, execute: Execute) -> Iterator[tuple[str, Parameters]]:
        if any(profile.body is not None for profile in self._profiles):
            data_key = self._data_keys.use(execute, self._of, at_us=self._at_us)
        for profile in self._profiles:
            if profile.body is None:
                yield self._sql.forget_profile, {**self._of, "kind": profile.kind, "key": profile.key}
            else:
                columns = rows.profile_columns(profile, profile.body, data_key)
                yield self._sql.upsert_profile, {**self._of, **columns, "updated_at_us": self._at_us}

    def _device_changes(self, *, is_locked: bool) -> list[tuple[str, Parameters]]:
        changes: list[tuple[str, Parameters]] = [
            (self._sql.forget_device, {"kind": device.kind, "id": device.id}) for device in self._lesson.forgotten
        ]
        if not is_locked:
            changes += [(self._sql.upsert_device, columns) for columns in self._upserted]
        changes.sort(key=lambda change: (change[1]["kind"], change[1]["id"]))
        return [(statement, {**self._of, **columns}) for statement, columns in changes]
