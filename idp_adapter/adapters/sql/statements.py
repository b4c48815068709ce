"""Every statement, written once in SQLAlchemy Core and compiled once per dialect, at start.

The store runs the compiled text on the drivers' own cursors: SQLAlchemy's work per call would be about as long as the
statement itself. Parameters are named alike in both dialects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
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
    column,
    delete,
    distinct,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    outerjoin,
    select,
    table,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningDelete
from sqlalchemy.sql.elements import ClauseElement

from idp_adapter.adapters.sql import audit_content, population, schema
from idp_adapter.adapters.sql.clauses import bounded, number, text_of
from idp_adapter.core.audit import RecordKind
from idp_adapter.core.types.facts import LOGINS

# Bounds of one read, so that a flood of failures or of devices doesn't make decisions slow.
MOST_PROFILES: Final = 64
MOST_DEVICES: Final = 64
MOST_FAILURES: Final = 50
MOST_ATTEMPTS_OF_PREFIX: Final = 200  # of either kind: a spray shows in twenty
MOST_POSTURES: Final = 16
MOST_DEMANDS: Final = 50
MOST_DEVICE_IDS: Final = 4  # that one request shows: `device_1` and so on of `load`

# What a row of `load` is.
PROFILE, DEVICE, FAILURE, PREFIX, DATA_KEY, POSTURE, BINDING, CREDENTIAL, DEMANDS = range(9)

# Tables that hold a subject's rows, in the order in which they are erased: without its data key the rest says nothing,
# and a posture is a subject's by its devices.
TABLES: Final = (
    schema.data_key, schema.posture, schema.profile, schema.device, schema.authentication, schema.outcome,
    schema.decision,
)  # fmt: skip
_AGE: Final = {
    "data_key": schema.data_key.c.updated_at_us,
    "posture": schema.posture.c.seen_us,
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
    population: str
    settle: str
    close: str
    insert_authentication: str
    upsert_profile: str
    upsert_device: str
    forget_profile: str
    forget_device: str
    devices: str
    rename_device: str
    is_device: str
    report_posture: str
    forget_postures: str
    touch: str
    forget_learnables: str
    data_key: str
    use_data_key: str
    insert_data_key: str
    keks: str
    count_of_kek: str
    data_keys_of_kek: str
    rewrap: str
    forget_kek: str
    export: dict[str, str]
    erase: dict[str, str]
    issuers: dict[str, str]
    retain: dict[str, str]


@cache
def compiled(dialect: str) -> Statements:
    """All statements for `sqlite` or `postgresql`."""
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert

    def text(statement: ClauseElement) -> str:
        return text_of(statement, dialect)

    return Statements(
        load=text(_load()),
        record=text(_insert(insert, schema.decision).on_conflict_do_nothing()),
        decision=text(_decision()),
        insert_outcome=text(_insert_outcome(insert)),
        population=text(population.statement()),
        settle=text(_settle()),
        close=text(_close()),
        insert_authentication=text(_insert(insert, schema.authentication).on_conflict_do_nothing()),
        upsert_profile=text(_upsert(insert, schema.profile)),
        upsert_device=text(_upsert(insert, schema.device, keeps=("name",))),
        forget_profile=text(_forget(schema.profile)),
        forget_device=text(_forget(schema.device)),
        devices=text(_of_subject(schema.device)),
        rename_device=text(_rename_device()),
        is_device=text(_is_device()),
        report_posture=text(_report_posture(insert)),
        forget_postures=text(_forget_postures()),
        touch=text(_touch()),
        forget_learnables=text(_forget_learnables()),
        data_key=text(_data_key()),
        use_data_key=text(_use_data_key()),
        insert_data_key=text(_insert(insert, schema.data_key).on_conflict_do_nothing()),
        keks=_distinct("kek_id", schema.data_key),
        count_of_kek=text(select(func.count()).where(_is_of_kek())),
        data_keys_of_kek=text(_data_keys_of_kek()),
        rewrap=text(_rewrap()),
        forget_kek=text(_forget_kek()),
        export={table.name: text(_of_subject(table)) for table in TABLES},
        erase={table.name: text(_erase(table, dialect)) for table in TABLES},
        issuers={table.name: _distinct("issuer", table) for table in TABLES},
        retain={table.name: text(_older(table, dialect)) for table in TABLES},
    )


def _touch() -> ClauseElement:
    """A row of this revision written as it is: what shows that a decision could be stored now."""
    version = table("alembic_version", column("version_num"))
    same = update(version).values(version_num=version.c.version_num)
    return same.where(version.c.version_num == bindparam("revision"))


def _insert(insert: Any, table: Table) -> Any:
    return insert(table).values({column.name: bindparam(column.name) for column in table.c})


def _insert_outcome(insert: Any) -> Any:
    """An outcome, unless one of its id was stored before: of one that is gone the audit chain remembers the id."""
    table, leaf = schema.outcome, schema.audit_leaf
    columns = [bindparam(column.name, type_=column.type) for column in table.c]
    was_sealed = exists().where(
        leaf.c.issuer == bindparam("issuer", type_=Text),
        leaf.c.kind == literal_column(f"'{RecordKind.OUTCOME.value}'"),
        leaf.c.record_id == bindparam("id", type_=Text),
    )
    new = select(*columns).where(~was_sealed)
    return insert(table).from_select([column.name for column in table.c], new).on_conflict_do_nothing()


def _upsert(insert: Any, table: Table, *, keeps: Sequence[str] = ()) -> Any:
    """Insert, or change all but the key and what the row keeps."""
    statement = _insert(insert, table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in table.c.keys() if name not in (*keys, *keeps)}  # noqa: SIM118
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def _decision() -> Select[Any]:
    """A decision, then its subject's wrapped data key where there is one."""
    table, key = schema.decision, schema.data_key
    same_subject = and_(*(key.c[column.name] == table.c[column.name] for column in key.primary_key))
    return (
        select(*table.c, key.c.kek_id, key.c.wrapped)
        .select_from(outerjoin(table, key, same_subject))
        .where(table.c.issuer == bindparam("issuer"), table.c.id == bindparam("id"))
    )


