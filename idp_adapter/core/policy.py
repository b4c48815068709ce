"""Policy: risk + facts + rules -> decision. Total, pure, explainable.

More risk never lowers what is required and never lengthens a token (law 1). The strictest of all matching rules
wins, so the order of rules can't loosen anything. Behaviour alone never refuses and never ends a session (law 4):
whatever refuses is judged by the risk and the reasons that remain without behaviour. A named break-glass account alone
stands outside; its use is told to operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final

from idp_adapter.core import environments, policy_layers
from idp_adapter.core.assurance import Ladder
from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.environments import Environment, Response, Whereabouts
from idp_adapter.core.evidence.network_feeds import is_masked
from idp_adapter.core.fusion import Scale, level_of, logit
from idp_adapter.core.learning import Learning
from idp_adapter.core.policy_layers import Override, Settings
from idp_adapter.core.policy_rules import Joined, Rule, Standing, join_matching, least, stricter_fate
from idp_adapter.core.posture import PostureRules
from idp_adapter.core.types import (
    Decision,
    Hook,
    Level,
    Obligations,
    Place,
    Reason,
    Request,
    Risk,
    Scalar,
    Signals,
    Subject,
    SubjectId,
    Unenrolled,
)
from idp_adapter.core.types.facts import NONE, Facts, Names

BREAK_GLASS: Final = "break_glass"
LIMITED: Final = "limited"
BUDGET_SPENT: Final = "step_up_budget_spent"
NO_FACTOR: Final = "environment_without_factor"


@dataclass(frozen=True, slots=True)
class Members:
    """Subjects with any of these roles or groups."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def covers(self, subject: Subject) -> bool:
        """Whether a subject is one of them, by what was told of it."""
        return not set(self.roles).isdisjoint(subject.roles) or not set(self.groups).isdisjoint(subject.groups)

    def may_cover(self, subject: Subject) -> bool:
        """Whether a subject is one of them, or may be by a role or group that could not be told."""
        is_untold = (subject.roles_cut and self.roles) or (subject.groups_cut and self.groups)
        return bool(is_untold) or self.covers(subject)


