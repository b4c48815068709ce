"""The audit chain: segments of sealed records, each linked to the one before, and what is wrong with them.

A record is a decision, or an outcome that Keycloak reported. A segment holds the Merkle root (RFC 6962 section 2.1)
of its records' digests and that of the signed statements of lawful removal, and the head of the segment before. Whoever
changes, adds or takes away a sealed record, a leaf or a link changes the head that the next segment, and the signed
checkpoint, name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

NO_HEAD: Final = bytes(32)  # before the first segment
_LEAF, _NODE = b"\x00", b"\x01"


class RecordKind(StrEnum):
    """What is sealed."""

    DECISION = "decision"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class RecordId:
    """Which record of a realm: ids of decisions and of outcomes are two spaces.

    `kind` is a `RecordKind`, or whatever somebody wrote in its place.
    """

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One link. `time_us` is up to when records were looked for; `checkpoint` a compact JWS over `head`."""

    issuer: str
    number: int
    time_us: int
    count: int
    root: bytes
    removals: bytes
    head: bytes
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a chain: a segment's number and its head."""

    number: int
    head: bytes


START: Final = Checkpoint(0, NO_HEAD)  # of a chain of which nothing was pruned


@dataclass(frozen=True, slots=True)
class Leaf:
    """A sealed record. `found` is the digest of what is stored now, None where nothing is."""

    record_id: RecordId
    position: int
    digest: bytes
    removal: str | None = None
    found: bytes | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A statement that records were removed; `segment` sealed it, None while none has."""

    id: str
    statement: str
    segment: int | None = None


class Fault(StrEnum):
    """What can be wrong."""

    REMOVED = "removed"  # a sealed record is gone without a statement
    ALTERED = "altered"  # a sealed record is not what was sealed
    ADDED = "added"  # a record of before the last checkpoint that no segment holds
    SEGMENT = "segment"  # a segment's leaves or statements are not those that it sealed
    LINK = "link"  # a segment is missing or does not follow the one before
    CHECKPOINT = "checkpoint"  # not signed by a known key, or not of this segment
    STATEMENT = "statement"  # a removal that is not signed, or names other records
    TRUNCATED = "truncated"  # the chain does not hold a checkpoint known from elsewhere


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault and where it is: a record's kind and id, a segment's number, a statement's id."""

    fault: Fault
    where: str


def leaf_digest(content: bytes) -> bytes:
    """The digest of one record, of its canonical bytes."""
    return hashlib.sha256(_LEAF + content).digest()


def merkle_root(digests: Sequence[bytes]) -> bytes:
    """The root of a list of digests, in their order."""
    if not digests:
        return hashlib.sha256(b"").digest()
    level = list(digests)
    while len(level) > 1:
        pairs = [hashlib.sha256(_NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def statements_root(statements: Iterable[str]) -> bytes:
    """The root of statements of removal, whatever their order."""
    return merkle_root(sorted(leaf_digest(text.encode()) for text in statements))


def linked(
    previous: Segment | Checkpoint, issuer: str, time_us: int, digests: Sequence[bytes], statements: Sequence[str]
) -> Segment:
    """The segment that follows, without its checkpoint."""
    root, removals = merkle_root(digests), statements_root(statements)
    segment = Segment(issuer, previous.number + 1, time_us, len(digests), root, removals, b"")
    return _with_head(segment, previous.head)


def check_segment(
    segment: Segment, previous: Segment | Checkpoint, leaves: Sequence[Leaf], statements: Sequence[str]
) -> list[Finding]:
    """What is wrong with one segment, its place in the chain, and its records."""
    where = str(segment.number)
    found: list[Finding] = []
    if segment.number != previous.number + 1:
        found.append(Finding(Fault.LINK, where))
    if _with_head(segment, previous.head).head != segment.head:
        found.append(Finding(Fault.LINK, where))
    positions = [leaf.position for leaf in leaves]
    is_whole = positions == list(range(segment.count)) and merkle_root([leaf.digest for leaf in leaves]) == segment.root
    if not is_whole or statements_root(statements) != segment.removals:
        found.append(Finding(Fault.SEGMENT, where))
    for leaf in leaves:
        if leaf.found is None and leaf.removal is None:
            found.append(Finding(Fault.REMOVED, str(leaf.record_id)))
        elif leaf.found is not None and leaf.found != leaf.digest:
            found.append(Finding(Fault.ALTERED, str(leaf.record_id)))
    return found


def check_removals(removed: Mapping[str, Sequence[bytes]], said: Mapping[str, tuple[str, int] | None]) -> list[Finding]:
    """Statements against the leaves that name them.

    `said` has what each signed statement says, the root in hexadecimal digits and the count, or None where its
    signature does not hold.
    """
    found = []
    for removal, digests in sorted(removed.items()):
        told = said.get(removal)
        if told is None or told != (merkle_root(sorted(digests)).hex(), len(digests)):
            found.append(Finding(Fault.STATEMENT, removal))
    found += [
        Finding(Fault.STATEMENT, removal)
        for removal, told in sorted(said.items())
        if removal not in removed and (told is None or told[1] > 0)
    ]
    return found


def _with_head(segment: Segment, previous_head: bytes) -> Segment:
    issuer = segment.issuer.encode()
    content = b"".join(
        (
            len(issuer).to_bytes(4, "big"), issuer, segment.number.to_bytes(8, "big", signed=True),
            segment.time_us.to_bytes(8, "big", signed=True), segment.count.to_bytes(4, "big", signed=True),
            segment.root, segment.removals, previous_head,
        )
    )  # fmt: skip
    return replace(segment, head=hashlib.sha256(content).digest())
