"""Every statement, written once in SQLAlchemy Core and compiled once per dialect, at start.

The store runs the compiled text on the drivers' own cursors: SQLAlchemy's work per call would be about as long as the
statement itself. Parameters are named alike in both dialects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    distinct,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import Compiled
from sqlalchemy.sql.elements import ClauseElement

from idp_adapter.adapters.sql import schema

# Bounds of one read, so that a flood of failures or of devices doesn't make decisions slow.
MOST_PROFILES: Final = 64
MOST_DEVICES: Final = 64
MOST_FAILURES: Final = 50
MOST_FAILURES_OF_PREFIX: Final = 1000

# What a row of `load` is.
PROFILE, DEVICE, FAILURE, PREFIX = 0, 1, 2, 3

# Tables that hold a subject's rows, in the order in which they are erased.
TABLES: Final = (schema.profile, schema.device, schema.authentication, schema.outcome, schema.decision)
_AGE: Final = {
    "profile": schema.profile.c.updated_at_us,
    "device": schema.device.c.last_seen_us,
    "authentication": schema.authentication.c.time_us,
    "outcome": schema.outcome.c.time_us,
    "decision": schema.decision.c.time_us,
}


@dataclass(frozen=True, slots=True)
class Statements:
    """Compiled text. Those by table take a table's name."""

    load: str
    record: str
    decision: str
    insert_outcome: str
    settle: str
    close: str
    insert_authentication: str
    upsert_profile: str
    upsert_device: str
    forget_profile: str
    forget_device: str
    revision: str
    forget_learnables: str
    export: dict[str, str]
    erase: dict[str, str]
    issuers: dict[str, str]
    retain: dict[str, str]


def compiled(dialect: str) -> Statements:
    """All statements for `sqlite` or `postgresql`."""
    postgres: Any = PGDialect_psycopg
    target: Dialect = postgres() if dialect == "postgresql" else sqlite.dialect(paramstyle="named")
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert

    def text(statement: ClauseElement) -> str:
        # `render_postcompile` writes limits and the like into the text, which is then complete.
        result: Compiled = statement.compile(dialect=target, compile_kwargs={"render_postcompile": True})
        return str(result)

    return Statements(
        load=text(_load()),
        record=text(_insert(insert, schema.decision).on_conflict_do_nothing()),
        decision=text(_by_id(schema.decision, *schema.decision.c)),
        insert_outcome=text(_insert(insert, schema.outcome).on_conflict_do_nothing()),
        settle=text(_settle()),
        close=text(_close()),
        insert_authentication=text(_insert(insert, schema.authentication).on_conflict_do_nothing()),
        upsert_profile=text(_upsert(insert, schema.profile)),
        upsert_device=text(_upsert(insert, schema.device)),
        forget_profile=text(_forget(schema.profile)),
        forget_device=text(_forget(schema.device)),
        revision="SELECT version_num FROM alembic_version",
        forget_learnables=text(_forget_learnables()),
        export={table.name: text(_of_subject(table)) for table in TABLES},
        erase={table.name: text(_erase(table)) for table in TABLES},
        issuers={table.name: _issuers(table) for table in TABLES},
        retain={table.name: text(_older(table)) for table in TABLES},
    )


def _insert(insert: Any, table: Table) -> Any:
    return insert(table).values({column.name: bindparam(column.name) for column in table.c})


def _upsert(insert: Any, table: Table) -> Any:
    statement = _insert(insert, table)
    keys = [column.name for column in table.primary_key]
    changes = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def _by_id(table: Table, *columns: Any) -> Select[Any]:
    return select(*columns).where(table.c.issuer == bindparam("issuer"), table.c.id == bindparam("id"))


def _is_subject(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.issuer == bindparam("issuer"),
        table.c.subject_type == bindparam("subject_type"),
        table.c.subject_id == bindparam("subject_id"),
    )


def _load() -> ClauseElement:
    """One query for all of a subject's history: a union of uniform rows, told apart by their first column."""
    return union_all(_profiles(), _devices(), _failures(), _failures_of_prefix())


def _uniform(
    tag: int, *, texts: Sequence[Any] = (), body: Any = None, numbers: Sequence[Any] = (), source: Any = None
) -> Select[Any]:
    """A row of `load`: tag, three texts, bytes, four numbers."""
    texts = (*texts, *[cast(null(), Text)] * (3 - len(texts)))
    numbers = (*numbers, *[cast(null(), BigInteger)] * (4 - len(numbers)))
    body = cast(null(), LargeBinary) if body is None else body
    return select(cast(literal_column(str(tag)), SmallInteger), *texts, body, *numbers).select_from(source)


def _profiles() -> Select[Any]:
    table = schema.profile
    kept = (
        select(table.c.kind, table.c.key, table.c.body)
        .where(_is_subject(table))
        .order_by(table.c.kind, table.c.updated_at_us.desc())  # habits before templates
        .limit(_number(MOST_PROFILES))
        .offset(_number(0))
        .subquery("kept_profile")
    )
    return _uniform(PROFILE, texts=(kept.c.kind, kept.c.key), body=kept.c.body, source=kept)


