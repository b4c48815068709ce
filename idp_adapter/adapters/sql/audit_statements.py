"""Every statement of the audit chain, compiled once per dialect, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    not_,
    null,
    or_,
    outerjoin,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from idp_adapter.adapters.sql import schema
from idp_adapter.adapters.sql.audit_content import STORED_US, TABLES, content
from idp_adapter.adapters.sql.clauses import bounded, number, text_of
from idp_adapter.core.audit import RecordKind

_LAST_NUMBER: Final = 2**31 - 1
_SEGMENT: Final = schema.audit_segment
_LEAF: Final = schema.audit_leaf
_REMOVAL: Final = schema.audit_removal


@dataclass(frozen=True, slots=True)
class AuditStatements:
    """Compiled text. `late` and `older` are records without a leaf, from a time on and before it."""

    last: str
    segment: str
    segments: str
    misplaced: str
    add_segment: str
    leaves: str
    add_leaf: dict[RecordKind, str]
    unsealed: dict[RecordKind, str]
    late: dict[RecordKind, str]
    older: dict[RecordKind, str]
    removals: str
    pending: str
    add_removal: str
    seal_removal: str
    point: str
    spanning: str
    pointers: str
    forget_leaf: str
    forget_segment: str
    forget_removals: str


@cache
def compiled(dialect: str) -> AuditStatements:
    """All statements for `sqlite` or `postgresql`."""

    def text(statement: ClauseElement) -> str:
        return text_of(statement, dialect)

    return AuditStatements(
        last=text(bounded(_segments().order_by(_SEGMENT.c.number.desc()), 1)),
        segment=text(_segments().where(_SEGMENT.c.number == bindparam("number", type_=Integer))),
        segments=text(
            bounded(
                _segments().where(_SEGMENT.c.number > bindparam("after", type_=Integer)).order_by(_SEGMENT.c.number)
            )
        ),
        misplaced=text(_misplaced()),
        add_segment=text(_add_segment(dialect)),
        leaves=text(_leaves(dialect)),
        add_leaf={kind: text(_add_leaf(kind)) for kind in RecordKind},
        unsealed={kind: text(_unsealed(kind, dialect)) for kind in RecordKind},
        late={kind: text(_late(kind)) for kind in RecordKind},
        older={kind: text(_older(kind)) for kind in RecordKind},
        removals=text(_removals()),
        pending=text(bounded(_removals().where(_REMOVAL.c.segment.is_(null())))),
        add_removal=text(insert(_REMOVAL).values({column.name: bindparam(column.name) for column in _REMOVAL.c})),
        seal_removal=text(_seal_removal()),
        point=text(_point()),
        spanning=text(_spanning()),
        pointers=text(_pointers()),
        forget_leaf=text(delete(_LEAF).where(*(column == bindparam(column.name) for column in _LEAF.primary_key))),
        forget_segment=text(delete(_SEGMENT).where(*_of_segment(_SEGMENT, _SEGMENT.c.number))),
        forget_removals=text(delete(_REMOVAL).where(_REMOVAL.c.issuer == bindparam("issuer"), _is_held_up_to())),
    )


def _is_of_chain() -> ColumnElement[bool]:
    """Whether a segment has a number that a chain can have: a whole one from 1 on. SQLite keeps others as well."""
    is_whole = cast(_SEGMENT.c.number, Integer) == _SEGMENT.c.number
    return and_(_SEGMENT.c.number.between(number(1), number(_LAST_NUMBER)), is_whole)


def _segments() -> Select[Any]:
    return select(*_SEGMENT.c).where(_SEGMENT.c.issuer == bindparam("issuer"), _is_of_chain())


def _misplaced() -> Select[Any]:
    odd = select(cast(_SEGMENT.c.number, Text)).where(_SEGMENT.c.issuer == bindparam("issuer"), not_(_is_of_chain()))
    return bounded(odd)


def _add_segment(dialect: str) -> Any:
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    values: Any = {column.name: bindparam(column.name) for column in _SEGMENT.c}
    return make(_SEGMENT).values(values).on_conflict_do_nothing()


def _leaves(dialect: str) -> Select[Any]:
    """A segment's leaves in their order, each with its record as it is now among the columns of every kind."""
    records: Any = _LEAF
    for kind, table in TABLES.items():
        records = outerjoin(records, table, _is_leaf_of(kind))
    stored = (column for kind in TABLES for column in content(kind, dialect))
    return (
        select(_LEAF.c.kind, _LEAF.c.record_id, _LEAF.c.position, _LEAF.c.digest, _LEAF.c.removal, *stored)
        .select_from(records)
        .where(*_of_segment(_LEAF, _LEAF.c.segment))
        .order_by(_LEAF.c.position)
    )


def _is_leaf_of(kind: RecordKind) -> ColumnElement[bool]:
    """Whether a leaf is that of a record."""
    table = TABLES[kind]
    return and_(_LEAF.c.issuer == table.c.issuer, _LEAF.c.kind == _named(kind), _LEAF.c.record_id == table.c.id)


