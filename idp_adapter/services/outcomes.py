"""Outcomes: what happened after a decision.

Idempotent by id; only a confirmed one teaches, and each decision teaches once. A reported takeover undoes what was
learnt since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.learning import confirmed, learn
from idp_adapter.core.policy import Policy
from idp_adapter.core.rollback import RolledBack, roll_back
from idp_adapter.core.types import DecisionRecord, Outcome, OutcomeType
from idp_adapter.errors import RequestInvalid
from idp_adapter.services.ports import HistoryQuery, Lesson, Observer, Store

CONFIRMS_FOR: Final = timedelta(hours=1)  # an outcome that comes later teaches nothing
_FAILURES: Final = frozenset({OutcomeType.LOGIN_FAILED, OutcomeType.STEP_UP_FAILED})


@dataclass(frozen=True, slots=True)
class OutcomeReporter:
    """Takes reports of the enforcer."""

    store: Store
    observer: Observer
    policy_for: Callable[[str], Policy]
    backgrounds: Backgrounds = SHIPPED

    def report(self, outcome: Outcome, *, now: datetime) -> bool:
        """Store one outcome and what it teaches. False when it was stored before; nothing changes then."""
        if outcome.type is OutcomeType.TAKEOVER_REPORTED:
            return self.roll_back(outcome, now=now) is not None
        record = self._decision(outcome, now)
        lesson = self._lesson(outcome, record, now)
        new = self.store.teach(lesson)
        self.observer.outcome(outcome.type, learnt=new and lesson.habits is not None, duplicate=not new)
        return new

    def roll_back(self, outcome: Outcome, *, now: datetime) -> RolledBack | None:
        """Undo what was learnt of the outcome's subject since its time; None when it was stored before.

        Raises `RequestInvalid` where it names no subject.
        """
        if outcome.subject is None:
            raise RequestInvalid("a reported takeover needs its `subject`")
        since = min(outcome.time, now)
        back = roll_back(self.store.load(HistoryQuery(outcome.issuer, outcome.subject, None, now)), since=since)
        new = self.store.teach(
            Lesson(
                outcome,
                habits=back.habits,
                templates=back.templates,
                forgotten=back.forgotten,
                closes_since=max(since, now - CONFIRMS_FOR),
            )
        )
        self.observer.outcome(outcome.type, learnt=False, duplicate=not new)
        if not new:
            return None
        self.observer.rolled_back(restored=back.restored, erased=back.erased, devices=len(back.forgotten))
        return back

    def _decision(self, outcome: Outcome, now: datetime) -> DecisionRecord | None:
        """The decision that this outcome belongs to, unless it is another subject's or too old to confirm anything."""
        if outcome.decision_id is None or outcome.subject is None:
            return None
        record = self.store.decision(outcome.issuer, outcome.decision_id)
        if record is None or record.subject != outcome.subject or now - record.time > CONFIRMS_FOR:
            return None
        return record

    def _lesson(self, outcome: Outcome, record: DecisionRecord | None, now: datetime) -> Lesson:
        failure = outcome.type in _FAILURES
        if record is None:
            return Lesson(outcome, failure=failure)
        query = HistoryQuery(outcome.issuer, record.subject, record.origin.prefix, now)
        history = self.store.load(query)
        rules = self.policy_for(outcome.issuer).learning
        if not confirmed(record, outcome, history, rules):
            return Lesson(outcome, failure=failure)
        proved = outcome.type is OutcomeType.STEP_UP_SUCCEEDED
        taught = learn(record, history, rules, proved=proved, backgrounds=self.backgrounds)
        return Lesson(
            outcome,
            habits=taught.habits,
            devices=taught.devices,
            forgotten=taught.forgotten,
            templates=taught.templates,
            settles=True,
        )
