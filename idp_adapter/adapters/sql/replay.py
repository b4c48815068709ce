"""Stored decisions of a realm, grouped by what a policy can tell apart: one statement per slice of time.

The database does the counting, so that what leaves it is some hundred groups per slice, on SQLite
and on PostgreSQL alike. Reads only, slice after slice by the index of time: a service beside is not held up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
)

from idp_adapter.adapters.sql import codec, facts, schema
from idp_adapter.adapters.sql.clauses import number, text_of
from idp_adapter.adapters.sql.database import Database, Parameters
from idp_adapter.adapters.sql.history import DAMAGED
from idp_adapter.core.fusion import FLOOR, add_up, logit
from idp_adapter.core.replay import Group, Look, age_of, bands_of, probability_of
from idp_adapter.core.types import Place
from idp_adapter.core.types.facts import NONE, Facts, Names
from idp_adapter.services.ports import Slice

MOST_IN_SLICE: Final = 25_000
QUARTER_US: Final = 15 * 60 * 1_000_000  # time zones begin their hours at quarters
_FACTS: Final = ("hook", "client", "subject_type", "subject_id", "country", "auth_band", "session_band", "document")
_PRIOR_APART: Final = 1e-9  # nats by which two priors are surely two


@dataclass(frozen=True, slots=True)
class Replays:
    """`ports.Replays` on either database."""

    database: Database
    dialect: str

    def count(self, issuer: str, *, since: datetime, until: datetime) -> int:
        """How many decisions a realm stored in a span of time."""
        table = schema.decision
        statement = select(func.count()).select_from(table).where(_is_within(table))
        return int(self._read(statement, _span(issuer, codec.to_us(since), codec.to_us(until)))[0][0])

    def slices(self, issuer: str, look: Look, *, since: datetime, until: datetime) -> Iterator[Slice]:
        """The decisions of a span of time, the oldest slice first."""
        grouped = text_of(_grouped(look), self.dialect)
        first_us, end_us = codec.to_us(since), codec.to_us(until)
        while first_us < end_us:
            next_us = self._boundary(issuer, first_us, end_us)
            parameters = {**_span(issuer, first_us, next_us), **_edges(look)}
            rows = self.database.read(grouped, parameters)
            yield _slice(rows, look, issuer)
            first_us = next_us

    def _boundary(self, issuer: str, first_us: int, end_us: int) -> int:
        """The end of a slice: past every decision of its last microsecond, so that none is cut in two."""
        table = schema.decision
        statement = (
            select(table.c.time_us)
            .where(_is_within(table))
            .order_by(table.c.time_us)
            .limit(number(1))
            .offset(number(MOST_IN_SLICE - 1))
        )
        found = self._read(statement, _span(issuer, first_us, end_us))
        return min(int(found[0][0]) + 1, end_us) if found else end_us

    def _read(self, statement: Select[Any], parameters: Parameters) -> list[Any]:
        return self.database.read(text_of(statement, self.dialect), parameters)


def _span(issuer: str, first_us: int, end_us: int) -> dict[str, codec.Bound]:
    return {"issuer": issuer, "first_us": first_us, "end_us": end_us}


def _is_within(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.issuer == bindparam("issuer"),
        table.c.time_us >= bindparam("first_us", type_=BigInteger),
        table.c.time_us < bindparam("end_us", type_=BigInteger),
    )


def _grouped(look: Look) -> Select[Any]:
    """Every column but the count tells groups apart; what the policy does not look at is the same for all."""
    table = schema.decision
    nothing = cast(null(), Text)
    calm = case((table.c.without_behaviour < table.c.probability, table.c.without_behaviour), else_=table.c.probability)
    on_slope = and_(table.c.probability >= bindparam("slope_low"), table.c.probability < bindparam("slope_top"))
    columns: list[Any] = [
        table.c.hook,
        table.c.client,
        table.c.subject_type,
        case((table.c.subject_id.in_(_subjects(len(look.subjects))), table.c.subject_id), else_=literal_column("''")),
        table.c.country if look.by_country else nothing,
        _band(table.c.auth_age_s, "auth", len(look.auth_ages_s), strictly=True),
        _band(table.c.session_age_s, "session", len(look.session_ages_s), strictly=True),
        cast(table.c.facts, Text),
        _band(table.c.probability, "p", len(look.probabilities)),
        _band(calm, "p", len(look.probabilities)),
        case((on_slope, table.c.probability), else_=null()),
        table.c.permitted,
        cast(table.c.acr_values, Text),
        cast(table.c.obligations, Text),
        _quarter(table) if look.by_time else cast(null(), BigInteger),
        *(
            (table.c[name] if look.by_place else cast(null(), Double))
            for name in ("latitude", "longitude", "radius_km")
        ),
        case((_asks_evidence(table, look), cast(table.c.evidence, Text)), else_=null()),
    ]
    if look.rescales:  # each is read by its own evidence: no two are alike
        return select(number(1), *columns).where(_is_within(table))
    named = [column.label(f"c{i}") for i, column in enumerate(columns)]
    inner = select(*named).where(_is_within(table)).subquery("looked_at")
    return select(func.count(), *inner.c).group_by(*inner.c)


def _asks_evidence(table: Table, look: Look) -> ColumnElement[bool]:
    """Whether a decision has to be judged by its evidence."""
    if look.rescales:
        return table.c.id.is_not(null())
    nats = table.c.prior_nats
    another_prior = or_(nats < bindparam("prior_low"), nats > bindparam("prior_high"))
    mentions = [cast(table.c.evidence, Text).like(bindparam(f"code_{i}")) for i, _ in enumerate(sorted(look.codes))]
    return or_(another_prior, *mentions, false())


def _band(value: Any, name: str, edges: int, *, strictly: bool = False) -> ColumnElement[Any]:
    """How many edges a value reached, or passed; null for null."""
    bounds: list[Any] = [bindparam(f"{name}_{i}") for i in range(edges)]
    reached = [value > bound if strictly else value >= bound for bound in bounds]
    steps: list[Any] = [(condition, number(i + 1)) for i, condition in reversed(list(enumerate(reached)))]
    return case((value.is_(null()), null()), *steps, else_=number(0))


def _quarter(table: Table) -> ColumnElement[Any]:
    whole: ColumnElement[Any] = table.c.time_us.op("/", return_type=BigInteger())(number(QUARTER_US))
    return whole


def _subjects(count: int) -> list[Any]:
    return [bindparam(f"subject_{i}", type_=Text) for i in range(count)] or [literal_column("''")]


def _edges(look: Look) -> dict[str, codec.Bound]:
    values: dict[str, codec.Bound] = {"slope_low": look.slope[0], "slope_top": look.slope[1]}
    values |= {f"p_{i}": edge for i, edge in enumerate(look.probabilities)}
    values |= {f"auth_{i}": edge for i, edge in enumerate(look.auth_ages_s)}
    values |= {f"session_{i}": edge for i, edge in enumerate(look.session_ages_s)}
    values |= {f"subject_{i}": name for i, name in enumerate(sorted(look.subjects))}
    if not look.rescales:
        prior_nats = logit(look.prior)
        values |= {"prior_low": prior_nats - _PRIOR_APART, "prior_high": prior_nats + _PRIOR_APART}
        values |= {f"code_{i}": f'%"{code}"%' for i, code in enumerate(sorted(look.codes))}
    return values


class _Key(NamedTuple):
    """What tells decisions apart, after their evidence was read."""

    facts: tuple[Any, ...]
    p_band: int
    calm_band: int
    probability: float | None
    permitted: bool
    acr_values: str
    obligations: str
    quarter: int | None
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    codes: Names = NONE
    calm_codes: Names = NONE
    evidence: str | None = None


def _slice(rows: Sequence[Any], look: Look, issuer: str) -> Slice:
    counted: Counter[_Key] = Counter()
    without_facts = unreadable = 0
    for count, *values in rows:
        of_facts, (*rest, evidence) = tuple(values[: len(_FACTS)]), values[len(_FACTS) :]
        if of_facts[-1] is None:
            without_facts += count
            continue
        key = _Key(of_facts, *rest)
        try:
            counted[key if evidence is None else _read(key, evidence, look)] += count
        except DAMAGED:
            unreadable += count
    known: dict[tuple[Any, ...], Facts] = {}
    groups = []
    for key, count in counted.items():
        try:
            if key.facts not in known:
                known[key.facts] = _facts(issuer, key.facts, look)
            groups.append(_group(key, count, known[key.facts], look))
        except DAMAGED:
            unreadable += count
    return Slice(sum(row[0] for row in rows), without_facts, unreadable, tuple(groups))


def _read(key: _Key, evidence: str, look: Look) -> _Key:
    """A decision told apart by what its evidence says to the policy; by all of it where the scale depends on facts."""
    if look.scale is None:
        return key._replace(evidence=evidence)
    spoken = [item for item in codec.contributions_in(evidence) if item["source"] != FLOOR]
    heard = [item for item in spoken if not item["abstains"]]
    calm = [item["nats"] for item in spoken if not item["behavioural"]]
    sums = add_up([item["nats"] for item in spoken], calm, len(heard), look.scale)
    p_band, calm_band, probability = bands_of(look, sums.probability, sums.without_behaviour)
    key = key._replace(p_band=p_band, calm_band=calm_band, probability=probability)
    if not look.codes:
        return key
    told = [(reason["code"], item["behavioural"]) for item in heard for reason in item["reasons"]]
    codes = look.codes.intersection(code for code, _ in told)
    return key._replace(codes=codes, calm_codes=codes.intersection(code for code, by in told if not by))


def _group(key: _Key, count: int, of: Facts, look: Look) -> Group:
    probability = key.probability if key.probability is not None else probability_of(key.p_band, look.probabilities)
    place = Place(latitude=key.latitude, longitude=key.longitude, radius_km=key.radius_km)
    return Group(
        count=count,
        facts=of,
        time=codec.from_us((key.quarter or 0) * QUARTER_US),
        place=place,
        probability=probability,
        without_behaviour=min(probability, probability_of(key.calm_band, look.probabilities)),
        permitted=bool(key.permitted),
        acr_values=tuple(codec.loads(key.acr_values)),
        obligations=codec.obligations_from(key.obligations),
        codes=key.codes,
        calm_codes=key.calm_codes,
        contributions=None if key.evidence is None else codec.evidence_from(key.evidence)[0],
    )


def _facts(issuer: str, values: Sequence[Any], look: Look) -> Facts:
    columns = dict(zip(_FACTS, values, strict=True))
    return facts.from_document(
        {
            **columns,
            "issuer": issuer,
            "facts": columns["document"],
            "auth_age_s": age_of(columns["auth_band"], look.auth_ages_s),
            "session_age_s": age_of(columns["session_band"], look.session_ages_s),
        }
    )
