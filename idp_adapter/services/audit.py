"""Audit: seal what was decided and reported, and watch what was sealed.

Beside the hot path; several processes may seal at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from idp_adapter.core import audit
from idp_adapter.core.audit import START, Checkpoint, Segment
from idp_adapter.services.audit_ports import AuditLog, CheckpointShelf, Notary

LATE_US: Final = 60_000_000  # a record's row may come so long after its time: clocks and slow commits differ
MOST_IN_SEGMENT: Final = 64
MOST_IN_RUN: Final = 800  # segments; the next run goes on


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals a realm's records. Of two processes that seal at once one wins, and the other finds nothing left."""

    log: AuditLog
    notary: Notary

    def seal(self, issuer: str, *, now: datetime) -> Iterator[Segment]:
        """Seal what was stored and is not sealed yet, and statements of removal; each new segment as it is made.

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
        pending = [item for item in self.log.pending(issuer) if self._is_ours(issuer, item.statement)]
        is_signed_now = last is not None and self.notary.is_current(last.checkpoint)
        if not unsealed and not pending and (last is None or is_signed_now):
            return None
        is_full = len(unsealed) == MOST_IN_SEGMENT
        time_us = unsealed[-1].time_us if is_full else now_us
        digests, statements = [item.digest for item in unsealed], [item.statement for item in pending]
        segment = audit.linked(last or START, issuer, time_us, digests, statements)
        segment = replace(segment, checkpoint=self.notary.certify(segment, now=now))
        if self.log.append(segment, unsealed, [item.id for item in pending]):
            return segment
        return None  # another process was first, or a record was removed meanwhile: the next run looks again

    def _is_ours(self, issuer: str, text: str) -> bool:
        return self.notary.removal(issuer, text) is not None or self.notary.pruned(issuer, text) is not None


@dataclass(frozen=True, slots=True)
class Watch:
    """Compares a realm's chain with the checkpoint that this host kept, and keeps the newest."""

    log: AuditLog
    shelf: CheckpointShelf

    def is_continued(self, issuer: str) -> bool:
        """Whether the chain still holds what was kept. If not, what was kept stays, as the proof of it."""
        known, last = self.shelf.kept(issuer), self.log.last(issuer)
        if known is not None and not holds(self.log.segment(issuer, known.number), known):
            return False
        if last is not None and (known is None or last.number > known.number):
            self.shelf.keep(last)
        return True


def holds(segment: Segment | None, known: Checkpoint) -> bool:
    """Whether a segment is the one that a checkpoint says."""
    return segment is not None and (segment.number, segment.head) == (known.number, known.head)
