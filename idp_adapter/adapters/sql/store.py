"""The store: ports in terms of rows. `load` and `record` are one round trip each; every statement names the issuer.

A profile that can't be read counts as absent: the decision goes on, `on_damaged` is told, and the next confirmed
outcome writes it anew. Erasure and retention work in bounded batches, so that neither holds up decisions; both can be
run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from idp_adapter.adapters.sql import codec, rows, schema, statements
from idp_adapter.adapters.sql.codec import Row
from idp_adapter.adapters.sql.database import Database, Execute, Parameters, unavailable
from idp_adapter.adapters.sql.statements import Statements
from idp_adapter.core.types import (
    DecisionRecord,
    Device,
    Failures,
    Habits,
    History,
    Json,
    Learnable,
    SubjectId,
)
from idp_adapter.errors import ProfileDamaged, RequestInvalid
from idp_adapter.services.ports import HistoryQuery, Lesson, Retention

MOST_IN_BATCH: Final = 500
MOST_BATCHES: Final = 200  # of one table and one issuer in one run of retention
_DAMAGED: Final = (ValueError, TypeError, KeyError, IndexError, OverflowError)
_NAMES: Final = {
    "profile": "profiles",
    "device": "devices",
    "authentication": "authentications",
    "outcome": "outcomes",
    "decision": "decisions",
}


class SqlStore:
    """`ports.Store` on either database."""

    def __init__(
        self, database: Database, statements: Statements, *, on_damaged: Callable[[ProfileDamaged], None]
    ) -> None:
        self._database = database
        self._sql = statements
        self._on_damaged = on_damaged

    # --- the hot path ---------------------------------------------------------------------------------

    def load(self, query: HistoryQuery) -> History:
        """Read all that a decision needs of its subject, in one round trip. An unknown subject is `History()`."""
        parameters = {
            **rows.of_subject(query.issuer, query.subject),
            "prefix": query.prefix,
            "since_us": codec.to_us(query.since),
        }
        return self._history(self._database.read(self._sql.load, parameters))

    def record(self, record: DecisionRecord) -> None:
        """Write one decision; durable when it returns. One with an id already stored is left as it is."""
        self._database.write(self._sql.record, rows.decision_columns(record))

    # --- reads ------------------------------------------------------------------------------------------

    def decision(self, issuer: str, decision_id: str) -> DecisionRecord | None:
        """Find a decision of this issuer. Raises `ProfileDamaged` when its row can't be read."""
        found = self._database.read(self._sql.decision, {"issuer": issuer, "id": decision_id})
        return self._decision_record(found[0]) if found else None

    def export(self, issuer: str, subject: SubjectId) -> Mapping[str, Json]:
        """Everything stored of a subject, as JSON-ready values (templates as base64)."""
        exported: dict[str, Json] = {"issuer": issuer, "subject": {"type": subject.type, "id": subject.id}}
        for table in statements.TABLES:
            names = [column.name for column in table.c]
            statement, parameters = self._sql.export[table.name], rows.of_subject(issuer, subject)
            found = self._database.transact(_fetch(statement, parameters), slow=True)
            exported[_NAMES[table.name]] = [rows.exported(dict(zip(names, row, strict=True))) for row in found]
        return exported

    # --- writes -----------------------------------------------------------------------------------------

    def teach(self, lesson: Lesson) -> bool:
        """Store an outcome and what it taught, atomically. False when its id was stored before.

        Each decision teaches once: a lesson that would settle one which another outcome has settled meanwhile stores
        its outcome alone.
        """
        outcome = lesson.outcome
        stored = rows.outcome_columns(outcome)
        attempt = rows.attempt_columns(lesson)
        taught = list(self._taught(lesson)) if outcome.subject is not None else []
        if outcome.subject is None and (lesson.habits or lesson.devices or lesson.templates or lesson.closes_since):
            raise RequestInvalid("an outcome without a subject teaches nothing")

        def job(execute: Execute) -> bool:
            if execute(self._sql.insert_outcome, stored).rowcount != 1:
                return False
            if attempt is not None:
                execute(self._sql.insert_authentication, attempt)
            if lesson.settles:
                decided = {"issuer": outcome.issuer, "id": outcome.decision_id}
                if execute(self._sql.settle, decided).rowcount != 1:
                    return True
            for statement, parameters in taught:
                execute(statement, parameters)
            return True

        return self._database.transact(job)

    def erase(self, issuer: str, subject: SubjectId) -> int:
        """Delete every row of a subject; returns how many. Interrupted, it is run again."""
        of = rows.of_subject(issuer, subject)
        return sum(self._in_batches(self._sql.erase[table.name], of) for table in statements.TABLES)

    def retain(self, retention: Retention, *, now: datetime) -> Mapping[str, int]:
        """Delete what is older than its retention, in bounded batches; returns rows deleted by table.

        `learnable` counts decisions that were kept but whose learnable part was cleared.
        """
        ages = {
            "decision": retention.decisions,
            "outcome": retention.outcomes,
            "authentication": retention.failures,
            "profile": retention.profiles_unused,
            "device": retention.profiles_unused,
        }
        jobs = [(name, name, self._sql.retain[name], age) for name, age in ages.items()]
        jobs.append(("learnable", "decision", self._sql.forget_learnables, retention.learnables))
        deleted: dict[str, int] = {}
        for name, table, statement, age in jobs:
            before_us = codec.to_us(now - age)
            issuers = self._database.transact(_fetch(self._sql.issuers[table], {}), slow=True)
            deleted[name] = sum(
                self._in_batches(statement, {"issuer": row[0], "before_us": before_us}, most_batches=MOST_BATCHES)
                for row in issuers
            )
        return deleted

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the database answers and its schema is current."""
        found = self._database.read(self._sql.revision, {})
        if [row[0] for row in found] != [schema.REVISION]:
            raise unavailable("the schema isn't this version's", hint="restart the service; it migrates at start")

    def close(self) -> None:
        """Finish pending writes and let go of connections."""
        self._database.close()

    # --- rows to values -----------------------------------------------------------------------------------

    def _history(self, found: list[Row]) -> History:
        habits = Habits()
        devices: list[Device] = []
        failed: list[datetime] = []
        templates: dict[str, bytes] = {}
        of_prefix = subjects_of_prefix = 0
        for tag, first, second, third, body, *numbers in found:
            try:
                if tag == statements.PROFILE and first == "habits":
                    habits = codec.habits_from_bytes(body)
                elif tag == statements.PROFILE:
                    templates[second] = bytes(body)
                elif tag == statements.DEVICE:
                    devices.append(rows.device(first, second, third, numbers))
                elif tag == statements.FAILURE:
                    failed.append(codec.from_us(numbers[0]))
                else:
                    of_prefix, subjects_of_prefix = numbers[0], numbers[1]
            except ProfileDamaged as error:
                self._on_damaged(error)
            except _DAMAGED:
                self._on_damaged(ProfileDamaged("a stored row is damaged"))
        return History(habits, tuple(devices), Failures(tuple(failed), of_prefix, subjects_of_prefix), templates)

    def _decision_record(self, row: Row) -> DecisionRecord:
        columns = dict(zip((column.name for column in schema.decision.c), row, strict=True))
        try:
            return rows.decision_record(columns, self._learnable(columns["learnable"]))
        except _DAMAGED:
            raise ProfileDamaged("a stored decision is damaged") from None

    def _learnable(self, value: Any) -> Learnable | None:
        try:
            return codec.learnable_from(value)
        except _DAMAGED:
            self._on_damaged(ProfileDamaged("a decision's learnable part is damaged"))
            return None

    # --- values to rows -----------------------------------------------------------------------------------

    def _taught(self, lesson: Lesson) -> Iterator[tuple[str, Parameters]]:
        """Changes in a fixed order, so that two lessons for one subject can't deadlock."""
        outcome = lesson.outcome
        subject = outcome.subject or SubjectId("", "")
        of = rows.of_subject(outcome.issuer, subject)
        updated_at_us = codec.to_us(outcome.time)
        if lesson.closes_since is not None:
            yield self._sql.close, {**of, "since_us": codec.to_us(lesson.closes_since)}
        if lesson.habits is not None:
            body = codec.habits_to_bytes(lesson.habits)
            columns = rows.profile_columns("habits", "", body, codec.HABITS_VERSION)
            yield self._sql.upsert_profile, {**of, **columns, "updated_at_us": updated_at_us}
        for key, template in sorted(lesson.templates.items()):
            if template is None:
                yield self._sql.forget_profile, {**of, "kind": "template", "key": key}
                continue
            columns = rows.profile_columns("template", codec.key("template", key), template, rows.TEMPLATE_ENVELOPE)
            yield self._sql.upsert_profile, {**of, **columns, "updated_at_us": updated_at_us}
        changed = (*((device, True) for device in lesson.devices), *((device, False) for device in lesson.forgotten))
        for device, kept in sorted(changed, key=lambda change: (change[0].kind, change[0].id)):
            if kept:
                yield self._sql.upsert_device, {**of, **rows.device_columns(device)}
            else:
                yield self._sql.forget_device, {**of, "kind": device.kind, "id": device.id}

    def _in_batches(self, statement: str, parameters: Parameters, *, most_batches: int | None = None) -> int:
        total = batches = 0
        while most_batches is None or batches < most_batches:
            changed = self._database.transact(_change(statement, {**parameters, "most": MOST_IN_BATCH}), slow=True)
            total, batches = total + changed, batches + 1
            if changed < MOST_IN_BATCH:
                break
        return total


def _fetch(statement: str, parameters: Parameters) -> Callable[[Execute], list[Row]]:
    return lambda execute: execute(statement, parameters).fetchall()


def _change(statement: str, parameters: Parameters) -> Callable[[Execute], int]:
    return lambda execute: execute(statement, parameters).rowcount
