"""Verifies a realm's audit chain against what is stored. Reads only; the service may go on beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from idp_adapter.core import audit
from idp_adapter.core.audit import START, Checkpoint, Fault, Finding, Leaf, Removal, Segment
from idp_adapter.services.audit import LATE_US, holds
from idp_adapter.services.audit_ports import AuditLog, Notary

MOST_TOLD: Final = 100  # findings that a verdict lists; it counts all


@dataclass(slots=True)
class Verdict:
    """What a verification found.

    `base` is up to where the chain was pruned, `spent` up to where all records were removed lawfully.
    """

    segments: int = 0
    sealed: int = 0
    removed_lawfully: int = 0
    unsealed: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    head: str = ""
    base: Checkpoint = START
    spent: Checkpoint = START

    def note(self, *findings: Finding) -> None:
        """Take in what was found."""
        for finding in findings:
            self.faults[finding.fault] += 1
            if len(self.findings) < MOST_TOLD:
                self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies a realm's chain."""

    log: AuditLog
    notary: Notary

    def verify(self, issuer: str, *, known: Collection[Checkpoint] = ()) -> Verdict:
        """Go through the whole chain, as it was when this began: the service may go on.

        `known` are checkpoints kept elsewhere, which the chain must still hold.
        """
        last = self.log.last(issuer)
        newest = 0 if last is None else last.number
        stated = {item.id: item for item in self.log.removals(issuer)}
        prunings = self._prunings(issuer, stated, newest)
        base = max(prunings.values(), key=lambda place: place.number, default=START)
        verdict = Verdict(base=base, spent=base)
        removed: dict[str, list[bytes]] = {}
        for removal, digest in self.log.spanning(issuer, number=base.number) if base != START else ():
            removed.setdefault(removal, []).append(digest)
        held = _by_segment(stated.values())
        previous: Segment | Checkpoint = base
        missing = {item for item in known if item != base}
        for segment in self._segments(issuer, base.number, newest):
            leaves = self.log.leaves(issuer, segment.number)
            verdict.note(*audit.check_segment(segment, previous, leaves, held.get(segment.number, ())))
            for leaf in leaves:
                if leaf.removal is not None:
                    removed.setdefault(leaf.removal, []).append(leaf.digest)
            _count(verdict, segment, leaves, stated, newest)
            missing = {item for item in missing if not holds(segment, item)}
            previous = segment
        if newest <= base.number and base != START:
            verdict.note(Finding(Fault.LINK, str(base.number + 1)))
        meanwhile = {item.id for item in self.log.removals(issuer)} - stated.keys()  # the next verification's
        removed = {id_: digests for id_, digests in removed.items() if id_ not in meanwhile}
        others = {id_: item for id_, item in stated.items() if id_ not in prunings}
        verdict.note(*audit.check_removals(removed, self._said(issuer, others, removed, (base.number, newest))))
        verdict.note(*(Finding(Fault.LINK, number) for number in self.log.misplaced(issuer, most=MOST_TOLD)))
        verdict.note(*self._checkpoints(last, missing))
        self._strays(issuer, last, verdict)
        verdict.head = last.head.hex() if last else ""
        return verdict

    def _segments(self, issuer: str, after: int, newest: int) -> Iterator[Segment]:
        while batch := self.log.segments(issuer, after=after):
            yield from (segment for segment in batch if segment.number <= newest)
            after = batch[-1].number

    def _prunings(self, issuer: str, stated: Mapping[str, Removal], newest: int) -> dict[str, Checkpoint]:
        """Up to where statements say that the chain was pruned. No segment vouches for one that it fell to itself."""
        places: dict[str, Checkpoint] = {}
        for id_, item in stated.items():
            place = self.notary.pruned(issuer, item.statement, is_sealed=True)
            if place is not None and not _is_held(item, (place.number, newest)):
                place = self.notary.pruned(issuer, item.statement)
            if place is not None:
                places[id_] = place
        return places

    def _said(
        self, issuer: str, stated: Mapping[str, Removal], named: Collection[str], kept: tuple[int, int]
    ) -> dict[str, tuple[str, int] | None]:
        """What statements of removal say, but for those that no leaf names any more since theirs were pruned."""
        said: dict[str, tuple[str, int] | None] = {}
        base = kept[0]
        for id_, item in stated.items():
            told = self.notary.removal(issuer, item.statement, is_sealed=_is_held(item, kept))
            is_spent = base > 0 and (told is not None or _is_held(item, (0, base)))
            if id_ in named or not is_spent:
                said[id_] = told
        return said

    def _checkpoints(self, last: Segment | None, missing: Collection[Checkpoint]) -> Iterator[Finding]:
        if last is not None:
            said = self.notary.checkpoint(last.issuer, last.checkpoint)
            if said is None or not holds(last, said):
                yield Finding(Fault.CHECKPOINT, str(last.number))
        for number in sorted(item.number for item in missing):
            yield Finding(Fault.TRUNCATED, str(number))

    def _strays(self, issuer: str, last: Segment | None, verdict: Verdict) -> None:
        """Records that no segment holds: not yet sealed, or put in behind the chain's back."""
        before_us = None if last is None else last.time_us - LATE_US
        numbers = verdict.base.number + 1, 0 if last is None else last.number
        verdict.unsealed, added = self.log.strays(issuer, before_us=before_us, numbers=numbers, most=MOST_TOLD)
        verdict.note(*(Finding(Fault.ADDED, str(id_)) for id_ in added))


def _by_segment(stated: Collection[Removal]) -> dict[int, list[str]]:
    held: dict[int, list[str]] = {}
    for item in stated:
        if item.segment is not None:
            held.setdefault(item.segment, []).append(item.statement)
    return held


def _count(verdict: Verdict, segment: Segment, leaves: Collection[Leaf], stated: Collection[str], newest: int) -> None:
    gone = [leaf for leaf in leaves if leaf.found is None and leaf.removal is not None]
    verdict.segments, verdict.sealed = verdict.segments + 1, verdict.sealed + len(leaves)
    verdict.removed_lawfully += len(gone)
    is_spent = len(gone) == len(leaves) and all(leaf.removal in stated for leaf in gone)
    if is_spent and verdict.spent.number == segment.number - 1 and segment.number < newest:
        verdict.spent = Checkpoint(segment.number, segment.head)


def _is_held(item: Removal, numbers: tuple[int, int]) -> bool:
    """Whether a segment after the first number, up to the second, holds a statement.

    It was verified then; its key may be gone since.
    """
    after, newest = numbers
    return item.segment is not None and after < item.segment <= newest
