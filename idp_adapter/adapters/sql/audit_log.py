"""The audit chain in rows. Reads and writes of its own, beside the hot path.

Whatever lies in the rows reads as something: what can't be a value of ours reads as one that nothing has, so that a
verification finds it, and does not stop at it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from idp_adapter.adapters.sql import codec, schema
from idp_adapter.adapters.sql.audit_content import content, digest_of
from idp_adapter.adapters.sql.audit_statements import AuditStatements, compiled
from idp_adapter.adapters.sql.database import Database, Execute, Parameters
from idp_adapter.core.audit import Leaf, RecordId, RecordKind, Removal, Segment
from idp_adapter.services.audit_ports import Unsealed

MOST_SEGMENTS: Final = 500
MOST_PENDING: Final = 500
FOREVER_AGO_US: Final = -(2**62)
_NOTHING: Final = -1  # no number, count or time of ours
_WIDTHS: Final = {kind: len(content(kind, "sqlite")) for kind in RecordKind}  # in columns, on either database


class _Lost(Exception):
    """Another process was first, or a record is gone: nothing of this segment is kept."""


@dataclass(frozen=True, slots=True)
class AuditRows:
    """`audit_ports.AuditLog` on either database."""

    database: Database
    dialect: str

    def time_us(self, time: datetime) -> int:
        """A time as it is stored."""
        return codec.to_us(time)

    def last(self, issuer: str) -> Segment | None:
        """The newest segment."""
        found = self.database.read(self._sql.last, {"issuer": issuer})
        return _segment(found[0]) if found else None

    def segment(self, issuer: str, number: int) -> Segment | None:
        """One segment."""
        found = self.database.read(self._sql.segment, {"issuer": issuer, "number": number})
        return _segment(found[0]) if found else None

    def unsealed(self, issuer: str, *, since_us: int | None, most: int) -> Sequence[Unsealed]:
        """Records that no segment holds, of all kinds together the oldest first."""
        since_us = FOREVER_AGO_US if since_us is None else since_us
        parameters: Parameters = {"issuer": issuer, "since_us": since_us, "most": most}
        found = [
            Unsealed(RecordId(kind, row[1]), _whole(row[0], below=2**62), digest_of(kind, row[2:]))
            for kind in RecordKind
            for row in self.database.read(self._sql.unsealed[kind], parameters)
        ]
        return sorted(found, key=lambda item: item.time_us)[:most]

    def pending(self, issuer: str) -> Sequence[Removal]:
        """Statements of removal that no segment holds; bounded."""
        found = self.database.read(self._sql.pending, {"issuer": issuer, "most": MOST_PENDING})
        return [_removal(row) for row in found]

    def append(self, segment: Segment, records: Sequence[Unsealed], removal_ids: Sequence[str]) -> bool:
        """Add a segment with its leaves, atomically. False where its number is taken or a record is gone."""
        place: dict[str, codec.Bound] = {"issuer": segment.issuer, "segment": segment.number}

        def job(execute: Execute) -> None:
            if execute(self._sql.add_segment, _columns(segment)).rowcount != 1:
                raise _Lost
            for position, item in enumerate(records):
                leaf = {**place, "record_id": item.record_id.id, "position": position, "digest": item.digest}
                if execute(self._sql.add_leaf[RecordKind(item.record_id.kind)], leaf).rowcount != 1:
                    raise _Lost
            for id_ in removal_ids:
                execute(self._sql.seal_removal, {**place, "id": id_})

        try:
            self.database.transact(job, slow=True)
        except _Lost:
            return False
        return True

    def segments(self, issuer: str, *, after: int) -> Sequence[Segment]:
        """The next segments by number, bounded; empty at the end."""
        found = self.database.read(self._sql.segments, {"issuer": issuer, "after": after, "most": MOST_SEGMENTS})
        return [_segment(row) for row in found]

    def misplaced(self, issuer: str, *, most: int) -> Sequence[str]:
        """Numbers of segments that no chain can have."""
        return [_text(row[0]) for row in self.database.read(self._sql.misplaced, {"issuer": issuer, "most": most})]

    def leaves(self, issuer: str, number: int) -> Sequence[Leaf]:
        """A segment's leaves in their order, each with the digest of what is stored now."""
        found = self.database.read(self._sql.leaves, {"issuer": issuer, "segment": number})
        return [_leaf(row) for row in found]

    def removals(self, issuer: str) -> Sequence[Removal]:
        """Every statement of removal."""
        return [_removal(row) for row in self.database.read(self._sql.removals, {"issuer": issuer})]

    def strays(
        self, issuer: str, *, before_us: int | None, numbers: tuple[int, int], most: int
    ) -> tuple[int, Sequence[RecordId]]:
        """How many records from a time on have no leaf, and the ids of older ones without one in the chain."""
        horizon_us = FOREVER_AGO_US if before_us is None else before_us
        horizon: Parameters = {"issuer": issuer, "horizon_us": horizon_us}
        outside: Parameters = {**horizon, "first": numbers[0], "newest": numbers[1], "most": most}
        count = sum(int(self.database.read(self._sql.late[kind], horizon)[0][0]) for kind in RecordKind)
        older = [
            RecordId(kind, _text(row[0]))
            for kind in RecordKind
            for row in self.database.read(self._sql.older[kind], outside)
        ]
        return count, older[:most]

    def spanning(self, issuer: str, *, number: int) -> Sequence[tuple[str, bytes]]:
        """Statement and digest of each leaf up to a segment whose statement later leaves name as well."""
        found = self.database.read(self._sql.spanning, {"issuer": issuer, "segment": number})
        return [(_text(row[0]), _bytes(row[1])) for row in found]

    def anchor(self, issuer: str, removal_id: str, at: datetime, statement: str) -> None:
        """Store a statement that a chain was pruned, for the next segment to hold."""
        values: Parameters = {"id": removal_id, "time_us": codec.to_us(at), "statement": statement, "segment": None}
        self.database.write(self._sql.add_removal, {"issuer": issuer, **values})

    def prune(self, issuer: str, number: int, *, keep: Collection[str]) -> int:
        """Delete a segment's leaves but for those that name statements to keep, with the last also itself. How many."""
        of: Parameters = {"issuer": issuer, "segment": number}

        def job(execute: Execute) -> int:
            pointers = execute(self._sql.pointers, of).fetchall()
            spent = [row[:2] for row in pointers if row[2] is not None and row[2] not in keep]
            for kind, id_ in spent:
                execute(self._sql.forget_leaf, {"issuer": issuer, "kind": kind, "record_id": id_})
            if len(spent) == len(pointers):
                execute(self._sql.forget_segment, of)
            return len(spent)

        return self.database.transact(job, slow=True)

    def prune_statements(self, issuer: str, *, number: int) -> None:
        """Delete the statements that segments up to a number held."""
        of: Parameters = {"issuer": issuer, "segment": number}
        self.database.transact(lambda execute: execute(self._sql.forget_removals, of).rowcount, slow=True)

    @property
    def _sql(self) -> AuditStatements:
        return compiled(self.dialect)