def _is_subject(table: Table) -> ColumnElement[bool]:
    if table is schema.posture:
        devices = select(schema.device.c.id).where(_is_subject(schema.device))
        return and_(table.c.issuer == bindparam("issuer"), table.c.device_id.in_(devices))
    return and_(
        table.c.issuer == bindparam("issuer"),
        table.c.subject_type == bindparam("subject_type"),
        table.c.subject_id == bindparam("subject_id"),
    )


def _load() -> ClauseElement:
    """One query for all of a subject's history: a union of uniform rows, told apart by their first column."""
    return union_all(
        _data_keys(),
        _profiles(),
        _devices(),
        _failures(),
        _attempts_of_prefix(),
        _credential_change(),
        _postures(),
        _first_binding(),
        _demands(),
    )


def _uniform(
    tag: int, *, texts: Sequence[Any] = (), body: Any = None, numbers: Sequence[Any] = (), source: Any = None
) -> Select[Any]:
    """A row of `load`: tag, four texts, bytes, four numbers."""
    texts = (*texts, *[cast(null(), Text)] * (4 - len(texts)))
    numbers = (*numbers, *[cast(null(), BigInteger)] * (4 - len(numbers)))
    body = cast(null(), LargeBinary) if body is None else body
    return select(cast(literal_column(str(tag)), SmallInteger), *texts, body, *numbers).select_from(source)


def _data_keys() -> Select[Any]:
    table = schema.data_key
    return _uniform(DATA_KEY, texts=(table.c.kek_id,), body=table.c.wrapped, source=table).where(_is_subject(table))


def _profiles() -> Select[Any]:
    table = schema.profile
    kept = bounded(
        select(table.c.kind, table.c.key, table.c.body, table.c.version)
        .where(
            _is_subject(table),
            or_(table.c.kind == literal_column("'habits'"), bindparam("with_templates", type_=Integer) == number(1)),
        )
        .order_by(table.c.kind, table.c.updated_at_us.desc()),  # habits before templates
        MOST_PROFILES,
    ).subquery("kept_profile")
    version = cast(kept.c.version, BigInteger)
    return _uniform(PROFILE, texts=(kept.c.kind, kept.c.key), body=kept.c.body, numbers=(version,), source=kept)


def _devices() -> Select[Any]:
    table = schema.device
    kept = bounded(
        select(table).where(_is_subject(table)).order_by(_by_sorting(table.c.last_seen_us).desc()),
        MOST_DEVICES,
    ).subquery("kept_device")
    confirmed = case((kept.c.confirmed, number(1)), else_=number(0))
    numbers = (kept.c.first_seen_us, kept.c.last_seen_us, cast(kept.c.seen, BigInteger), cast(confirmed, BigInteger))
    texts = (kept.c.kind, kept.c.id, kept.c.user_agent, kept.c.paired_key)
    return _uniform(DEVICE, texts=texts, numbers=numbers, source=kept)


