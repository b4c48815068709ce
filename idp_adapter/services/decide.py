"""Decide: load the subject's history, weigh every source, apply the policy, record the decision.

Two round trips: one read, one durable write. Evaluation moves no counter and no profile (law 3). A source that
raises is made to abstain and counted (law 5); telemetry that can't be used is counted by name and the login goes
on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.devices import thumbprints
from idp_adapter.core.differences import difference
from idp_adapter.core.environments import heard_in
from idp_adapter.core.evidence import step_up
from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.fusion import SOURCES, WEIGHTS, Source, fuse
from idp_adapter.core.learning import learnable
from idp_adapter.core.origins import ip_kind
from idp_adapter.core.policy import BREAK_GLASS, Policy, decide, facts_of
from idp_adapter.core.population import UNKNOWN, Population
from idp_adapter.core.provenance import inputs_digest, weights_version
from idp_adapter.core.signals import without_behaviour
from idp_adapter.core.strictness import answer_of
from idp_adapter.core.types import (
    Decision,
    DecisionRecord,
    Evidence,
    Hook,
    Origin,
    PostureAssertion,
    Request,
    Shadow,
    Signals,
    Telemetry,
)
from idp_adapter.core.types.facts import Facts
from idp_adapter.core.user_agent import platform_version, summarise
from idp_adapter.errors import PostureRejected
from idp_adapter.services.forms import FormReader
from idp_adapter.services.ports import (
    AssertionVerifier,
    Geolocator,
    HistoryQuery,
    NetworkFeeds,
    Observer,
    Pseudonymiser,
    Store,
    TelemetryOpener,
)

FAILURES_COUNT_FOR: Final = timedelta(hours=1)


def _unknown(issuer: str) -> Population:
    return UNKNOWN


def _no_candidate(issuer: str) -> Policy | None:
    return None


@dataclass(frozen=True, slots=True)
class Decider:
    """Answers questions under one policy."""

    store: Store
    geolocator: Geolocator
    feeds: NetworkFeeds
    pseudonymiser: Pseudonymiser
    opener: TelemetryOpener
    observer: Observer
    policy_for: Callable[[str], Policy]
    population_of: Callable[[str], Population] = _unknown
    sources: Sequence[Source] = SOURCES
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    assertions: AssertionVerifier | None = None  # None where no issuer of posture is trusted
    shadow_for: Callable[[str], Policy | None] = _no_candidate
    backgrounds: Backgrounds = SHIPPED

    def decide(self, request: Request, *, now: datetime, decision_id: str) -> Decision:
        """One question to one recorded decision. Raises `Unavailable` when the store does not answer in time."""
        policy = self.policy_for(request.issuer)
        signals = self.observe(request, now=now)
        is_exempt = policy.exempt.may_cover(request.subject)
        if is_exempt:
            signals = without_behaviour(signals)
        telemetry = signals.telemetry
        query = HistoryQuery(
            request.issuer,
            request.subject.key,
            signals.origin.prefix,
            now - FAILURES_COUNT_FOR,
            device_ids=_device_ids(request, signals),
            sid=request.session.sid,
            client=request.resource.id,
            demands_since=now - timedelta(seconds=policy.budget.window_s) if policy.budget else None,
            with_templates=telemetry is not None and bool(telemetry.fields or telemetry.moves),
        )
        valid_from = now - policy.learning.baseline_valid
        history = self.store.load(query)
        situation = Situation(
            request=request,
            signals=signals,
            history=step_up.undoubted(history) if is_exempt else history,
            now=now,
            valid_from=valid_from,
            population=self.population_of(request.issuer),
            devices=policy.devices,
            posture=policy.posture,
            backgrounds=self.backgrounds,
        )
        evidence = [self._score(source, situation) for source in self.sources]
        facts, decision = _judge(policy, situation, evidence, self.weights, decision_id)
        shadow = self._shadow(situation, evidence, facts, decision)
        weights = weights_version(*self.backgrounds.versions)
        self.store.record(_record(situation, facts, decision, shadow=shadow, weights=weights))
        self._count(request, decision, evidence)
        return decision

    def _shadow(
        self, situation: Situation, evidence: Sequence[Evidence], facts: Facts, decision: Decision
    ) -> Shadow | None:
        """The candidate policy's answer from the same evidence. Whatever goes wrong in it, the live answer stands."""
        candidate = self.shadow_for(situation.request.issuer)
        if candidate is None:
            return None
        try:
            _, other = _judge(candidate, situation, evidence, self.weights, decision.id)
            kind = difference(decision, other, facts, candidate.ladder)
            answer = answer_of(other, facts.hook)
        except Exception:
            self.observer.shadowed("failed")
            return None
        self.observer.shadowed(kind)
        return Shadow(
            policy_id=candidate.id,
            policy_version=candidate.version,
            difference=kind,
            answer=answer,
            acr=other.acr_values[0] if other.acr_values else None,
            access_token_s=other.obligations.access_token_lifespan_s,
            refresh_token_s=other.obligations.refresh_token_lifespan_s,
        )

    def observe(self, request: Request, *, now: datetime) -> Signals:
        """Type what the request carries; raw address and telemetry end here."""
        # only a login has a form whose challenge the enforcer has used up; elsewhere it is the caller's own word
        challenge = request.telemetry_challenge if request.action == Hook.LOGIN else None
        telemetry, rejected = FormReader(self.opener, self.observer).read(request.telemetry, challenge=challenge)
        posture, posture_rejected = self._posture(request, telemetry, now)
        user_agent = request.network.user_agent if request.network.of_end_user else None
        ip = request.network.ip
        kind = ip_kind(ip)
        origin = Origin()
        if ip:
            origin = self.pseudonymiser.origin(request.issuer, ip, self.geolocator.locate(ip))
        cookie = request.cookie_id
        return Signals(
            origin=origin,
            ip_kind=kind,
            network_tags=self.feeds.tags(ip, origin.place.asn) if ip and kind == "public" else (),
            user_agent=summarise(user_agent),
            cookie_id=self.pseudonymiser.cookie(request.issuer, cookie) if cookie else None,
            telemetry=telemetry,
            telemetry_rejected=rejected,
            platform_version=platform_version(user_agent),
            posture=posture,
            posture_rejected=posture_rejected,
        )

    def _posture(
        self, request: Request, telemetry: Telemetry | None, now: datetime
    ) -> tuple[PostureAssertion | None, str | None]:
        text = request.posture_assertion
        if not text or self.assertions is None:
            return None, None
        key_id = telemetry.key_id if telemetry else None
        proved = {*thumbprints(request.binding).values(), *([key_id] if key_id else [])}
        try:
            return self.assertions.verify(text, request, proved, now=now), None
        except PostureRejected as error:
            self.observer.posture_rejected(error.reason)
            return None, error.reason

    def _score(self, source: Source, situation: Situation) -> Evidence:
        try:
            return source.score(situation)
        except Exception:  # one broken source must not stop a login
            self.observer.source_failed(source.name)
            return Evidence.abstain(source.name, "source_failed")

    def _count(self, request: Request, decision: Decision, evidence: Sequence[Evidence]) -> None:
        hook = request.action if request.action in list(Hook) else "other"
        answer = answer_of(decision, request.action)
        abstained = [item.source for item in evidence if item.abstains]
        self.observer.decided(hook=hook, level=decision.risk.level, answer=answer, abstained=abstained)
        if any(reason.code == BREAK_GLASS for reason in decision.reasons):
            self.observer.break_glass_used(hook=hook)


