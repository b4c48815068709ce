"""What of a stored record is sealed, and its digest.

The digest is made of what is stored, read back: the same way when it is sealed, removed and verified. Documents count
as the text that the database gives. What outcomes and retention change lawfully of a decision (the learnable part,
whether it is settled) is not part of it; of an outcome nothing ever changes. An outcome's digest has a member `kind`,
which no decision's has: neither passes for the other, and what was sealed when there were decisions alone still
verifies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, Text, cast

from idp_adapter.adapters.sql import schema
from idp_adapter.core.audit import RecordKind, leaf_digest

TABLES: Final[Mapping[RecordKind, Table]] = {
    RecordKind.DECISION: schema.decision,
    RecordKind.OUTCOME: schema.outcome,
}
STORED_US: Final[Mapping[RecordKind, Column[int]]] = {  # when a record was stored, by the service's clock
    RecordKind.DECISION: schema.decision.c.time_us,
    RecordKind.OUTCOME: schema.outcome.c.received_us,
}
_LAWFUL: Final = frozenset({"learnable", "settled"})  # what changes after a decision was stored
_DOCUMENTS: Final = frozenset({"acr_values", "evidence", "obligations", "device_ids", "facts", "shadow", "methods"})
_SEALED: Final = {kind: [column for column in table.c if column.name not in _LAWFUL] for kind, table in TABLES.items()}
_encode: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode


def content(kind: RecordKind, dialect: str) -> list[ColumnElement[Any]]:
    """The columns that are sealed of a kind of record; PostgreSQL's documents as text."""
    if dialect != "postgresql":
        return list(_SEALED[kind])
    return [cast(column, Text) if column.name in _DOCUMENTS else column for column in _SEALED[kind]]


def digest_of(kind: RecordKind, row: Sequence[Any]) -> bytes:
    """The digest of a record's row: the columns of `content` in their order. Absent values are left out.

    Whatever lies there has one: documents count as the text that they are, readable or not.
    """
    named = zip(_SEALED[kind], row, strict=True)
    members = {column.name: _plain(value) for column, value in named if value is not None}
    if kind is RecordKind.DECISION:
        members["permitted"] = bool(members["permitted"])
    else:
        members["kind"] = kind.value
    return leaf_digest(_encode(members).encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # a database may give a whole number back as either
        return int(value)
    if isinstance(value, bytes | memoryview):  # SQLite keeps them in a column of text as well
        return {"bytes": bytes(value).hex()}
    return value