def _postures() -> Select[Any]:
    """Of the devices that the request shows, whether or not they are known to be the subject's."""
    table = schema.posture
    shown = [bindparam(f"device_{i + 1}", type_=Text) for i in range(MOST_DEVICE_IDS)]
    kept = bounded(
        select(table)
        .where(table.c.issuer == bindparam("issuer"), table.c.device_id.in_(shown))
        .order_by(_by_sorting(table.c.seen_us).desc()),
        MOST_POSTURES,
    ).subquery("kept_posture")
    numbers = (kept.c.since_us, kept.c.seen_us, kept.c.before_us)
    return _uniform(POSTURE, texts=(kept.c.device_id, kept.c.source, kept.c.status), numbers=numbers, source=kept)


def _first_binding() -> Select[Any]:
    """What the session's earliest decision with a bound token showed, of this client."""
    table = schema.decision
    kept = bounded(
        select(table.c.binding)
        .where(
            _is_subject(table),
            table.c.sid == bindparam("sid"),
            table.c.client == bindparam("client"),
            table.c.binding.is_not(null()),
        )
        .order_by(table.c.time_us),
        1,
    ).subquery("kept_binding")
    return _uniform(BINDING, texts=(kept.c.binding,), source=kept)


def _demands() -> Select[Any]:
    """How many step-ups at logins were asked for and not completed: a completed one settles its decision."""
    table = schema.decision
    kept = bounded(
        select(table.c.time_us).where(
            _is_subject(table),
            table.c.time_us >= bindparam("demands_since_us", type_=BigInteger),
            table.c.hook.in_([literal_column(f"'{hook.value}'") for hook in sorted(LOGINS)]),
            table.c.permitted.is_(false()),
            table.c.settled.is_(false()),
            cast(table.c.acr_values, Text) != literal_column("'[]'"),
        ),
        MOST_DEMANDS,
    ).subquery("kept_demand")
    return _uniform(DEMANDS, numbers=(func.count(),), source=kept)


def _recent(kind: str) -> ColumnElement[bool]:
    table = schema.authentication
    return and_(table.c.kind == literal_column(f"'{kind}'"), table.c.time_us >= bindparam("since_us"))


def _failures() -> Select[Any]:
    table = schema.authentication
    kept = bounded(
        select(table.c.time_us).where(_is_subject(table), _recent("failure")).order_by(table.c.time_us.desc()),
        MOST_FAILURES,
    ).subquery("kept_failure")
    return _uniform(FAILURE, numbers=(kept.c.time_us,), source=kept)


def _attempts_of_prefix() -> Select[Any]:
    """Of the prefix, but for the subject: failures, known subjects who failed, failures without one, those let in."""
    failed, let_in = _of_prefix("failure"), _of_prefix("success")
    subject = failed.c.subject_id
    is_named = subject != literal_column("''")
    numbers = (
        func.count(),
        func.count(distinct(case((is_named, subject)))),
        func.count(case((~is_named, subject))),
        select(func.count(distinct(let_in.c.subject_id))).scalar_subquery(),
    )
    return _uniform(PREFIX, numbers=numbers, source=failed)


def _of_prefix(kind: str) -> Any:
    """The newest attempts of other subjects from the prefix."""
    table = schema.authentication
    another = or_(
        table.c.subject_id != bindparam("subject_id"),
        table.c.subject_type != bindparam("subject_type"),
    )
    return bounded(
        select(table.c.subject_id)
        .where(table.c.issuer == bindparam("issuer"), table.c.prefix == bindparam("prefix"), _recent(kind), another)
        .order_by(table.c.time_us.desc()),
        MOST_ATTEMPTS_OF_PREFIX,
    ).subquery(f"of_prefix_{kind}")


def _credential_change() -> Select[Any]:
    """When a credential of the subject last changed."""
    table = schema.authentication
    kept = bounded(
        select(table.c.time_us)
        .where(_is_subject(table), table.c.kind == literal_column("'credential'"))
        .order_by(table.c.time_us.desc()),
        1,
    ).subquery("kept_change")
    return _uniform(CREDENTIAL, numbers=(kept.c.time_us,), source=kept)


def _by_sorting(column: ColumnElement[int]) -> ColumnElement[int]:
    """A column to order by, hidden from SQLite, which would walk through the whole realm by an index in that order."""
    return column + number(0)


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


def _rename_device() -> ClauseElement:
    table = schema.device
    key = (column == bindparam(f"of_{column.name}") for column in table.primary_key)
    return update(table).where(*key).values(name=bindparam("name"))


