"""What the audit chain needs of the world: its rows, a notary, and a place for checkpoints away from the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp_adapter.core.audit import Checkpoint, Leaf, RecordId, Removal, Segment


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A stored record that no segment of the audit chain holds yet. `time_us` is when it was stored."""

    record_id: RecordId
    time_us: int
    digest: bytes


class AuditLog(Protocol):
    """The stored audit chain of each realm."""

    def time_us(self, time: datetime) -> int:
        """A time as it is stored, in microseconds."""
        ...

    def last(self, issuer: str) -> Segment | None:
        """The newest segment."""
        ...

    def segment(self, issuer: str, number: int) -> Segment | None:
        """One segment."""
        ...

    def unsealed(self, issuer: str, *, since_us: int | None, most: int) -> Sequence[Unsealed]:
        """Records that no segment holds, of all kinds together the oldest first."""
        ...

    def pending(self, issuer: str) -> Sequence[Removal]:
        """Statements of removal that no segment holds; bounded."""
        ...

    def append(self, segment: Segment, records: Sequence[Unsealed], removal_ids: Sequence[str]) -> bool:
        """Add a segment with its leaves, atomically. False where its number is taken or a record is gone."""
        ...

    def segments(self, issuer: str, *, after: int) -> Sequence[Segment]:
        """The next segments by number, bounded; empty at the end."""
        ...

    def misplaced(self, issuer: str, *, most: int) -> Sequence[str]:
        """Numbers of segments that no chain can have: below 1, or none at all."""
        ...

    def leaves(self, issuer: str, number: int) -> Sequence[Leaf]:
        """A segment's leaves in their order, each with the digest of what is stored now."""
        ...

    def removals(self, issuer: str) -> Sequence[Removal]:
        """Every statement of removal."""
        ...

    def strays(
        self, issuer: str, *, before_us: int | None, numbers: tuple[int, int], most: int
    ) -> tuple[int, Sequence[RecordId]]:
        """How many records from a time on have no leaf, and ids of older ones without one in segments of `numbers`.

        Where the time is None, none is older.
        """
        ...

    def spanning(self, issuer: str, *, number: int) -> Sequence[tuple[str, bytes]]:
        """Statement and digest of each leaf up to a segment whose statement later leaves name as well."""
        ...

    def anchor(self, issuer: str, removal_id: str, at: datetime, statement: str) -> None:
        """Store a statement that a chain was pruned, for the next segment to hold."""
        ...

    def prune(self, issuer: str, number: int, *, keep: Collection[str]) -> int:
        """Delete a segment's leaves but for those that name statements to keep, with the last also itself. How many."""
        ...

    def prune_statements(self, issuer: str, *, number: int) -> None:
        """Delete the statements that segments up to a number held."""
        ...


class Attest(Protocol):
    """States, signed, that records were removed lawfully."""

    def new_id(self) -> str:
        """An id for a statement."""
        ...

    def state(self, issuer: str, removal_id: str, reason: str, root: str, count: int) -> tuple[datetime, str]:
        """A statement over the root of the removed records' digests; its time and its text."""
        ...


class Notary(Protocol):
    """Signs checkpoints and statements of removal, and reads them back."""

    def certify(self, segment: Segment, *, now: datetime) -> str:
        """A signed checkpoint of a segment."""
        ...

    def is_current(self, checkpoint: str) -> bool:
        """Whether a checkpoint was signed by the key that signs now."""
        ...

    def checkpoint(self, issuer: str, text: str) -> Checkpoint | None:
        """What a checkpoint of this realm says; None where no known key signed it."""
        ...

    def removal(self, issuer: str, text: str, *, is_sealed: bool = False) -> tuple[str, int] | None:
        """Root (hexadecimal) and count of a statement of this realm; None where no known key signed it.

        One that is sealed is read without its signature.
        """
        ...

    def prune(self, issuer: str, removal_id: str, spent: Checkpoint) -> tuple[datetime, str]:
        """A statement that a chain was pruned up to a place; its time and its text."""
        ...

    def pruned(self, issuer: str, text: str, *, is_sealed: bool = False) -> Checkpoint | None:
        """Up to where a chain of this realm was pruned, as `removal` reads statements; None where the text is none."""
        ...


class CheckpointShelf(Protocol):
    """Where a host keeps the newest checkpoint of each realm, out of reach of those who write to the database."""

    def kept(self, issuer: str) -> Checkpoint | None:
        """What is kept of a realm."""
        ...

    def keep(self, segment: Segment) -> None:
        """Keep a segment's checkpoint in place of the one before."""
        ...
