"""What every source is given: the question, what was observed, what is known, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp_adapter.core.types import History, Request, Signals


@dataclass(frozen=True, slots=True)
class Situation:
    """One attempt, whole. `now` is an aware UTC time."""

    request: Request
    signals: Signals
    history: History
    now: datetime

    @property
    def address_is_theirs(self) -> bool:
        """Whether the request's address says something of the subject: their browser's, or a workload's own."""
        return self.request.network.of_end_user or self.request.subject.key.type == "service_account"