def _devices() -> Select[Any]:
    table = schema.device
    kept = (
        select(table)
        .where(_is_subject(table))
        .order_by(table.c.last_seen_us.desc())
        .limit(_number(MOST_DEVICES))
        .offset(_number(0))
        .subquery("kept_device")
    )
    confirmed = case((kept.c.confirmed, _number(1)), else_=_number(0))
    numbers = (kept.c.first_seen_us, kept.c.last_seen_us, cast(kept.c.seen, BigInteger), cast(confirmed, BigInteger))
    return _uniform(DEVICE, texts=(kept.c.kind, kept.c.id, kept.c.user_agent), numbers=numbers, source=kept)


def _failed() -> ColumnElement[bool]:
    table = schema.authentication
    return and_(table.c.kind == literal_column("'failure'"), table.c.time_us >= bindparam("since_us"))


def _failures() -> Select[Any]:
    table = schema.authentication
    kept = (
        select(table.c.time_us)
        .where(_is_subject(table), _failed())
        .order_by(table.c.time_us.desc())
        .limit(_number(MOST_FAILURES))
        .offset(_number(0))
        .subquery("kept_failure")
    )
    return _uniform(FAILURE, numbers=(kept.c.time_us,), source=kept)


def _failures_of_prefix() -> Select[Any]:
    """Failures and failing subjects of the prefix, other than the subject itself."""
    table = schema.authentication
    another = or_(
        table.c.subject_id != bindparam("subject_id"),
        table.c.subject_type != bindparam("subject_type"),
    )
    kept = (
        select(table.c.subject_id)
        .where(table.c.issuer == bindparam("issuer"), table.c.prefix == bindparam("prefix"), _failed(), another)
        .order_by(table.c.time_us.desc())
        .limit(_number(MOST_FAILURES_OF_PREFIX))
        .offset(_number(0))
        .subquery("kept_other")
    )
    return _uniform(PREFIX, numbers=(func.count(), func.count(distinct(kept.c.subject_id))), source=kept)


def _number(value: int) -> ColumnElement[int]:
    """A constant of ours, written into the text (an offset too: SQLite's compiler else adds a parameter for it)."""
    return literal_column(str(value))


def _settle() -> ClauseElement:
    """Each decision teaches once: of two outcomes that would settle one, the second changes no row."""
    table = schema.decision
    return (
        update(table)
        .where(
            table.c.issuer == bindparam("issuer"),
            table.c.id == bindparam("id"),
            table.c.settled.is_(false()),
        )
        .values(settled=true(), learnable=null())
    )


def _close() -> ClauseElement:
    """What a subject's decisions from a time on could still teach is gone."""
    table = schema.decision
    unsettled = and_(table.c.time_us >= bindparam("since_us"), table.c.settled.is_(false()))
    return update(table).where(_is_subject(table), unsettled).values(settled=true(), learnable=null())


def _forget(table: Table) -> Delete:
    """One row, by its whole key."""
    return delete(table).where(*(column == bindparam(column.name) for column in table.primary_key))


def _of_subject(table: Table) -> Select[Any]:
    return select(table).where(_is_subject(table)).order_by(*table.primary_key)


def _erase(table: Table) -> Delete:
    return delete(table).where(_among(table, select(*table.primary_key).where(_is_subject(table))))


def _older(table: Table) -> Delete:
    age = _AGE[table.name]
    old = select(*table.primary_key).where(table.c.issuer == bindparam("issuer"), age < bindparam("before_us"))
    return delete(table).where(_among(table, old.order_by(age)))


def _forget_learnables() -> ClauseElement:
    table = schema.decision
    old = select(*table.primary_key).where(
        table.c.issuer == bindparam("issuer"),
        table.c.learnable.is_not(null()),
        table.c.time_us < bindparam("before_us"),
    )
    return update(table).where(_among(table, old.order_by(table.c.time_us))).values(learnable=null())


def _among(table: Table, keys: Select[Any]) -> ColumnElement[bool]:
    """Rows of one bounded batch, by primary key."""
    return tuple_(*table.primary_key).in_(keys.limit(bindparam("most", type_=Integer)).offset(_number(0)))


def _issuers(table: Table) -> str:
    """Distinct issuers by skipping along an index: a step per issuer, not per row."""
    name = table.name
    return (
        f"WITH RECURSIVE step(issuer) AS (SELECT min(issuer) FROM {name} UNION ALL "  # noqa: S608 - our own table names
        f"SELECT (SELECT min(issuer) FROM {name} WHERE issuer > step.issuer) FROM step WHERE step.issuer IS NOT NULL) "
        "SELECT issuer FROM step WHERE issuer IS NOT NULL"
    )
