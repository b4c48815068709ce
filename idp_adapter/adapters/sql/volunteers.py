"""Templates of those who agreed that they count in a background, subject after subject, without their names.

Whether somebody agreed is read of their newest decision, which judged it by the policy of its day; a body of anybody
else is not read. Batches of some hundred rows, in the order of the primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, bindparam, cast, func, literal_column, select, tuple_

from idp_adapter.adapters.sql import codec, facts, rows, schema
from idp_adapter.adapters.sql.clauses import bounded, text_of
from idp_adapter.adapters.sql.codec import Row
from idp_adapter.adapters.sql.data_keys import DataKeys
from idp_adapter.adapters.sql.database import Database, Parameters
from idp_adapter.adapters.sql.history import DAMAGED
from idp_adapter.core.types import SubjectId
from idp_adapter.errors import ProfileDamaged

MOST_IN_BATCH: Final = 200
_TYPE: Final = "user"


@dataclass(frozen=True, slots=True)
class Volunteers:
    """`ports.Volunteers` on either database."""

    database: Database
    dialect: str
    data_keys: DataKeys
    on_damaged: Callable[[ProfileDamaged], None]

    def count(self, issuer: str, source: str) -> int:
        """How many agreed, who have templates of a source; a few more where names look alike."""
        return int(self.database.read(_count(self.dialect), _of(issuer, source))[0][0])

    def templates(self, issuer: str, source: str) -> Iterator[dict[str, bytes]]:
        """The templates of a source by their keys, of one subject after the other. What can't be read is left out."""
        for subject_id, own in groupby(self._rows(issuer, source), key=lambda row: str(row[0])):
            found = dict(self._opened(issuer, subject_id, source, list(own)))
            if found:
                yield found

    def _rows(self, issuer: str, source: str) -> Iterator[Row]:
        last: Parameters = {"subject_id": "", "key": "", "most": MOST_IN_BATCH}
        while found := self.database.read(_batch(self.dialect), {**_of(issuer, source), **last}):
            yield from found
            last = {**last, "subject_id": found[-1][0], "key": found[-1][1]}

    def _opened(self, issuer: str, subject_id: str, source: str, own: list[Row]) -> Iterator[tuple[str, bytes]]:
        of = rows.of_subject(issuer, SubjectId(_TYPE, subject_id))
        try:
            if not facts.is_volunteer(own[0][6]):
                return
            data_key = self.data_keys.unwrap(of, own[0][4], own[0][5])
            for _, key, version, body, *_ in own:
                if key.startswith(f"{source}/"):
                    yield key, rows.profile_body("template", key, version, body, data_key)
        except ProfileDamaged as error:
            self.on_damaged(error)
        except DAMAGED:
            self.on_damaged(ProfileDamaged("a stored row is damaged"))


def _of(issuer: str, source: str) -> dict[str, codec.Bound]:
    return {"issuer": issuer, "like_source": f"{source}/%", "like_fact": '%"is_volunteer"%'}


@cache
def _count(dialect: str) -> str:
    return text_of(select(func.count(schema.profile.c.subject_id.distinct())).where(_agreed()), dialect)


@cache
def _batch(dialect: str) -> str:
    """The next rows after a subject and key, each with its subject's wrapped data key and newest facts."""
    table, key = schema.profile, schema.data_key
    same = and_(*(key.c[name] == table.c[name] for name in ("issuer", "subject_type", "subject_id")))
    place = tuple_(table.c.subject_id, table.c.key)
    after = tuple_(bindparam("subject_id", type_=Text), bindparam("key", type_=Text))
    columns = (table.c.subject_id, table.c.key, table.c.version, table.c.body, key.c.kek_id, key.c.wrapped)
    statement = (
        select(*columns, cast(_newest_facts(), Text))
        .select_from(table.join(key, same))
        .where(_agreed(), place > after)
        .order_by(table.c.subject_id, table.c.key)
    )
    return text_of(bounded(statement), dialect)


def _agreed() -> ColumnElement[bool]:
    """Templates of a source, of users whose newest decision mentions that they agreed."""
    table = schema.profile
    return and_(
        table.c.issuer == bindparam("issuer", type_=Text),
        table.c.subject_type == literal_column(f"'{_TYPE}'"),
        table.c.kind == literal_column("'template'"),
        table.c.key.like(bindparam("like_source", type_=Text)),
        cast(_newest_facts(), Text).like(bindparam("like_fact", type_=Text)),
    )


def _newest_facts() -> Any:
    table, decision = schema.profile, schema.decision
    names = ("issuer", "subject_type", "subject_id")
    return bounded(
        select(decision.c.facts)
        .where(*(decision.c[name] == table.c[name] for name in names))
        .order_by(decision.c.time_us.desc()),
        1,
    ).scalar_subquery()
