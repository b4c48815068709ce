"""What of a stored decision is sealed, and its digest.

The digest is made of what is stored, read back: the same way when it is sealed, removed and verified. Documents count
as the text that the database gives. What outcomes and retention change lawfully (the learnable part, whether it is
settled) is not part of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast

from idp_adapter.adapters.sql import schema
from idp_adapter.core.audit import leaf_digest

_LAWFUL: Final = frozenset({"learnable", "settled"})  # what changes after a decision was stored
_DOCUMENTS: Final = frozenset({"acr_values", "evidence", "obligations", "device_ids", "facts", "shadow"})
_SEALED: Final = [column for column in schema.decision.c if column.name not in _LAWFUL]
_NAMES: Final = [column.name for column in _SEALED]
_encode: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode


def content(dialect: str) -> list[ColumnElement[Any]]:
    """The columns that are sealed; PostgreSQL's documents as text."""
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
