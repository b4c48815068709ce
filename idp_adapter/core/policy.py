"""Policy: risk + question + rules -> decision. Total, pure, explainable.

More risk never lowers what is required and never lengthens a token (law 1). The strictest of all matching rules
wins, so the order of rules can't loosen anything. Behaviour alone never refuses and never ends a session (law 4):
whatever refuses is matched against the risk and the reasons that remain without behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.fusion import Scale, level_of, logit
from idp_adapter.core.learning import Learning
from idp_adapter.core.posture import PostureRules
from idp_adapter.core.types import (
    Decision,
    Hook,
    Level,
    Obligations,
    Reason,
    Request,
    Risk,
    Scalar,
    SessionFate,
    Subject,
    Unenrolled,
)

_LOGINS: Final = frozenset({Hook.LOGIN, Hook.PASSWORD_GRANT})
_FATES: Final = tuple(SessionFate)


@dataclass(frozen=True, slots=True)
class Condition:
    """All parts that are given must match; a part with several values matches any of them."""

    hook: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    subject_type: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    level_at_least: Level = Level.LOW
    properties: tuple[tuple[str, Scalar], ...] = ()  # dotted path such as `subject.department`, and its value


@dataclass(frozen=True, slots=True)
class Effect:
    """What a matching rule asks at least. None asks nothing."""

    refuse: bool = False
    require_acr: str | None = None
    max_acr: str | None = None
    access_token_lifespan_s: int | None = None
    refresh_token_lifespan_s: int | None = None
    session: SessionFate = SessionFate.KEEP
    unenrolled: Unenrolled | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One named rule."""

    name: str
    when: Condition
    effect: Effect


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Bounds of token life, seconds."""

    access_token_floor_s: int
    access_token_max_s: int
    refresh_token_floor_s: int
    refresh_token_max_s: int


@dataclass(frozen=True, slots=True)
class Exemption:
    """Whose typing and pointing are not looked at: subjects with any of these roles or groups."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def covers(self, subject: Subject) -> bool:
        """Whether a subject is exempt."""
        return not set(self.roles).isdisjoint(subject.roles) or not set(self.groups).isdisjoint(subject.groups)


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy, checked. `version` names the text that it came from."""

    id: str
    version: str
    scale: Scale
    refuse: float
    refuse_token: float  # at token requests, where a refusal costs a login and not the account
    ladder: Ladder
    required: tuple[str, str, str]  # by level: LOW, MEDIUM, HIGH
    step_up_max_age_s: int
    lower_acr_on_refresh: bool
    unenrolled: Unenrolled
    lifetimes: Lifetimes
    refresh_reuse_s: int
    client_credentials_reuse_s: int
    learning: Learning
    exempt: Exemption
    session_at_refuse: SessionFate
    unknown_action_permitted: bool
    rules: tuple[Rule, ...] = ()
    devices: DeviceRules = DeviceRules()
    posture: PostureRules = PostureRules()


def decide(policy: Policy, request: Request, risk: Risk, *, decision_id: str) -> Decision:
    """Answer one question. Raises nothing: every request and risk has an answer."""
    wanted, matched = _strictest(policy, request, risk)
    refused = wanted.refuse or (_is_hook(request) and _calm(risk) >= _bound(policy, request))
    step_up = None if refused else _step_up(policy, request, wanted.require_acr)
    permitted = not refused and step_up is None
    obligations = _obligations(policy, request, risk, wanted)
    if refused and request.action == Hook.REFRESH:
        step_up = policy.required[Level.HIGH.rank]
        obligations = replace(obligations, session=_stricter_fate(obligations.session, policy.session_at_refuse))
    if not permitted:
        obligations = replace(obligations, reuse_s=0)
    if step_up is not None and request.action in _LOGINS and risk.level is Level.HIGH:
        obligations = replace(obligations, max_age_s=policy.step_up_max_age_s)
    return Decision(
        id=decision_id,
        txn=request.txn,
        permitted=permitted,
        risk=risk,
        policy_id=policy.id,
        policy_version=policy.version,
        acr_values=() if step_up is None else (step_up,),
        obligations=obligations,
        unenrolled=wanted.unenrolled or policy.unenrolled,
        reasons=tuple(Reason("rule", 0.0, {"name": name}) for name in matched),
    )


def lifespan_s(risk: Risk, scale: Scale, *, floor_s: int, longest_s: int) -> int:
    """Life of a token: `longest_s` up to medium risk, `floor_s` from high, linear in log-odds between; never longer."""
    low, high = logit(scale.medium), logit(scale.high)
    nats = logit(min(max(risk.probability, 1e-12), 1 - 1e-12))
    share = min(1.0, max(0.0, (nats - low) / (high - low)))
    return min(longest_s, round(longest_s - (longest_s - floor_s) * share))


def _calm(risk: Risk) -> float:
    """The risk that counts for refusing: no more than remains without behaviour (law 4)."""
    return min(risk.probability, risk.without_behaviour)


def _bound(policy: Policy, request: Request) -> float:
    return policy.refuse if request.action in _LOGINS else policy.refuse_token


def _is_hook(request: Request) -> bool:
    return request.action in list(Hook)


def _step_up(policy: Policy, request: Request, required: str | None) -> str | None:
    """The class to step up to, or None where the one reached is enough. The ladder's first step is never asked for."""
    if required is None or policy.ladder.rank(required) <= 0:
        return None
    session = request.session
    if not policy.ladder.satisfies(session.acr, required):
        return required
    if session.auth_time is None or request.time is None:
        return None
    age_s = (request.time - session.auth_time).total_seconds()
    return required if age_s > policy.step_up_max_age_s else None


