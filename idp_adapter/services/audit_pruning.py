"""Forgets what the audit chain keeps of records that are gone: their segments, digests and statements.

What is left begins after a signed statement of where: a chain that somebody cut has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from idp_adapter.services.audit import Sealing
from idp_adapter.services.audit_verification import Verdict


@dataclass(frozen=True, slots=True)
class Pruning:
    """Prunes a realm's chain."""

    sealing: Sealing
    new_id: Callable[[], str]

    def prune(self, issuer: str, verdict: Verdict, *, now: datetime) -> int:
        """Forget up to where a verification found every record removed lawfully; how many digests.

        The statement is stored before anything goes, and sealed unless another process seals at the same moment, whose
        next run does it then: it is signed by itself. Digests stay that a later statement names: it could not be
        verified without them. Interrupted, it is run again. Raises ValueError where the verification had findings:
        what shows them stays.
        """
        if verdict.faults:
            raise ValueError("a chain with findings is not pruned")
        log, spent = self.sealing.log, verdict.spent
        if spent != verdict.base:
            removal_id = self.new_id()
            log.anchor(issuer, removal_id, *self.sealing.notary.prune(issuer, removal_id, spent))
            for _ in self.sealing.seal(issuer, now=now):
                pass
        keep = {removal for removal, _ in log.spanning(issuer, number=spent.number)}
        digests = after = 0
        while old := [item.number for item in log.segments(issuer, after=after) if item.number <= spent.number]:
            digests += sum(log.prune(issuer, number, keep=keep) for number in old)
            after = old[-1]
        log.prune_statements(issuer, number=spent.number)
        return digests