def _columns(segment: Segment) -> dict[str, codec.Bound]:
    names = (column.name for column in schema.audit_segment.c)
    return {name: getattr(segment, name) for name in names}


def _segment(row: Sequence[Any]) -> Segment:
    issuer, number, time_us, count, root, removals, head, checkpoint = row
    return Segment(
        issuer=issuer,
        number=_whole(number, below=2**31),
        time_us=_whole(time_us, below=2**62),
        count=_whole(count, below=2**31),
        root=_bytes(root),
        removals=_bytes(removals),
        head=_bytes(head),
        checkpoint=_text(checkpoint),
    )


def _leaf(row: Sequence[Any]) -> Leaf:
    kind, id_, position, digest, removal, *stored = row
    pointed = None if removal is None else _text(removal)
    record_id = RecordId(_text(kind), _text(id_))
    return Leaf(record_id, _whole(position, below=2**31), _bytes(digest), pointed, _found(record_id.kind, stored))


def _found(kind: str, stored: Sequence[Any]) -> bytes | None:
    """The digest of what is stored, among the columns of every kind."""
    first = 0
    for each, width in _WIDTHS.items():
        if each == kind and stored[first] is not None:
            return digest_of(each, stored[first : first + width])
        first += width
    return None


def _removal(row: Sequence[Any]) -> Removal:
    id_, statement, segment = row
    return Removal(_text(id_), _text(statement), None if segment is None else _whole(segment, below=2**31))


def _whole(value: Any, *, below: int) -> int:
    return value if type(value) is int and 0 <= value < below else _NOTHING


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
