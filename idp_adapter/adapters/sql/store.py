"""The store: ports in terms of rows. `load` and `record` are one round trip each; every statement names the issuer.

What is learnt of a subject, and what a decision may teach, is sealed by the subject's data key. A profile that can't be
read counts as absent: the decision goes on, `on_damaged` is told, and the next confirmed outcome writes it anew. A data
key that does not unwrap leaves all of its subject's profiles absent, and nothing is taught over them. Erasure and
retention work in bounded batches, so that neither holds up decisions; both can be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from idp_adapter.adapters.sealing import DataKey, Sealer
from idp_adapter.adapters.sql import audit_content, codec, population, rows, schema, statements
from idp_adapter.adapters.sql.audit_log import AuditRows
from idp_adapter.adapters.sql.codec import Bound, Row
from idp_adapter.adapters.sql.data_keys import DataKeys, Subject
from idp_adapter.adapters.sql.database import Database, Execute, Parameters, unavailable
from idp_adapter.adapters.sql.devices import DeviceBook
from idp_adapter.adapters.sql.history import DAMAGED, HistoryReader
from idp_adapter.adapters.sql.lessons import LessonWriter
from idp_adapter.adapters.sql.removals import ERASED, EXPIRED, Removals
from idp_adapter.adapters.sql.replay import Replays
from idp_adapter.adapters.sql.statements import Statements
from idp_adapter.adapters.sql.template_keys import TemplateKeys
from idp_adapter.adapters.sql.volunteers import Volunteers
from idp_adapter.core.population import Population
from idp_adapter.core.types import (
    DecisionRecord,
    History,
    Json,
    Learnable,
    SubjectId,
)
from idp_adapter.errors import ProfileDamaged, ProfileLocked
from idp_adapter.services.audit_ports import Attest
from idp_adapter.services.ports import HistoryQuery, Lesson, Retention

MOST_IN_BATCH: Final = 500
NEVER_US: Final = 2**62  # past every time
MOST_BATCHES: Final = 200  # of one table and one issuer in one run of retention
_NAMES: Final = {
    "posture": "postures",
    "profile": "profiles",
    "device": "devices",
    "authentication": "authentications",
    "outcome": "outcomes",
    "decision": "decisions",
}
_RECORDS: Final = {table.name: kind for kind, table in audit_content.TABLES.items()}


class SqlStore:
    """`ports.Store` on either database."""

    def __init__(
        self,
        database: Database,
        statements: Statements,
        sealer: Sealer,
        *,
        dialect: str,
        attest: Attest | None,
        on_damaged: Callable[[ProfileDamaged], None],
    ) -> None:
        self._database = database
        self._sql = statements
        self._data_keys = DataKeys(database, statements, sealer)
        self.devices = DeviceBook(database, statements)
        self.template_keys = TemplateKeys(database, statements, sealer)
        self._on_damaged = on_damaged
        self.volunteers = Volunteers(database, dialect, self._data_keys, on_damaged)
        self.replays = Replays(database, dialect)
        self.audit = AuditRows(database, dialect)
        self._removals = Removals(dialect, attest)

    # --- the hot path ---------------------------------------------------------------------------------

    def load(self, query: HistoryQuery) -> History:
        """Read all that a decision needs of its subject, in one round trip. An unknown subject is `History()`."""
        of = rows.of_subject(query.issuer, query.subject)
        shown = (*query.device_ids, *[None] * statements.MOST_DEVICE_IDS)[: statements.MOST_DEVICE_IDS]
        parameters = {
            **of,
            "with_templates": int(query.with_templates),
            "prefix": query.prefix,
            "since_us": codec.to_us(query.since),
            "sid": query.sid,
            "client": query.client,
            "demands_since_us": codec.to_us(query.demands_since) if query.demands_since else NEVER_US,
            **{f"device_{i}": id_ for i, id_ in enumerate(shown, start=1)},
        }
        return self._history(of, self._database.read(self._sql.load, parameters))

    def record(self, record: DecisionRecord) -> None:
        """Write one decision; durable when it returns. One with an id already stored is left as it is.

        One round trip where the subject's history was loaded before, as a decision does; the first that may teach
        anything of a subject makes its data key in the same transaction.
        """
        columns = rows.decision_columns(record)
        of = rows.of_subject(record.issuer, record.subject)
        is_known, data_key = self._data_keys.at_hand(of)
        if record.learnable is not None and not is_known:
            self._data_keys.keep(of, self._database.transact(self._recording(record, columns)))
            return
        if data_key is not None:
            columns["learnable"] = rows.sealed_learnable(record, data_key)
        self._database.write(self._sql.record, columns)

    # --- reads ------------------------------------------------------------------------------------------

    def decision(self, issuer: str, decision_id: str) -> DecisionRecord | None:
        """Find a decision of this issuer. Raises `ProfileDamaged` when its row can't be read."""
        found = self._database.read(self._sql.decision, {"issuer": issuer, "id": decision_id})
        return self._decision_record(found[0]) if found else None

    def export(self, issuer: str, subject: SubjectId) -> Mapping[str, Json]:
        """Everything stored of a subject, as JSON-ready values (templates as base64), but for its data key.

        What does not open is null. Raises `ProfileLocked` where the data key does not unwrap.
        """
        exported: dict[str, Json] = {"issuer": issuer, "subject": {"type": subject.type, "id": subject.id}}
        of = rows.of_subject(issuer, subject)
        data_key = self._data_keys.read(of)
        for table in statements.TABLES[1:]:
            names = [column.name for column in table.c]
            found = self._database.transact(_fetch(self._sql.export[table.name], of), slow=True)
            opened = (self._opened(dict(zip(names, row, strict=True)), data_key) for row in found)
            exported[_NAMES[table.name]] = [rows.exported(columns) for columns in opened]
        return exported

    def population(self, issuer: str, *, since: datetime) -> Population:
        """Where a realm's newest outcomes came from, and how attempts went since a time. Bounded; not the hot path."""
        parameters: Parameters = {"issuer": issuer, "since_us": codec.to_us(since)}
        return population.population(self._database.read(self._sql.population, parameters))

    # --- writes -----------------------------------------------------------------------------------------

    def teach(self, lesson: Lesson) -> bool:
        """Store an outcome and what it taught, atomically. False when its id was stored before.

        Each decision teaches once: a lesson that would settle one which another outcome has settled meanwhile stores
        its outcome alone.
        """
        job = LessonWriter(lesson, self._sql, self._data_keys, on_damaged=self._on_damaged)
        return self._database.transact(job)

    def erase(self, issuer: str, subject: SubjectId) -> int:
        """Delete every row of a subject, its data key first; returns how many. Interrupted, it is run again."""
        of = rows.of_subject(issuer, subject)
        self._data_keys.drop(of)
        removing = (
            self._removing(table.name, self._sql.erase[table.name], of, reason=ERASED) for table in statements.TABLES
        )
        return sum(map(self._in_batches, removing))

    def retain(self, retention: Retention, *, now: datetime) -> Mapping[str, int]:
        """Delete what is older than its retention, in bounded batches; returns rows deleted by table.

        `learnable` counts decisions that were kept but whose learnable part was cleared.
        """
        ages = {
            "decision": retention.decisions,
            "outcome": retention.outcomes,
            "authentication": retention.failures,
            "posture": retention.profiles_unused,
            "profile": retention.profiles_unused,
            "device": retention.profiles_unused,
            "data_key": retention.profiles_unused,
        }
        jobs = [(name, name, self._sql.retain[name], age) for name, age in ages.items()]
        jobs.append(("learnable", "decision", self._sql.forget_learnables, retention.learnables))
        deleted: dict[str, int] = {}
        for name, table, statement, age in jobs:
            before_us = codec.to_us(now - age)
            issuers = self._database.transact(_fetch(self._sql.issuers[table], {}), slow=True)
            removing = (
                self._removing(name, statement, {"issuer": row[0], "before_us": before_us}, reason=EXPIRED)
                for row in issuers
            )
            deleted[name] = sum(self._in_batches(job, most_batches=MOST_BATCHES) for job in removing)
        return deleted

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the database takes a write now and its schema is current."""
        if self._database.write(self._sql.touch, {"revision": schema.REVISION}) != 1:
            raise unavailable("the schema isn't this version's", hint="restart the service; it migrates at start")

    def close(self) -> None:
        """Finish pending writes and let go of connections."""
        self._database.close()

    # --- rows to values -----------------------------------------------------------------------------------

    def _history(self, of: Subject, found: list[Row]) -> History:
        data_key = None
        try:
            data_key = self._data_key(of, found)
        except ProfileLocked as error:
            self._on_damaged(error)
            found = [row for row in found if row[0] != statements.PROFILE]
        reader = HistoryReader(data_key, on_damaged=self._on_damaged)
        for row in found:
            reader.take(row)
        return reader.history()

    def _data_key(self, of: Subject, found: list[Row]) -> DataKey | None:
        """The data key among the rows of `load`, which the record of this decision will want too."""
        row = next((row for row in found if row[0] == statements.DATA_KEY), None)
        if row is None:
            self._data_keys.drop(of)
            return None
        data_key = None
        try:
            data_key = self._data_keys.unwrap(of, row[1], row[5])
        finally:
            self._data_keys.keep(of, data_key)
        return data_key

    def _decision_record(self, row: Row) -> DecisionRecord:
        *values, kek_id, wrapped = row
        columns = dict(zip((column.name for column in schema.decision.c), values, strict=True))
        try:
            return rows.decision_record(columns, self._learnable(columns, kek_id, wrapped))
        except DAMAGED:
            damaged = ProfileDamaged("a stored decision is damaged")
            self._on_damaged(damaged)
            raise damaged from None

    def _learnable(self, columns: Mapping[str, Any], kek_id: str | None, wrapped: Any) -> Learnable | None:
        sealed = columns["learnable"]
        if sealed is None:
            return None
        try:
            data_key = self._data_keys.unwrap(columns, kek_id, wrapped)
            return codec.learnable_from_bytes(rows.learnable_body(columns["id"], sealed, data_key))
        except ProfileDamaged as error:
            self._on_damaged(error)
        except DAMAGED:
            self._on_damaged(ProfileDamaged("a decision's learnable part is damaged"))
        return None

    def _opened(self, columns: dict[str, Any], data_key: DataKey | None) -> dict[str, Any]:
        """A row for the export, with what was sealed opened."""
        try:
            if columns.get("body") is not None:
                kind, key, version = columns["kind"], columns["key"], columns["version"]
                columns["body"] = rows.profile_body(kind, key, version, columns["body"], data_key)
            if columns.get("learnable") is not None:
                columns["learnable"] = rows.learnable_body(columns["id"], columns["learnable"], data_key)
        except ProfileDamaged as error:
            self._on_damaged(error)
            columns.update({name: None for name in ("body", "learnable") if name in columns})
        return columns

    def _recording(self, record: DecisionRecord, columns: Mapping[str, Bound]) -> Callable[[Execute], DataKey | None]:
        """The job of the first record that may teach anything of its subject. Its result is the data key at hand."""
        of = rows.of_subject(record.issuer, record.subject)

        def job(execute: Execute) -> DataKey | None:
            try:
                data_key = self._data_keys.use(execute, of, at_us=codec.to_us(record.time))
            except ProfileLocked:
                execute(self._sql.record, columns)
                return None
            execute(self._sql.record, {**columns, "learnable": rows.sealed_learnable(record, data_key)})
            return data_key

        return job

    def _removing(self, table: str, statement: str, parameters: Parameters, *, reason: str) -> Callable[[Execute], int]:
        """One batch of a deletion; of records the audit chain is told."""
        bounded = {**parameters, "most": MOST_IN_BATCH}
        if table in _RECORDS:
            return self._removals.job(_RECORDS[table], statement, bounded, reason=reason)
        return lambda execute: execute(statement, bounded).rowcount

    def _in_batches(self, job: Callable[[Execute], int], *, most_batches: int | None = None) -> int:
        total = batches = 0
        while most_batches is None or batches < most_batches:
            changed = self._database.transact(job, slow=True)
            total, batches = total + changed, batches + 1
            if changed < MOST_IN_BATCH:
                break
        return total


def _fetch(statement: str, parameters: Parameters) -> Callable[[Execute], list[Row]]:
    return lambda execute: execute(statement, parameters).fetchall()