def _named(kind: RecordKind) -> ColumnElement[str]:
    return literal_column(f"'{kind.value}'", Text)


def _add_leaf(kind: RecordKind) -> Any:
    """Only while its record is there, and so that nobody removes that before the leaf can be seen."""
    table = TABLES[kind]
    values = select(
        table.c.issuer,
        _named(kind),
        table.c.id,
        bindparam("segment", type_=Integer),
        bindparam("position", type_=Integer),
        bindparam("digest", type_=_LEAF.c.digest.type),
    )
    is_own = (table.c.issuer == bindparam("issuer"), table.c.id == bindparam("record_id", type_=Text))
    names = ["issuer", "kind", "record_id", "segment", "position", "digest"]
    return insert(_LEAF).from_select(names, values.where(*is_own).with_for_update(key_share=True, read=True))


def _with_leaf(kind: RecordKind) -> Any:
    return outerjoin(TABLES[kind], _LEAF, _is_leaf_of(kind))


def _is_unsealed(kind: RecordKind) -> ColumnElement[bool]:
    return and_(TABLES[kind].c.issuer == bindparam("issuer"), _LEAF.c.record_id.is_(null()))


def _unsealed(kind: RecordKind, dialect: str) -> Select[Any]:
    table, stored_us = TABLES[kind], STORED_US[kind]
    return bounded(
        select(stored_us, table.c.id, *content(kind, dialect))
        .select_from(_with_leaf(kind))
        .where(_is_unsealed(kind), stored_us >= bindparam("since_us", type_=BigInteger))
        .order_by(stored_us, table.c.id)
    )


def _horizon() -> Any:
    return bindparam("horizon_us", type_=BigInteger)


def _late(kind: RecordKind) -> Select[Any]:
    is_late = STORED_US[kind] >= _horizon()
    return select(func.count()).select_from(_with_leaf(kind)).where(_is_unsealed(kind), is_late)


def _older(kind: RecordKind) -> Select[Any]:
    table, stored_us = TABLES[kind], STORED_US[kind]
    is_of_chain = _LEAF.c.segment.between(bindparam("first", type_=Integer), bindparam("newest", type_=Integer))
    is_outside = or_(_LEAF.c.record_id.is_(null()), not_(is_of_chain))
    is_old = and_(table.c.issuer == bindparam("issuer"), stored_us < _horizon())
    return bounded(select(table.c.id).select_from(_with_leaf(kind)).where(is_old, is_outside).order_by(stored_us))


def _removals() -> Select[Any]:
    chosen = select(_REMOVAL.c.id, _REMOVAL.c.statement, _REMOVAL.c.segment)
    return chosen.where(_REMOVAL.c.issuer == bindparam("issuer")).order_by(_REMOVAL.c.id)


def _seal_removal() -> Any:
    is_own = (_REMOVAL.c.issuer == bindparam("issuer"), _REMOVAL.c.id == bindparam("id"))
    return (
        update(_REMOVAL)
        .where(*is_own, _REMOVAL.c.segment.is_(null()))
        .values(segment=bindparam("segment", type_=Integer))
    )


def _of_segment(table: Table, number: ColumnElement[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.issuer == bindparam("issuer"), number == bindparam("segment", type_=Integer)


def _is_held_up_to() -> ColumnElement[bool]:
    return _REMOVAL.c.segment.between(number(1), bindparam("segment", type_=Integer))


def _spanning() -> Select[Any]:
    """Leaves up to a segment whose statement later leaves name as well."""
    last = bindparam("segment", type_=Integer)
    later = _LEAF.alias("later")
    is_later = (later.c.issuer == bindparam("issuer"), later.c.segment > last, later.c.removal.is_not(null()))
    return select(_LEAF.c.removal, _LEAF.c.digest).where(
        _LEAF.c.issuer == bindparam("issuer"),
        _LEAF.c.segment <= last,
        _LEAF.c.removal.in_(select(later.c.removal).where(*is_later)),
    )


def _point() -> Any:
    """The leaf of a record that is still as it was sealed, to the statement of its removal."""
    is_own = (
        _LEAF.c.issuer == bindparam("issuer"),
        _LEAF.c.kind == bindparam("kind", type_=Text),
        _LEAF.c.record_id == bindparam("record_id", type_=Text),
        _LEAF.c.digest == bindparam("digest", type_=_LEAF.c.digest.type),
        _LEAF.c.removal.is_(null()),
    )
    return update(_LEAF).where(*is_own).values(removal=bindparam("removal", type_=Text))


def _pointers() -> Select[Any]:
    """What each leaf of a segment is of, and the statement that it points to."""
    chosen = select(_LEAF.c.kind, _LEAF.c.record_id, _LEAF.c.removal)
    return chosen.where(*_of_segment(_LEAF, _LEAF.c.segment))
