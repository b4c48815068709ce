"""The audit chain in rows. Reads and writes of its own, beside the hot path.

A decision's digest is made of what is stored, read back: the same way when it is sealed and when it is verified.
Documents count as the text that the database gives. What outcomes and retention change lawfully (the learnable part,
whether it is settled) is not part of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    insert,
    not_,
    null,
    or_,
    outerjoin,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from idp_adapter.adapters.sql import codec, schema
from idp_adapter.adapters.sql.clauses import bounded, number, text_of
from idp_adapter.adapters.sql.database import Database, Execute
from idp_adapter.core.audit import Leaf, Removal, Segment, leaf_digest
from idp_adapter.services.ports import Unsealed

MOST_SEGMENTS: Final = 500
MOST_PENDING: Final = 500
FOREVER_AGO_US: Final = -(2**62)
_LAWFUL: Final = frozenset({"learnable", "settled"})  # what changes after a decision was stored
_DOCUMENTS: Final = frozenset({"acr_values", "evidence", "obligations", "device_ids", "facts", "shadow"})
_SEALED: Final = [column for column in schema.decision.c if column.name not in _LAWFUL]
_NAMES: Final = [column.name for column in _SEALED]
_encode: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode


def content(dialect: str) -> list[ColumnElement[Any]]:
    """The columns that are sealed; PostgreSQL's documents as text, which its driver would else take apart."""
    if dialect != "postgresql":
        return list(_SEALED)
    return [cast(column, Text) if column.name in _DOCUMENTS else column for column in _SEALED]