@dataclass(frozen=True, slots=True)
class Budget:
    """Fatigue: at most `demands` unmet step-ups of a subject in `window_s`; then the next is a refusal, or `limit`.

    `limit` lets in at no more than the lowest class with the shortest tokens, where the level alone asked for more; a
    rule that asks for a class refuses then.
    """

    demands: int = 10
    window_s: int = 3600
    past: Unenrolled = Unenrolled.DENY


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """An account for emergencies: let in whatever the risk, with the shortest tokens, at `acr` where it names one."""

    name: str
    subject: SubjectId
    realm: str | None = None
    acr: str | None = None

    def covers(self, facts: Facts) -> bool:
        """Whether a request is this account's."""
        return facts.is_hook and facts.subject == self.subject and self.realm in (None, facts.realm)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Names that decisions keep of their subjects for later replays: those the rules ask about, and no others."""

    roles: Names = NONE
    groups: Names = NONE
    scopes: Names = NONE
    properties: Names = NONE


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy, checked. `version` names the text that it came from."""

    id: str
    version: str
    ladder: Ladder
    settings: Settings
    learning: Learning
    exempt: Members  # from behaviour: their typing and pointing are not looked at
    unknown_action_permitted: bool
    rules: tuple[Rule, ...] = ()
    overrides: tuple[Override, ...] = ()
    environments: tuple[Environment, ...] = ()
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    acr_factors: Mapping[str, Names] = field(default_factory=dict)
    budget: Budget | None = None
    break_glass: tuple[BreakGlass, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    clock: tzinfo = UTC
    on_unavailable: Mapping[str, str] = field(default_factory=dict)
    retention_days: Mapping[str, int] = field(default_factory=dict)
    devices: DeviceRules = DeviceRules()
    posture: PostureRules = PostureRules()
    volunteers: Members = Members()  # they agreed that their profiles count in a background of the deployment

    @property
    def scale(self) -> Scale:
        """How risk is read where no layer says otherwise."""
        return self.settings.scale

    def settled(self, facts: Facts) -> Settings:
        """The settings for one request, its layers applied."""
        return policy_layers.settle(self.settings, self.overrides, facts, self.ladder)

    def environments_of(self, facts: Facts) -> tuple[Environment, ...]:
        """The environments that a request is in."""
        return tuple(item for item in self.environments if item.name in facts.environments)


def facts_of(policy: Policy, request: Request, signals: Signals, *, now: datetime, demands: int = 0) -> Facts:
    """What a policy can ask about a request. `demands` are the subject's unmet step-ups in the budget's window."""
    subject, session, resource, recorded = request.subject, request.session, request.resource, policy.recorded
    is_exempt, auth_age_s = policy.exempt.may_cover(subject), None
    if session.auth_time is not None and request.time is not None:
        auth_age_s = int((request.time - session.auth_time).total_seconds())
    facts = Facts(
        hook=request.action,
        realm=request.issuer,
        client=resource.id,
        subject=subject.key,
        roles=recorded.roles.intersection(subject.roles),
        groups=recorded.groups.intersection(subject.groups),
        roles_cut=subject.roles_cut,
        groups_cut=subject.groups_cut,
        factors=frozenset(subject.factors),
        scopes=recorded.scopes.intersection(resource.scope.split()),
        networks=frozenset((signals.ip_kind, *signals.network_tags)),
        zones=policy.whereabouts.zones_of(request.network.ip) if request.network.of_end_user else NONE,
        devices=policy.whereabouts.devices_of(request, signals),
        country=signals.origin.place.country or "",
        properties=_properties(request, recorded.properties),
        session_acr=session.acr,
        auth_age_s=auth_age_s,
        session_age_s=session.age_s,
        is_offline=session.offline,
        access_token_s=resource.access_token_lifespan_s,
        refresh_token_s=resource.refresh_token_lifespan_s,
        is_exempt=is_exempt,
        is_volunteer=not is_exempt and policy.volunteers.covers(subject),
        demands=demands,
    )
    return placed(policy, located(policy, facts, signals.origin.place), now=now)


def located(policy: Policy, facts: Facts, place: Place) -> Facts:
    """Facts with the sites of a place. Behind an egress that masks it no place is known: no site, and no country."""
    masked = is_masked(facts.networks, is_workload=facts.subject.type != "user")
    sites = NONE if masked else policy.whereabouts.sites_of(place)
    country = "" if masked else facts.country
    unchanged = (sites, country) == (facts.sites, facts.country)
    return facts if unchanged else replace(facts, sites=sites, country=country)


def placed(policy: Policy, facts: Facts, *, now: datetime) -> Facts:
    """Facts with what follows from the policy's own clock and environments."""
    local = now.astimezone(policy.clock)
    facts = replace(facts, hour=local.hour, day=local.weekday(), environments=NONE)
    names = frozenset(item.name for item in environments.matching(policy.environments, facts))
    return replace(facts, environments=names) if names else facts


def decide(policy: Policy, facts: Facts, risk: Risk, *, decision_id: str, txn: str = "") -> Decision:
    """Answer one question. Raises nothing: every request and risk has an answer."""
    settings = policy.settled(facts)
    risk = _levelled(risk, settings.scale)
    joined = join_matching(policy.rules, facts, standing_of(risk, settings.scale), policy.ladder)
    glass = next((item for item in policy.break_glass if item.covers(facts)), None)
    if glass is not None:
        answer = _broken_glass(policy, settings, facts, glass)
    else:
        answer = _answer(policy, settings, facts, risk, joined)
    return Decision(
        id=decision_id,
        txn=txn,
        permitted=answer.permitted,
        risk=risk,
        policy_id=policy.id,
        policy_version=policy.version,
        acr_values=() if answer.step_up is None else (answer.step_up,),
        obligations=answer.obligations,
        unenrolled=joined.effect.unenrolled or settings.unenrolled,
        reasons=(*map(_matched, joined.names), *_cut(facts), *answer.reasons),
    )


def standing_of(risk: Risk, scale: Scale) -> Standing:
    """What a risk says to rules."""
    spoken = [item for item in risk.contributions if not item.abstains]
    return Standing(
        level=level_of(risk.probability, scale),
        codes=frozenset(reason.code for item in spoken for reason in item.reasons),
        calm_level=level_of(calm(risk), scale),
        calm_codes=frozenset(reason.code for item in spoken if not item.behavioural for reason in item.reasons),
    )


def calm(risk: Risk) -> float:
    """The risk that counts for refusing: no more than remains without behaviour (law 4)."""
    return min(risk.probability, risk.without_behaviour)


def lifespan_s(risk: Risk, scale: Scale, *, floor_s: int, longest_s: int) -> int:
    """Life of a token: `longest_s` up to medium risk, `floor_s` from high, linear in log-odds between; never longer."""
    low, high = logit(scale.medium), logit(scale.high)
    nats = logit(min(max(risk.probability, 1e-12), 1 - 1e-12))
    share = min(1.0, max(0.0, (nats - low) / (high - low))) if high > low else float(nats >= high)
    return min(longest_s, round(longest_s - (longest_s - floor_s) * share))


@dataclass(frozen=True, slots=True)
class _Answer:
    permitted: bool
    obligations: Obligations
    step_up: str | None = None
    reasons: tuple[Reason, ...] = ()


def _answer(policy: Policy, settings: Settings, facts: Facts, risk: Risk, joined: Joined) -> _Answer:
    wanted = joined.effect
    obligations = _obligations(policy, settings, facts, risk, joined)
    denied = not facts.is_hook and not policy.unknown_action_permitted
    if denied or wanted.refuse or (facts.is_hook and calm(risk) >= _bound(settings, facts)):
        return _refused(settings, facts, obligations)
    step_up = _demand(policy, settings, facts, risk.level, joined.effect.require_acr, joined.effect.max_age_s)
    if step_up is not None:
        return _demanding(policy, settings, facts, risk, joined, step_up, obligations)
    if wanted.limit:
        return _limited(policy, settings, facts, obligations)
    return _Answer(True, obligations)


def _demanding(
    policy: Policy,
    settings: Settings,
    facts: Facts,
    risk: Risk,
    joined: Joined,
    step_up: str,
    obligations: Obligations,
) -> _Answer:
    """A step-up, or what is left where it can't be asked for. What refuses then must hold without behaviour (law 4)."""
    within = policy.environments_of(facts)
    reachable = _reachable(policy, within, step_up)
    calm_level = level_of(calm(risk), settings.scale)
    is_calm = _demand(policy, settings, facts, calm_level, joined.calm.require_acr, joined.calm.max_age_s) is not None
    if reachable is None:
        unenrolled = joined.effect.unenrolled or settings.unenrolled
        may_limit = unenrolled is Unenrolled.LIMIT and Response.LIMIT in environments.responses_in(within)
        if may_limit or not is_calm:
            return _limited(policy, settings, facts, obligations, NO_FACTOR)
        return _refused(settings, facts, obligations, NO_FACTOR)
    if facts.hook == Hook.REFRESH and not is_calm:  # nobody is there to prove more: asking would refuse
        return _limited(policy, settings, facts, obligations)
    budget = policy.budget
    if budget is not None and facts.is_login and facts.demands >= budget.demands:
        by_rule = _demand(policy, settings, facts, None, joined.effect.require_acr, joined.effect.max_age_s)
        if budget.past is Unenrolled.LIMIT and by_rule is None:
            return _limited(policy, settings, facts, obligations, BUDGET_SPENT, lowest=True)
        if is_calm:
            return _refused(settings, facts, obligations, BUDGET_SPENT)
    obligations = replace(obligations, reuse_s=0)
    if joined.effect.limit:  # who proves more reaches the class; what else a rule limits stays
        obligations = _shortest(policy, settings, facts, obligations, max_acr=None)
    if facts.is_login:
        bound_s = settings.step_up_max_age_s if risk.level is Level.HIGH else None
        obligations = replace(obligations, max_age_s=least(bound_s, joined.effect.max_age_s))
    return _Answer(False, obligations, reachable)


def _demand(
    policy: Policy, settings: Settings, facts: Facts, level: Level | None, by_rules: str | None, max_age_s: int | None
) -> str | None:
    """The class to step up to, or None where the one reached is enough. The ladder's first step is never asked for."""
    by_level = settings.required[level.rank] if level is not None and facts.is_login else None
    required = policy.ladder.stricter(by_level, by_rules)
    if required is None or policy.ladder.rank(required) <= 0:
        return None
    if not policy.ladder.satisfies(facts.session_acr, required):
        return required
    bound_s = least(settings.step_up_max_age_s, max_age_s)
    is_stale = facts.auth_age_s is not None and bound_s is not None and facts.auth_age_s > bound_s
    return required if is_stale else None


def _reachable(policy: Policy, within: tuple[Environment, ...], step_up: str) -> str | None:
    """The lowest class from `step_up` on that a factor of the environment reaches; None where there is none."""
    if Response.STEP_UP not in environments.responses_in(within):
        return None
    factors = environments.factors_in(within)
    if factors is None:
        return step_up
    steps = policy.ladder.steps[policy.ladder.rank(step_up) :]
    return next((step for step in steps if not factors.isdisjoint(policy.acr_factors.get(step, NONE))), None)


def _refused(settings: Settings, facts: Facts, obligations: Obligations, *why: str) -> _Answer:
    obligations = replace(obligations, reuse_s=0)
    step_up = None
    if facts.hook == Hook.REFRESH:  # its next login is to prove more
        step_up = settings.acr_high
        obligations = replace(obligations, session=stricter_fate(obligations.session, settings.session_at_refuse))
    return _Answer(False, obligations, step_up, _reasons(why))


def _limited(
    policy: Policy, settings: Settings, facts: Facts, obligations: Obligations, *why: str, lowest: bool = False
) -> _Answer:
    """Let in at the class reached (or the lowest) with the shortest tokens."""
    first = policy.ladder.steps[0]
    reached = facts.session_acr if policy.ladder.rank(facts.session_acr) >= 0 and not lowest else first
    obligations = _shortest(policy, settings, facts, obligations, max_acr=reached)
    return _Answer(True, obligations, None, _reasons((*why, LIMITED)))


def _broken_glass(policy: Policy, settings: Settings, facts: Facts, glass: BreakGlass) -> _Answer:
    reason = Reason(BREAK_GLASS, 0.0, {"name": glass.name})
    obligations = _shortest(policy, settings, facts, Obligations(), max_acr=None)
    step_up = None
    if facts.is_login and glass.acr is not None and policy.ladder.rank(glass.acr) > 0:
        step_up = None if policy.ladder.satisfies(facts.session_acr, glass.acr) else glass.acr
    return _Answer(step_up is None, obligations, step_up, (reason,))


def _shortest(
    policy: Policy, settings: Settings, facts: Facts, obligations: Obligations, *, max_acr: str | None
) -> Obligations:
    if not facts.is_hook:
        return obligations
    access_s = least(settings.access_token_floor_s, facts.access_token_s or None)
    refresh_s = least(settings.refresh_token_floor_s, facts.refresh_token_s or None)
    return replace(
        obligations,
        access_token_lifespan_s=least(obligations.access_token_lifespan_s, access_s),
        refresh_token_lifespan_s=least(obligations.refresh_token_lifespan_s, refresh_s),
        max_acr=policy.ladder.lower(obligations.max_acr, max_acr),
        reuse_s=0,
    )


@lru_cache(maxsize=2048)
def _matched(name: str) -> Reason:
    """The reason that a rule matched; made once, since a policy has its rules for as long as it serves."""
    return Reason("rule", 0.0, {"name": name})


def _cut(facts: Facts) -> tuple[Reason, ...]:
    """That names could not be told: rules may have matched for that alone."""
    return _reasons(tuple(name for name in ("roles_cut", "groups_cut") if getattr(facts, name)))


def _reasons(codes: tuple[str, ...]) -> tuple[Reason, ...]:
    return tuple(Reason(code, 0.0) for code in codes)


def _bound(settings: Settings, facts: Facts) -> float:
    return settings.refuse if facts.is_login else settings.refuse_token


def _obligations(policy: Policy, settings: Settings, facts: Facts, risk: Risk, joined: Joined) -> Obligations:
    wanted = joined.effect
    if not facts.is_hook:
        return Obligations(session=wanted.session)
    access_s = facts.access_token_s or settings.access_token_max_s
    refresh_s = facts.refresh_token_s or settings.refresh_token_max_s
    shorter = risk.level is not Level.LOW
    access = lifespan_s(risk, settings.scale, floor_s=settings.access_token_floor_s, longest_s=access_s)
    refresh = lifespan_s(risk, settings.scale, floor_s=settings.refresh_token_floor_s, longest_s=refresh_s)
    lowered = facts.hook == Hook.REFRESH and settings.lower_acr_on_refresh and risk.level is Level.HIGH
    return Obligations(
        access_token_lifespan_s=least(access if shorter else None, wanted.access_token_lifespan_s),
        refresh_token_lifespan_s=least(refresh if shorter else None, wanted.refresh_token_lifespan_s),
        max_acr=policy.ladder.lower(policy.ladder.steps[0] if lowered else None, wanted.max_acr),
        session=wanted.session,
        reuse_s=least(_reuse_s(settings, facts), wanted.reuse_s) or 0 if risk.level is Level.LOW else 0,
    )


def _reuse_s(settings: Settings, facts: Facts) -> int:
    if facts.hook == Hook.REFRESH:
        return settings.refresh_reuse_s
    return settings.client_credentials_reuse_s if facts.hook == Hook.CLIENT_CREDENTIALS else 0


def _levelled(risk: Risk, scale: Scale) -> Risk:
    level = level_of(risk.probability, scale)
    return risk if risk.level is level else replace(risk, level=level)


def _properties(request: Request, paths: Names) -> tuple[tuple[str, Scalar], ...]:
    owners = {
        "subject": request.subject.properties,
        "resource": request.resource.properties,
        "action": request.action_properties,
    }
    found = ((path, owners.get(path.partition(".")[0], {}).get(path.partition(".")[2])) for path in sorted(paths))
    return tuple((path, value) for path, value in found if value is not None)
