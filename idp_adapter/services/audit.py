"""Audit: seal what was decided, and verify what was sealed. Beside the hot path; several processes may seal at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from idp_adapter.core import audit
from idp_adapter.core.audit import Fault, Finding, Removal, Segment
from idp_adapter.services.audit_ports import AuditLog, Checkpoint, CheckpointShelf, Notary

LATE_US: Final = 60_000_000  # a decision's row may come so long after its time: clocks and slow commits differ
MOST_IN_SEGMENT: Final = 64
MOST_IN_RUN: Final = 800  # segments; the next run goes on
MOST_TOLD: Final = 100  # findings that a verdict lists; it counts all


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals a realm's decisions. Of two processes that seal at once one wins, and the other finds nothing left."""

    log: AuditLog
    notary: Notary

    def seal(self, issuer: str, *, now: datetime) -> Iterator[Segment]:
        """Seal what was decided and is not sealed yet, and statements of removal; each new segment as it is made.

        Whoever iterates sets the pace: a segment is the work that decisions may have to wait for.
        """
        since_us: int | None = None
        for _ in range(MOST_IN_RUN):
            segment = self._next(issuer, now, since_us)
            if segment is None:
                return
            yield segment
            since_us = segment.time_us  # what came late was looked for once
            if segment.count < MOST_IN_SEGMENT:
                return

    def _next(self, issuer: str, now: datetime, since_us: int | None) -> Segment | None:
        last, now_us = self.log.last(issuer), self.log.time_us(now)
        if since_us is None and last is not None:
            since_us = min(last.time_us, now_us) - LATE_US  # nobody ends the chain by a segment of the far future
        unsealed = self.log.unsealed(issuer, since_us=since_us, most=MOST_IN_SEGMENT)
        pending = [item for item in self.log.pending(issuer) if self.notary.removal(issuer, item.statement)]
        is_signed_now = last is not None and self.notary.is_current(last.checkpoint)
        if not unsealed and not pending and (last is None or is_signed_now):
            return None
        is_full = len(unsealed) == MOST_IN_SEGMENT
        time_us = unsealed[-1].time_us if is_full else now_us
        digests, statements = [item.digest for item in unsealed], [item.statement for item in pending]
        segment = audit.linked(last, issuer, time_us, digests, statements)
        segment = replace(segment, checkpoint=self.notary.certify(segment, now=now))
        if self.log.append(segment, [item.decision_id for item in unsealed], digests, [item.id for item in pending]):
            return segment
        return None  # another process was first, or a decision was removed meanwhile: the next run looks again


@dataclass(frozen=True, slots=True)
class Watch:
    """Compares a realm's chain with the checkpoint that this host kept, and keeps the newest."""

    log: AuditLog
    shelf: CheckpointShelf

    def is_continued(self, issuer: str) -> bool:
        """Whether the chain still holds what was kept. If not, what was kept stays, as the proof of it."""
        known, last = self.shelf.kept(issuer), self.log.last(issuer)
        if known is not None and not _holds(self.log.segment(issuer, known.number), known):
            return False
        if last is not None and (known is None or last.number > known.number):
            self.shelf.keep(last)
        return True


def _holds(segment: Segment | None, known: Checkpoint) -> bool:
    return segment is not None and (segment.number, segment.head) == (known.number, known.head)


@dataclass(slots=True)
class Verdict:
    """What a verification found."""

    segments: int = 0
    sealed: int = 0
    removed_lawfully: int = 0
    unsealed: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    head: str = ""

    def note(self, *findings: Finding) -> None:
        """Take in what was found."""
        for finding in findings:
            self.faults[finding.fault] += 1
            if len(self.findings) < MOST_TOLD:
                self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies a realm's chain against what is stored."""

    log: AuditLog
    notary: Notary

    def verify(self, issuer: str, *, known: Collection[Checkpoint] = ()) -> Verdict:
        """Go through the whole chain, as it was when this began: the service may go on.

        `known` are checkpoints kept elsewhere, which the chain must still hold.
        """
        verdict = Verdict()
        last = self.log.last(issuer)
        stated = {item.id: item for item in self.log.removals(issuer)}
        sealed: dict[int, list[str]] = {}
        for item in stated.values():
            if item.segment is not None:
                sealed.setdefault(item.segment, []).append(item.statement)
        removed: dict[str, list[bytes]] = {}
        previous: Segment | None = None
        missing = set(known)
        for segment in self._segments(issuer, last):
            leaves = self.log.leaves(issuer, segment.number)
            verdict.note(*audit.check_segment(segment, previous, leaves, sealed.get(segment.number, ())))
            for leaf in leaves:
                if leaf.removal is not None:
                    removed.setdefault(leaf.removal, []).append(leaf.digest)
            gone = sum(1 for leaf in leaves if leaf.found is None and leaf.removal is not None)
            verdict.segments, verdict.sealed = verdict.segments + 1, verdict.sealed + len(leaves)
            verdict.removed_lawfully += gone
            missing = {item for item in missing if not _holds(segment, item)}
            previous = segment
        newest = 0 if last is None else last.number
        meanwhile = {item.id for item in self.log.removals(issuer)} - stated.keys()  # the next verification's
        removed = {id_: digests for id_, digests in removed.items() if id_ not in meanwhile}
        said = {id_: self._said(issuer, item, newest) for id_, item in stated.items()}
        verdict.note(*audit.check_removals(removed, said))
        verdict.note(*(Finding(Fault.LINK, number) for number in self.log.misplaced(issuer, most=MOST_TOLD)))
        verdict.note(*self._checkpoints(last, missing))
        self._strays(issuer, last, verdict)
        verdict.head = last.head.hex() if last else ""
        return verdict

    def _segments(self, issuer: str, last: Segment | None) -> Iterator[Segment]:
        after = 0
        while last is not None and (batch := self.log.segments(issuer, after=after)):
            yield from (segment for segment in batch if segment.number <= last.number)
            after = batch[-1].number

    def _said(self, issuer: str, removal: Removal, newest: int) -> tuple[str, int] | None:
        """What a statement says. One that a segment sealed was verified then; its key may be gone since."""
        is_sealed = removal.segment is not None and 1 <= removal.segment <= newest
        return self.notary.removal(issuer, removal.statement, is_sealed=is_sealed)

    def _checkpoints(self, last: Segment | None, missing: Collection[Checkpoint]) -> Iterator[Finding]:
        if last is not None:
            said = self.notary.checkpoint(last.issuer, last.checkpoint)
            if said is None or not _holds(last, said):
                yield Finding(Fault.CHECKPOINT, str(last.number))
        for number in sorted(item.number for item in missing):
            yield Finding(Fault.TRUNCATED, str(number))

    def _strays(self, issuer: str, last: Segment | None, verdict: Verdict) -> None:
        """Decisions that no segment holds: not yet sealed, or put in behind the chain's back."""
        before_us = None if last is None else last.time_us - LATE_US
        newest = 0 if last is None else last.number
        verdict.unsealed, added = self.log.strays(issuer, before_us=before_us, newest=newest, most=MOST_TOLD)
        verdict.note(*(Finding(Fault.ADDED, id_) for id_ in added))