def digest_of(row: Sequence[Any]) -> bytes:
    """The digest of a decision's row: the columns of `content` in their order. Absent values are left out.

    Whatever lies there has one: documents count as the text that they are, readable or not.
    """
    members = {name: _plain(value) for name, value in zip(_NAMES, row, strict=True) if value is not None}
    members["permitted"] = bool(members["permitted"])
    return leaf_digest(_encode(members).encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # a database may give a whole number back as either
        return int(value)
    if isinstance(value, bytes | memoryview):  # SQLite keeps them in a column of text as well
        return {"bytes": bytes(value).hex()}
    return value


class _Lost(Exception):
    """Another process was first, or a decision is gone: nothing of this segment is kept."""


@dataclass(frozen=True, slots=True)
class AuditRows:
    """`ports.AuditLog` on either database."""

    database: Database
    dialect: str

    def time(self, time_us: int) -> datetime:
        """A stored time."""
        return codec.from_us(time_us)

    def time_us(self, time: datetime) -> int:
        """A time as it is stored."""
        return codec.to_us(time)

    def last(self, issuer: str) -> Segment | None:
        """The newest segment."""
        table = schema.audit_segment
        newest = select(func.max(table.c.number)).where(table.c.issuer == bindparam("issuer")).scalar_subquery()
        statement = _segments().where(table.c.issuer == bindparam("issuer"), table.c.number == newest)
        found = self._read(statement, {"issuer": issuer})
        return _segment(found[0]) if found else None

    def segment(self, issuer: str, number: int) -> Segment | None:
        """One segment."""
        table = schema.audit_segment
        own = (table.c.issuer == bindparam("issuer"), table.c.number == bindparam("number", type_=Integer))
        found = self._read(_segments().where(*own), {"issuer": issuer, "number": number})
        return _segment(found[0]) if found else None

    def unsealed(self, issuer: str, *, since: datetime | None, most: int) -> Sequence[Unsealed]:
        """Decisions that no segment holds, the oldest first."""
        table = schema.decision
        statement = bounded(
            select(table.c.time_us, table.c.id, *content(self.dialect))
            .select_from(_with_leaf())
            .where(_is_unsealed(), table.c.time_us >= bindparam("since_us", type_=BigInteger))
            .order_by(table.c.time_us, table.c.id)
        )
        since_us = FOREVER_AGO_US if since is None else codec.to_us(since)
        found = self._read(statement, {"issuer": issuer, "since_us": since_us, "most": most})
        return [Unsealed(row[1], row[0], digest_of(row[2:])) for row in found]

    def pending(self, issuer: str) -> Sequence[Removal]:
        """Statements of removal that no segment holds; bounded."""
        table = schema.audit_removal
        statement = bounded(_removals().where(table.c.segment.is_(null())))
        return [Removal(*row) for row in self._read(statement, {"issuer": issuer, "most": MOST_PENDING})]

    def append(
        self, segment: Segment, decision_ids: Sequence[str], digests: Sequence[bytes], removal_ids: Sequence[str]
    ) -> bool:
        """Add a segment with its leaves, atomically. False where its number is taken or a decision is gone."""
        place: dict[str, codec.Bound] = {"issuer": segment.issuer, "segment": segment.number}
        add_segment, add_leaf = self._text(self._add_segment()), self._text(_add_leaf())
        seal_removal = self._text(_seal_removal())

        def job(execute: Execute) -> None:
            if execute(add_segment, _columns(segment)).rowcount != 1:
                raise _Lost
            for position, (id_, digest) in enumerate(zip(decision_ids, digests, strict=True)):
                leaf = {**place, "decision_id": id_, "position": position, "digest": digest}
                if execute(add_leaf, leaf).rowcount != 1:
                    raise _Lost
            for id_ in removal_ids:
                execute(seal_removal, {**place, "id": id_})

        try:
            self.database.transact(job, slow=True)
        except _Lost:
            return False
        return True

    def segments(self, issuer: str, *, after: int) -> Sequence[Segment]:
        """The next segments by number, bounded; empty at the end."""
        table = schema.audit_segment
        statement = bounded(
            _segments()
            .where(table.c.issuer == bindparam("issuer"), table.c.number > bindparam("after", type_=Integer))
            .order_by(table.c.number)
        )
        found = self._read(statement, {"issuer": issuer, "after": after, "most": MOST_SEGMENTS})
        return [_segment(row) for row in found]

    def leaves(self, issuer: str, number: int) -> Sequence[Leaf]:
        """A segment's leaves in their order, each with the digest of what is stored now."""
        leaf, table = schema.audit_leaf, schema.decision
        joined = outerjoin(leaf, table, and_(table.c.issuer == leaf.c.issuer, table.c.id == leaf.c.decision_id))
        statement = (
            select(leaf.c.decision_id, leaf.c.position, leaf.c.digest, leaf.c.removal, *content(self.dialect))
            .select_from(joined)
            .where(leaf.c.issuer == bindparam("issuer"), leaf.c.segment == bindparam("segment", type_=Integer))
            .order_by(leaf.c.position)
        )
        found = self._read(statement, {"issuer": issuer, "segment": number})
        return [
            Leaf(row[0], row[1], bytes(row[2]), row[3], None if row[4] is None else digest_of(row[4:])) for row in found
        ]

    def removals(self, issuer: str) -> Sequence[Removal]:
        """Every statement of removal."""
        return [Removal(*row) for row in self._read(_removals(), {"issuer": issuer})]

    def strays(self, issuer: str, *, before: datetime | None, newest: int, most: int) -> tuple[int, Sequence[str]]:
        """How many decisions from a time on have no leaf, and the ids of older ones without one in the chain."""
        table, leaf = schema.decision, schema.audit_leaf
        horizon = bindparam("horizon_us", type_=BigInteger)
        horizon_us = FOREVER_AGO_US if before is None else codec.to_us(before)
        is_own = table.c.issuer == bindparam("issuer")
        is_of_chain = leaf.c.segment.between(number(1), bindparam("newest", type_=Integer))
        is_outside = or_(leaf.c.decision_id.is_(null()), not_(is_of_chain))
        late = select(func.count()).select_from(_with_leaf()).where(_is_unsealed(), table.c.time_us >= horizon)
        older = select(table.c.id).select_from(_with_leaf()).where(is_own, is_outside, table.c.time_us < horizon)
        older = bounded(older.order_by(table.c.time_us))
        parameters: dict[str, codec.Bound] = {"issuer": issuer, "horizon_us": horizon_us}
        count = int(self._read(late, parameters)[0][0])
        return count, [row[0] for row in self._read(older, {**parameters, "newest": newest, "most": most})]

    def _add_segment(self) -> Any:
        make: Any = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        table = schema.audit_segment
        return make(table).values({column.name: bindparam(column.name) for column in table.c}).on_conflict_do_nothing()

    def _read(self, statement: ClauseElement, parameters: Mapping[str, codec.Bound]) -> list[Any]:
        return self.database.read(self._text(statement), parameters)

    def _text(self, statement: ClauseElement) -> str:
        return text_of(statement, self.dialect)


def _columns(segment: Segment) -> dict[str, codec.Bound]:
    names = (column.name for column in schema.audit_segment.c)
    return {name: getattr(segment, name) for name in names}


def _segment(row: Sequence[Any]) -> Segment:
    issuer, number, time_us, count, root, removals, head, checkpoint = row
    return Segment(issuer, number, time_us, count, bytes(root), bytes(removals), bytes(head), checkpoint)


def _segments() -> Select[Any]:
    return select(*schema.audit_segment.c)


def _removals() -> Select[Any]:
    table = schema.audit_removal
    chosen = select(table.c.id, table.c.statement, table.c.segment).where(table.c.issuer == bindparam("issuer"))
    return chosen.order_by(table.c.id)


def _with_leaf() -> Any:
    table, leaf = schema.decision, schema.audit_leaf
    return outerjoin(table, leaf, and_(leaf.c.issuer == table.c.issuer, leaf.c.decision_id == table.c.id))


def _is_unsealed() -> ColumnElement[bool]:
    return and_(schema.decision.c.issuer == bindparam("issuer"), schema.audit_leaf.c.decision_id.is_(null()))


def _add_leaf() -> Any:
    """Only while its decision is there, and so that nobody removes that before the leaf can be seen."""
    table, leaf = schema.decision, schema.audit_leaf
    values = select(
        table.c.issuer,
        table.c.id,
        bindparam("segment", type_=Integer),
        bindparam("position", type_=Integer),
        bindparam("digest", type_=leaf.c.digest.type),
    )
    values = values.where(table.c.issuer == bindparam("issuer"), table.c.id == bindparam("decision_id", type_=Text))
    names = ["issuer", "decision_id", "segment", "position", "digest"]
    return insert(leaf).from_select(names, values.with_for_update(key_share=True, read=True))


def _seal_removal() -> Any:
    table = schema.audit_removal
    own = and_(table.c.issuer == bindparam("issuer"), table.c.id == bindparam("id"), table.c.segment.is_(null()))
    return update(table).where(own).values(segment=bindparam("segment", type_=Integer))