def _obligations(policy: Policy, request: Request, risk: Risk, wanted: Effect) -> Obligations:
    if not _is_hook(request):
        return Obligations(session=wanted.session)
    life = policy.lifetimes
    access_s = request.resource.access_token_lifespan_s or life.access_token_max_s
    refresh_s = request.resource.refresh_token_lifespan_s or life.refresh_token_max_s
    shorter = risk.level is not Level.LOW
    access = lifespan_s(risk, policy.scale, floor_s=life.access_token_floor_s, longest_s=access_s)
    refresh = lifespan_s(risk, policy.scale, floor_s=life.refresh_token_floor_s, longest_s=refresh_s)
    lowered = request.action == Hook.REFRESH and policy.lower_acr_on_refresh and risk.level is Level.HIGH
    return Obligations(
        access_token_lifespan_s=_least(access if shorter else None, wanted.access_token_lifespan_s),
        refresh_token_lifespan_s=_least(refresh if shorter else None, wanted.refresh_token_lifespan_s),
        max_acr=policy.ladder.lower(policy.required[0] if lowered else None, wanted.max_acr),
        session=wanted.session,
        reuse_s=_reuse_s(policy, request) if risk.level is Level.LOW else 0,
    )


def _reuse_s(policy: Policy, request: Request) -> int:
    if request.action == Hook.REFRESH:
        return policy.refresh_reuse_s
    return policy.client_credentials_reuse_s if request.action == Hook.CLIENT_CREDENTIALS else 0


def _strictest(policy: Policy, request: Request, risk: Risk) -> tuple[Effect, tuple[str, ...]]:
    """Join the base of the hook with every matching rule."""
    base = Effect(refuse=not _is_hook(request) and not policy.unknown_action_permitted)
    if request.action in _LOGINS:
        base = replace(base, require_acr=policy.required[risk.level.rank])
    matched = []
    for rule in policy.rules:
        effect = _effect(rule, request, risk, policy.scale)
        if effect is not None:
            matched.append(rule.name)
            base = _join(policy.ladder, base, effect)
    return base, tuple(matched)


def _effect(rule: Rule, request: Request, risk: Risk, scale: Scale) -> Effect | None:
    """What a rule asks here: all of it, or without its refusal where only behaviour made it match (law 4)."""
    spoken = [item for item in risk.contributions if not item.abstains]
    if not _matches(rule.when, request, risk.level, (reason for item in spoken for reason in item.reasons)):
        return None
    calm = (reason for item in spoken if not item.behavioural for reason in item.reasons)
    if _matches(rule.when, request, level_of(_calm(risk), scale), calm):
        return rule.effect
    return replace(rule.effect, refuse=False, session=SessionFate.KEEP)


def _matches(when: Condition, request: Request, level: Level, reasons: Iterable[Reason]) -> bool:
    subject = request.subject
    codes = {reason.code for reason in reasons} if when.reason else set()
    parts: tuple[tuple[tuple[str, ...], Iterable[str]], ...] = (
        (when.hook, (request.action,)),
        (when.client, (request.resource.id,)),
        (when.subject, (subject.key.id,)),
        (when.subject_type, (subject.key.type,)),
        (when.role, subject.roles),
        (when.group, subject.groups),
        (when.reason, codes),
    )
    if any(wanted and not set(wanted) & set(found) for wanted, found in parts):
        return False
    if level.rank < when.level_at_least.rank:
        return False
    return all(_property(request, path) == value for path, value in when.properties)


def _property(request: Request, path: str) -> Scalar | None:
    owner, _, name = path.partition(".")
    properties = {
        "subject": request.subject.properties,
        "resource": request.resource.properties,
        "action": request.action_properties,
    }
    return properties.get(owner, {}).get(name)


def _join(ladder: Ladder, one: Effect, other: Effect) -> Effect:
    return Effect(
        refuse=one.refuse or other.refuse,
        require_acr=ladder.stricter(one.require_acr, other.require_acr),
        max_acr=ladder.lower(one.max_acr, other.max_acr),
        access_token_lifespan_s=_least(one.access_token_lifespan_s, other.access_token_lifespan_s),
        refresh_token_lifespan_s=_least(one.refresh_token_lifespan_s, other.refresh_token_lifespan_s),
        session=_stricter_fate(one.session, other.session),
        unenrolled=Unenrolled.DENY
        if Unenrolled.DENY in (one.unenrolled, other.unenrolled)
        else one.unenrolled or other.unenrolled,
    )


def _stricter_fate(one: SessionFate, other: SessionFate) -> SessionFate:
    return max(one, other, key=_FATES.index)


def _least(one: int | None, other: int | None) -> int | None:
    given = [value for value in (one, other) if value is not None]
    return min(given) if given else None
