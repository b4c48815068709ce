"""Outcome JSON -> core types: one bad report loses itself only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from idp_adapter.adapters.http.reader import Reader
from idp_adapter.core.types import Json, Origin, Outcome, OutcomeType, SubjectId
from idp_adapter.errors import RequestInvalid

MAX_OUTCOMES: Final = 100
_TYPES: Final = frozenset(OutcomeType)


@dataclass(frozen=True, slots=True)
class Report:
    """One item of a batch: its id where it has one, and the outcome or why there is none."""

    index: int
    id: str | None
    outcome: Outcome | RequestInvalid


def read_reports(body: Reader, *, issuer: str, origin_of: Callable[[str, str], Origin]) -> list[Report]:
    """The items of a batch. `origin_of(issuer, ip)` makes an address storable; the raw one goes no further."""
    items = body.items("outcomes", most=MAX_OUTCOMES)
    return [_report(index, item, issuer, origin_of) for index, item in enumerate(items)]


def summary(accepted: list[str], duplicate: list[str], rejected: list[tuple[Report, str]]) -> dict[str, Json]:
    """The answer to a batch."""
    return {
        "accepted": list(accepted),
        "duplicate": list(duplicate),
        "rejected": [{"index": report.index, "id": report.id, "reason": reason} for report, reason in rejected],
    }


def _report(index: int, item: Json, issuer: str, origin_of: Callable[[str, str], Origin]) -> Report:
    path = f"outcomes[{index}]"
    if not isinstance(item, dict):
        return Report(index, None, RequestInvalid(f"`{path}` must be a JSON object"))
    reader = Reader(item, path)
    known_id: str | None = None
    try:
        known_id = reader.identifier("id", longest=128)
        return Report(index, known_id, _outcome(reader, known_id, issuer, origin_of))
    except RequestInvalid as error:
        return Report(index, known_id, error)


def _outcome(reader: Reader, id_: str, issuer: str, origin_of: Callable[[str, str], Origin]) -> Outcome:
    type_ = reader.identifier("type", longest=64)
    if type_ not in _TYPES:
        raise RequestInvalid(f"`{reader.at('type')}` must be one of {', '.join(OutcomeType)}")
    time = reader.time("time")
    if time is None:
        raise RequestInvalid(f"`{reader.at('time')}` is missing", hint="Add it, as an RFC 3339 time.")
    subject = _subject(reader)
    if subject is None and type_ == OutcomeType.TAKEOVER_REPORTED:
        raise RequestInvalid(f"`{reader.at('subject')}` is missing", hint="Say whose account was taken over.")
    ip = reader.object("network").text("ip", longest=64)
    return Outcome(
        id=id_,
        issuer=issuer,
        type=OutcomeType(type_),
        time=time,
        decision_id=reader.text("decision_id", longest=128),
        subject=subject,
        client=reader.object("resource").identifier("id") if reader.has("resource") else None,
        acr=reader.text("acr", longest=256),
        methods=reader.texts("methods", longest=64),
        origin=origin_of(issuer, ip) if ip else Origin(),
        error=reader.text("error", longest=256),
        telemetry=reader.raw("telemetry"),
        telemetry_challenge=reader.text("telemetry_challenge", longest=512),
    )


def _subject(reader: Reader) -> SubjectId | None:
    if not reader.has("subject"):
        return None
    subject = reader.object("subject")
    return SubjectId(subject.identifier("type", longest=64), subject.identifier("id"))
