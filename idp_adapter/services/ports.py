"""What the services need of the world, as protocols. Each has one conformance suite, run on every implementation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from idp_adapter.core.population import Population
from idp_adapter.core.replay import Group, Look
from idp_adapter.core.types import (
    DecisionRecord,
    Device,
    Habits,
    History,
    Json,
    Origin,
    Outcome,
    OutcomeType,
    Place,
    Posture,
    PostureAssertion,
    Request,
    SubjectId,
)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which history one decision needs. `since` bounds the failures that are counted.

    `device_ids` are those that the request shows, at most four, whose posture is wanted; `sid` and `client` name the
    session whose first binding is. `demands_since` bounds the unmet step-ups that are counted, None counts none.
    A request that shows no behaviour needs no templates.
    """

    issuer: str
    subject: SubjectId
    prefix: str | None
    since: datetime
    device_ids: tuple[str, ...] = ()
    sid: str | None = None
    client: str | None = None
    demands_since: datetime | None = None
    with_templates: bool = True


@dataclass(frozen=True, slots=True)
class Lesson:
    """All that one outcome writes, in one transaction with the outcome's id. None or empty leaves things as they are.

    `templates` maps a profile key to new bytes, or to None where it is forgotten; `devices` are upserted whole,
    `forgotten` ones deleted; `failure` adds one failed login from `outcome.origin`; `settles` clears the decision's
    learnable part. Each decision teaches once: where the decision to settle was settled or erased meanwhile, the
    outcome is stored and the rest of the lesson is not. `closes_since`: the subject's decisions made from then on are
    settled, so that an outcome of theirs that is still to come teaches nothing.
    """

    outcome: Outcome
    habits: Habits | None = None
    devices: tuple[Device, ...] = ()
    templates: Mapping[str, bytes | None] = field(default_factory=dict)
    forgotten: tuple[Device, ...] = ()
    failure: bool = False
    settles: bool = False
    closes_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of row lives. The job deletes in bounded batches."""

    decisions: timedelta
    outcomes: timedelta
    failures: timedelta
    profiles_unused: timedelta
    learnables: timedelta


@dataclass(frozen=True, slots=True)
class Slice:
    """Some stored decisions, grouped. Of the `count` some were stored before facts were, and some are damaged."""

    count: int
    without_facts: int
    unreadable: int
    groups: tuple[Group, ...]


class Replays(Protocol):
    """Stored decisions to judge again."""

    def count(self, issuer: str, *, since: datetime, until: datetime) -> int:
        """How many decisions a realm stored in a span of time."""
        ...

    def slices(self, issuer: str, look: Look, *, since: datetime, until: datetime) -> Iterator[Slice]:
        """The decisions of a span of time, the oldest slice first, each grouped by what a policy looks at."""
        ...


class Store(Protocol):
    """Durable rows, each under its issuer. `load` and `record` are the hot path: one round trip each.

    Every method raises `errors.Unavailable("database", ...)` when the database does not answer in its time budget.
    """

    def load(self, query: HistoryQuery) -> History:
        """Read all that a decision needs of its subject, in one round trip. An unknown subject is `History()`."""
        ...

    def record(self, record: DecisionRecord) -> None:
        """Write one decision; durable when it returns. One with an id already stored is left as it is."""
        ...

    def decision(self, issuer: str, decision_id: str) -> DecisionRecord | None:
        """Find a decision of this issuer. Raises `ProfileDamaged` when its row can't be read."""
        ...

    def population(self, issuer: str, *, since: datetime) -> Population:
        """Where a realm's newest outcomes came from, and how attempts went since a time. Bounded; not the hot path."""
        ...

    def teach(self, lesson: Lesson) -> bool:
        """Store an outcome and what it taught, atomically. False when its id was stored before."""
        ...

    def export(self, issuer: str, subject: SubjectId) -> Mapping[str, Json]:
        """Everything stored of a subject, as JSON-ready values (templates as base64)."""
        ...

    def erase(self, issuer: str, subject: SubjectId) -> int:
        """Delete every row of a subject; returns how many."""
        ...

    def retain(self, retention: Retention, *, now: datetime) -> Mapping[str, int]:
        """Delete what is older than its retention, in bounded batches; returns rows deleted by table."""
        ...

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the database takes a write now and its schema is current."""
        ...

    def close(self) -> None:
        """Finish pending writes and let go of connections."""
        ...


class Reported(Enum):
    """What became of a report of posture."""

    STORED = auto()
    OLDER = auto()  # than what is stored
    UNKNOWN = auto()  # no device of that id is anybody's in the realm


class Devices(Protocol):
    """Devices as people see them, and reports of their posture. Not the hot path."""

    def devices(self, issuer: str, subject: SubjectId) -> tuple[Device, ...]:
        """A subject's devices, with their names, the newest seen first."""
        ...

    def postures(self, issuer: str, subject: SubjectId) -> tuple[Posture, ...]:
        """What is reported of a subject's devices."""
        ...

    def rename(self, issuer: str, subject: SubjectId, device: tuple[str, str], name: str | None) -> bool:
        """Give a device (its kind and id) a name, or none. False where the subject has no such device."""
        ...

    def remove(self, issuer: str, subject: SubjectId, device: tuple[str, str]) -> bool:
        """Forget a device, and its posture where nobody else has it. False where the subject has no such device."""
        ...

    def report(self, issuer: str, posture: Posture) -> Reported:
        """Store what is newer than what is stored of a device that somebody of the realm has.

        `since` counts where the status changes; what the change before was is kept.
        """
        ...


