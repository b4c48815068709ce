"""Outcomes: what happened after a decision.

Idempotent by id; only a confirmed one teaches, and each decision teaches once. A login is asked about before its code
is typed, so that typing comes here: it is weighed, and a doubt stays with the session. A code that a program typed
confirms nothing. A reported takeover undoes what was learnt since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.evidence import step_up
from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.learning import confirmed, learn, with_code
from idp_adapter.core.policy import Policy
from idp_adapter.core.rollback import RolledBack, roll_back
from idp_adapter.core.types import (
    DecisionRecord,
    Doubt,
    Habits,
    History,
    Hook,
    Outcome,
    OutcomeType,
    Request,
    Resource,
    Session,
    Signals,
    Subject,
    Telemetry,
)
from idp_adapter.errors import ProfileDamaged, RequestInvalid
from idp_adapter.services.forms import FormReader
from idp_adapter.services.ports import HistoryQuery, Lesson, Observer, Store, TelemetryOpener

CONFIRMS_FOR: Final = timedelta(hours=1)  # an outcome that comes later teaches nothing
_FAILURES: Final = frozenset({OutcomeType.LOGIN_FAILED, OutcomeType.STEP_UP_FAILED})
_SUCCESSES: Final = frozenset({OutcomeType.LOGIN_SUCCEEDED, OutcomeType.STEP_UP_SUCCEEDED})


@dataclass(frozen=True, slots=True)
class OutcomeReporter:
    """Takes reports of the enforcer. Without an opener it hears no typing of codes."""

    store: Store
    observer: Observer
    policy_for: Callable[[str], Policy]
    backgrounds: Backgrounds = SHIPPED
    opener: TelemetryOpener | None = None

    def report(self, outcome: Outcome, *, now: datetime) -> bool:
        """Store one outcome and what it teaches. False when it was stored before; nothing changes then.

        One from a clock that is ahead counts as of now: else its failure would count until then.
        """
        outcome = replace(outcome, time=min(outcome.time, now), received=now)
        if outcome.type is OutcomeType.TAKEOVER_REPORTED:
            return self.roll_back(outcome, now=now) is not None
        record = self._decision(outcome, now)
        lesson, teaches = self._lesson(outcome, record, now)
        new = self.store.teach(lesson)
        self.observer.outcome(outcome.type, learnt=new and teaches, duplicate=not new)
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
                replace(outcome, received=now),
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
        """The decision that this outcome belongs to.

        None where it is another subject's, too old to confirm anything, or damaged.
        """
        if outcome.decision_id is None or outcome.subject is None:
            return None
        try:
            record = self.store.decision(outcome.issuer, outcome.decision_id)
        except ProfileDamaged:  # which is counted by the store
            return None
        if record is None or record.subject != outcome.subject or now - record.time > CONFIRMS_FOR:
            return None
        return record

    def _lesson(self, outcome: Outcome, record: DecisionRecord | None, now: datetime) -> tuple[Lesson, bool]:
        """What to write, and whether it teaches anything."""
        failure = outcome.type in _FAILURES
        if record is None:
            return Lesson(outcome, failure=failure), False
        query = HistoryQuery(outcome.issuer, record.subject, record.origin.prefix, now)
        history = self.store.load(query)
        rules = self.policy_for(outcome.issuer).learning
        proved = outcome.type is OutcomeType.STEP_UP_SUCCEEDED
        code = self._code(outcome, record)
        doubt = self._doubt(record, code, history, now) if code else None
        is_scripted = doubt is not None and doubt.code == step_up.SCRIPTED
        if is_scripted or not confirmed(record, outcome, history, rules):
            doubted = _with_doubt(history.habits, record, doubt) if doubt else None
            return Lesson(outcome, failure=failure, habits=doubted, settles=proved), False
        if code:
            record = with_code(record, code)
        taught = learn(record, history, rules, proved=proved, backgrounds=self.backgrounds)
        lesson = Lesson(
            outcome,
            habits=_with_doubt(taught.habits, record, doubt) if proved or doubt else taught.habits,
            devices=taught.devices,
            forgotten=taught.forgotten,
            templates=taught.templates,
            settles=True,
        )
        return lesson, True

    def _code(self, outcome: Outcome, record: DecisionRecord) -> Telemetry | None:
        """How the code of this login was typed, unless nobody may look at how this subject types."""
        is_heard = outcome.type in _SUCCESSES and record.hook == Hook.LOGIN
        if self.opener is None or not is_heard or record.facts is None or record.facts.is_exempt:
            return None
        reader = FormReader(self.opener, self.observer)
        return reader.read(outcome.telemetry, challenge=outcome.telemetry_challenge)[0]

    def _doubt(self, record: DecisionRecord, code: Telemetry, history: History, now: datetime) -> Doubt | None:
        request = Request(
            issuer=record.issuer,
            subject=Subject(record.subject),
            action=record.hook,
            resource=Resource("oidc_client", record.client),
            session=Session(sid=record.sid),
        )
        valid_from = now - self.policy_for(record.issuer).learning.baseline_valid
        seen = Signals(telemetry=code)
        return step_up.doubt(
            Situation(request, seen, history, now, valid_from=valid_from, backgrounds=self.backgrounds)
        )


def _with_doubt(habits: Habits, record: DecisionRecord, doubt: Doubt | None) -> Habits:
    return replace(habits, doubts=step_up.settled(habits.doubts, record.sid, doubt))
