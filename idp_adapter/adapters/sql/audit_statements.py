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
from idp_adapter.adapters.sql.audit_content import content
from idp_adapter.adapters.sql.clauses import bounded, number, text_of

_LAST_NUMBER: Final = 2**31 - 1
_SEGMENT: Final = schema.audit_segment
_LEAF: Final = schema.audit_leaf
_REMOVAL: Final = schema.audit_removal
_DECISION: Final = schema.decision


@dataclass(frozen=True, slots=True)
class AuditStatements:
    """Compiled text. `late` and `older` are decisions without a leaf, from a time on and before it."""

    last: str
    segment: str
    segments: str
    misplaced: str
    add_segment: str
    leaves: str
    add_leaf: str
    unsealed: str
    late: str
    older: str
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
        add_leaf=text(_add_leaf()),
        unsealed=text(_unsealed(dialect)),
        late=text(_late()),
        older=text(_older()),
        removals=text(_removals()),
        pending=text(bounded(_removals().where(_REMOVAL.c.segment.is_(null())))),
        add_removal=text(insert(_REMOVAL).values({column.name: bindparam(column.name) for column in _REMOVAL.c})),
        seal_removal=text(_seal_removal()),
        point=text(_point()),
        spanning=text(_spanning()),
        pointers=text(select(_LEAF.c.decision_id, _LEAF.c.removal).where(*_of_segment(_LEAF, _LEAF.c.segment))),
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
    """A segment's leaves in their order, each with its decision as it is now."""
    is_own = and_(_DECISION.c.issuer == _LEAF.c.issuer, _DECISION.c.id == _LEAF.c.decision_id)
    return (
        select(_LEAF.c.decision_id, _LEAF.c.position, _LEAF.c.digest, _LEAF.c.removal, *content(dialect))
        .select_from(outerjoin(_LEAF, _DECISION, is_own))
        .where(_LEAF.c.issuer == bindparam("issuer"), _LEAF.c.segment == bindparam("segment", type_=Integer))
        .order_by(_LEAF.c.position)
    )


def _add_leaf() -> Any:
    """Only while its decision is there, and so that nobody removes that before the leaf can be seen."""
    values = select(
        _DECISION.c.issuer,
        _DECISION.c.id,
        bindparam("segment", type_=Integer),
        bindparam("position", type_=Integer),
        bindparam("digest", type_=_LEAF.c.digest.type),
    )
    is_own = (_DECISION.c.issuer == bindparam("issuer"), _DECISION.c.id == bindparam("decision_id", type_=Text))
    names = ["issuer", "decision_id", "segment", "position", "digest"]
    return insert(_LEAF).from_select(names, values.where(*is_own).with_for_update(key_share=True, read=True))


def _with_leaf() -> Any:
    is_own = and_(_LEAF.c.issuer == _DECISION.c.issuer, _LEAF.c.decision_id == _DECISION.c.id)
    return outerjoin(_DECISION, _LEAF, is_own)


def _is_unsealed() -> ColumnElement[bool]:
    return and_(_DECISION.c.issuer == bindparam("issuer"), _LEAF.c.decision_id.is_(null()))


def _unsealed(dialect: str) -> Select[Any]:
    return bounded(
        select(_DECISION.c.time_us, _DECISION.c.id, *content(dialect))
        .select_from(_with_leaf())
        .where(_is_unsealed(), _DECISION.c.time_us >= bindparam("since_us", type_=BigInteger))
        .order_by(_DECISION.c.time_us, _DECISION.c.id)
    )


def _horizon() -> Any:
    return bindparam("horizon_us", type_=BigInteger)


def _late() -> Select[Any]:
    is_late = _DECISION.c.time_us >= _horizon()
    return select(func.count()).select_from(_with_leaf()).where(_is_unsealed(), is_late)


def _older() -> Select[Any]:
    is_of_chain = _LEAF.c.segment.between(bindparam("first", type_=Integer), bindparam("newest", type_=Integer))
    is_outside = or_(_LEAF.c.decision_id.is_(null()), not_(is_of_chain))
    is_old = and_(_DECISION.c.issuer == bindparam("issuer"), _DECISION.c.time_us < _horizon())
    found = select(_DECISION.c.id).select_from(_with_leaf()).where(is_old, is_outside)
    return bounded(found.order_by(_DECISION.c.time_us))


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
    """The leaf of a decision that is still as it was sealed, to the statement of its removal."""
    is_own = (
        _LEAF.c.issuer == bindparam("issuer"),
        _LEAF.c.decision_id == bindparam("decision_id", type_=Text),
        _LEAF.c.digest == bindparam("digest", type_=_LEAF.c.digest.type),
        _LEAF.c.removal.is_(null()),
    )
    return update(_LEAF).where(*is_own).values(removal=bindparam("removal", type_=Text))