def _is_device() -> Select[Any]:
    """Whether an id is a device's, of anybody in the realm."""
    table = schema.device
    known = table.c.issuer == bindparam("issuer"), table.c.id == bindparam("device_id")
    return bounded(select(number(1)).where(*known), 1)


def _report_posture(insert: Any) -> Any:
    """A report that is newer than what is stored. Where it changes the status, the change before is kept too."""
    table = schema.posture
    statement = _insert(insert, table)
    new = statement.excluded
    is_same = table.c.status == new.status
    changes = {
        "status": new.status,
        "since_us": case((is_same, table.c.since_us), else_=new.since_us),
        "before_us": case((is_same, table.c.before_us), else_=table.c.since_us),
        "seen_us": new.seen_us,
    }
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=table.c.seen_us < new.seen_us)


def _forget_postures() -> Delete:
    table = schema.posture
    return delete(table).where(table.c.issuer == bindparam("issuer"), table.c.device_id == bindparam("device_id"))


def _forget(table: Table) -> Delete:
    """One row, by its whole key."""
    return delete(table).where(*(column == bindparam(column.name) for column in table.primary_key))


def _of_subject(table: Table) -> Select[Any]:
    return select(table).where(_is_subject(table)).order_by(*table.primary_key)


def _erase(table: Table, dialect: str) -> ReturningDelete[Any] | Delete:
    """One batch; of records it gives back the ids and what was sealed of them."""
    of_subject = select(*table.primary_key).where(_is_subject(table))
    return _told(delete(table).where(_among(table, of_subject)), table, dialect)


def _older(table: Table, dialect: str) -> ReturningDelete[Any] | Delete:
    age = _AGE[table.name]
    old = select(*table.primary_key).where(table.c.issuer == bindparam("issuer"), age < bindparam("before_us"))
    return _told(delete(table).where(_among(table, old.order_by(age))), table, dialect)


def _told(statement: Delete, table: Table, dialect: str) -> ReturningDelete[Any] | Delete:
    for kind, records in audit_content.TABLES.items():
        if table is records:
            return statement.returning(table.c.id, *audit_content.content(kind, dialect))
    return statement


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
    return tuple_(*table.primary_key).in_(bounded(keys))


def _data_key() -> Select[Any]:
    table = schema.data_key
    return select(table.c.kek_id, table.c.wrapped).where(_is_subject(table))


def _use_data_key() -> ClauseElement:
    """Read a subject's data key for a write, hold it against erasure until the commit, and note that it is in use."""
    table = schema.data_key
    at_us = bindparam("at_us", type_=BigInteger)
    latest = case((table.c.updated_at_us < at_us, at_us), else_=table.c.updated_at_us)
    return (
        update(table).where(_is_subject(table)).values(updated_at_us=latest).returning(table.c.kek_id, table.c.wrapped)
    )


def _is_of_kek() -> ColumnElement[bool]:
    return schema.data_key.c.kek_id == bindparam("kek_id")


def _data_keys_of_kek() -> Select[Any]:
    """One batch of those that a key-encryption key wrapped, after a given subject."""
    table = schema.data_key
    keys = list(table.primary_key)
    after = tuple_(*(bindparam(key.name, type_=Text) for key in keys))
    return bounded(select(*keys, table.c.wrapped).where(_is_of_kek(), tuple_(*keys) > after).order_by(*keys))


def _rewrap() -> ClauseElement:
    """Change the wrapping of a data key, unless somebody else did meanwhile."""
    table = schema.data_key
    unchanged = table.c.wrapped == bindparam("old_wrapped")
    return (
        update(table)
        .where(_is_subject(table), unchanged)
        .values(kek_id=bindparam("kek_id"), wrapped=bindparam("wrapped"))
    )


def _forget_kek() -> Delete:
    table = schema.data_key
    return delete(table).where(_among(table, select(*table.primary_key).where(_is_of_kek())))


def _distinct(column: str, table: Table) -> str:
    """Distinct values of a column by skipping along an index that it leads: a step per value, not per row."""
    least = f"SELECT min({column}) FROM {table.name}"  # noqa: S608 - names of ours
    return (
        f"WITH RECURSIVE step(value) AS ({least} UNION ALL "  # noqa: S608 - the same
        f"SELECT ({least} WHERE {column} > step.value) FROM step WHERE step.value IS NOT NULL) "
        "SELECT value FROM step WHERE value IS NOT NULL"
    )