class Volunteers(Protocol):
    """Templates of users whose newest decision says that they agreed to count in a background. Not the hot path."""

    def count(self, issuer: str, source: str) -> int:
        """About how many users of a realm agreed and have templates of a source."""
        ...

    def templates(self, issuer: str, source: str) -> Iterator[Mapping[str, bytes]]:
        """Their templates of a source by profile key, one user after the other, in bounded memory; nobody is named."""
        ...


class Geolocator(Protocol):
    """Places of addresses, from files."""

    def locate(self, ip: str) -> Place:
        """The place of an address, `Place()` where nothing is known. Never raises."""
        ...

    def problems(self) -> Sequence[str]:
        """One sentence per missing or unreadable file, for readiness."""
        ...


class NetworkFeeds(Protocol):
    """What lists say of networks, from files."""

    def tags(self, ip: str, asn: int | None) -> tuple[str, ...]:
        """The tags of the lists that name the address or its AS, `core.evidence.network_feeds.TAGS`. Never raises."""
        ...

    def problems(self) -> Sequence[str]:
        """One sentence per missing, damaged or refused file, for readiness."""
        ...


class Pseudonymiser(Protocol):
    """Keyed per-realm pseudonyms; nothing raw is stored."""

    def origin(self, issuer: str, ip: str, place: Place) -> Origin:
        """Pseudonyms of the address (of IPv6 its /64) and of its /24 or /48 prefix, with its place."""
        ...

    def cookie(self, issuer: str, cookie_id: str) -> str:
        """The pseudonym of a device cookie."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedTelemetry:
    """A collector's string, opened: its JSON object and the thumbprint of the key that signed it, if one did."""

    payload: Mapping[str, Json]
    key_id: str | None


class TelemetryOpener(Protocol):
    """Opens what the collector sent: plain JSON, or a compact JWS that carries its own public key."""

    def open(self, text: str) -> OpenedTelemetry:
        """Parse and, where signed, verify. Raises `errors.TelemetryRejected` with a named reason."""
        ...


class AssertionVerifier(Protocol):
    """Verifies what a trusted issuer signed of a device's posture."""

    def verify(self, text: str, request: Request, proved: Collection[str], *, now: datetime) -> PostureAssertion:
        """The statement, if it is about one of the devices that the request proved (their thumbprints).

        Raises `errors.PostureRejected` with a named reason. Never waits.
        """
        ...


class Observer(Protocol):
    """Counts what happens, for operators. Never carries personal data."""

    def decided(self, *, hook: str, level: str, answer: str, abstained: Sequence[str]) -> None:
        """One decision was made; `answer` is `permit`, `step_up` or `refuse`."""
        ...

    def break_glass_used(self, *, hook: str) -> None:
        """A break-glass account was answered."""
        ...

    def shadowed(self, difference: str) -> None:
        """A candidate policy decided beside the live one; how it differed, `failed` where it could not."""
        ...

    def telemetry_rejected(self, reason: str) -> None:
        """Telemetry could not be used, by name."""
        ...

    def posture_rejected(self, reason: str) -> None:
        """A posture assertion could not be used, by name."""
        ...

    def source_failed(self, source: str) -> None:
        """An evidence source raised; it was made to abstain."""
        ...

    def dependency_unavailable(self, dependency: str) -> None:
        """A dependency did not answer."""
        ...

    def outcome(self, type_: OutcomeType, *, learnt: bool, duplicate: bool) -> None:
        """One outcome came in."""
        ...

    def rolled_back(self, *, restored: int, erased: int, devices: int) -> None:
        """A takeover was undone: so many templates restored or erased, so many devices forgotten."""
        ...
