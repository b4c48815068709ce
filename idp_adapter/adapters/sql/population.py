"""The population of a realm from its newest outcomes: one bounded statement, run beside the requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ClauseElement

from idp_adapter.adapters.sql import schema
from idp_adapter.adapters.sql.clauses import bounded, number
from idp_adapter.adapters.sql.codec import Row
from idp_adapter.core.population import LEVELS, Attempts, Population
from idp_adapter.core.types import OutcomeType

MOST_SAMPLED: Final = 5000  # outcomes
MOST_COMMON: Final = 64  # values of a level; a share that matters is over a tenth, which ten values can have
MOST_NETWORKS: Final = 256
_SUBJECTS, _ATTEMPTS = "subjects", "attempts"


def statement() -> ClauseElement:
    """Rows of kind, value and three numbers. Takes `issuer`, and `since_us` for attempts."""
    table = schema.outcome
    sample = bounded(
        select(table).where(table.c.issuer == bindparam("issuer")).order_by(table.c.time_us.desc()),
        MOST_SAMPLED,
    ).cte("sample")
    has_subject = sample.c.subject_id != literal_column("''")
    of_user = and_(has_subject, sample.c.subject_type == literal_column("'user'"))
    let_in = and_(of_user, _is(sample, OutcomeType.LOGIN_SUCCEEDED, OutcomeType.STEP_UP_SUCCEEDED))
    failed = _is(sample, OutcomeType.LOGIN_FAILED, OutcomeType.STEP_UP_FAILED)
    subject = sample.c.subject_id
    parts = [_row(_SUBJECTS, literal_column("''"), func.count(distinct(subject))).select_from(sample).where(let_in)]
    for level in LEVELS:
        value = cast(sample.c[level], Text)
        counted = _row(level, value, func.count(distinct(subject))).where(let_in, value.is_not(None)).group_by(value)
        parts.append(_most(counted, MOST_COMMON, level))
    attempts = _row(
        _ATTEMPTS,
        cast(sample.c.asn, Text),
        func.count(distinct(case((and_(failed, has_subject), subject)))),
        func.count(case((and_(failed, ~has_subject), sample.c.id))),
        func.count(distinct(case((let_in, subject)))),
    )
    recent = and_(sample.c.asn.is_not(None), sample.c.time_us >= bindparam("since_us", type_=BigInteger))
    parts.append(_most(attempts.where(recent).group_by(sample.c.asn), MOST_NETWORKS, _ATTEMPTS))
    return union_all(*parts)


def population(rows: Iterable[Row]) -> Population:
    """The rows of `statement` as a value."""
    subjects = 0
    counts: dict[str, dict[str, int]] = {level: {} for level in LEVELS}
    attempts: dict[int, Attempts] = {}
    for kind, value, first, second, third in rows:
        if kind == _SUBJECTS:
            subjects = first
        elif kind == _ATTEMPTS:
            attempts[int(value)] = Attempts(failed=first, nameless=second, succeeded=third)
        else:
            counts[kind][value] = first
    return Population(subjects, counts, attempts)


def _row(kind: str, value: Any, *numbers: Any) -> Select[Any]:
    numbers = (*numbers, *[number(0)] * (3 - len(numbers)))
    labelled = [cast(each, BigInteger).label(f"n{i}") for i, each in enumerate(numbers)]
    return select(cast(literal_column(f"'{kind}'"), Text).label("kind"), cast(value, Text).label("value"), *labelled)


def _most(counted: Select[Any], most: int, name: str) -> Select[Any]:
    """The rows with the highest first number."""
    return select(bounded(counted.order_by(literal_column("n0").desc()), most).subquery(f"of_{name}"))


def _is(sample: Any, *types: OutcomeType) -> ColumnElement[bool]:
    return sample.c.type.in_([literal_column(f"'{type_.value}'") for type_ in types])  # type: ignore[no-any-return]