def _judge(
    policy: Policy,
    situation: Situation,
    evidence: Sequence[Evidence],
    weights: Mapping[str, float],
    decision_id: str,
) -> tuple[Facts, Decision]:
    """One policy's answer from evidence already gathered."""
    request, demands = situation.request, situation.history.demands
    facts = facts_of(policy, request, situation.signals, now=situation.now, demands=demands)
    heard = heard_in(policy.environments_of(facts), evidence)
    risk = fuse(heard, policy.settled(facts).scale, weights)
    return facts, decide(policy, facts, risk, decision_id=decision_id, txn=request.txn)


def _record(
    situation: Situation, facts: Facts, decision: Decision, *, shadow: Shadow | None, weights: str
) -> DecisionRecord:
    request, signals = situation.request, situation.signals
    teaches = request.action in (Hook.LOGIN, Hook.PASSWORD_GRANT, Hook.CLIENT_CREDENTIALS)
    return DecisionRecord(
        issuer=request.issuer,
        decision=decision,
        subject=request.subject.key,
        hook=request.action,
        client=request.resource.id,
        sid=request.session.sid,
        time=situation.now,
        origin=signals.origin,
        user_agent=signals.user_agent,
        device_ids=_device_ids(request, signals),
        learnable=learnable(request, signals) if teaches else None,
        binding=request.binding,
        inputs=inputs_digest(request, signals),
        facts=facts,
        shadow=shadow,
        weights=weights,
    )


def _device_ids(request: Request, signals: Signals) -> tuple[str, ...]:
    """What this request shows that may be a device of somebody's."""
    key_id = signals.telemetry.key_id if signals.telemetry else None
    ids = (key_id, signals.cookie_id, request.binding.jkt, request.binding.x5t_s256)
    return tuple(item for item in ids if item)
