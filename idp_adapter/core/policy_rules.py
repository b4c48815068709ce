"""Rules: a condition by table and what it asks at least. Every matching rule counts; the strictest of all wins.

What rules ask is joined field by field, each field having an order of strictness, so that the order of rules never
matters and no rule ever takes away what another asks. Law 4: where a rule matches only by what behaviour says, its
refusal and its ending of sessions are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.types import Level, Scalar, SessionFate, Unenrolled
from idp_adapter.core.types.facts import NONE, Facts, Names

_FATES: Final = tuple(SessionFate)
_RANKS: Final = {level: level.rank for level in Level}


@dataclass(frozen=True, slots=True)
class Condition:
    """All parts that are given must match; a part with several values matches any of them."""

    hook: Names = NONE
    realm: Names = NONE
    client: Names = NONE
    subject: Names = NONE
    subject_type: Names = NONE
    role: Names = NONE
    group: Names = NONE
    factor: Names = NONE
    scope: Names = NONE
    environment: Names = NONE
    zone: Names = NONE
    site: Names = NONE
    device: Names = NONE
    network: Names = NONE
    country: Names = NONE
    place_known: bool | None = None  # whether there is a country at all
    hour: frozenset[int] = frozenset()
    day: frozenset[int] = frozenset()
    session_age_over_s: int | None = None
    auth_age_over_s: int | None = None
    offline: bool | None = None
    properties: tuple[tuple[str, Scalar], ...] = ()  # dotted path such as `subject.department`, and its value
    reason: Names = NONE
    level_at_least: Level = Level.LOW

    def unmet_fact(self, facts: Facts) -> str | None:
        """The first part that the request's facts do not meet; None where they meet all.

        Where the subject's roles or groups were cut, any counts as theirs: what would loosen is to ask `facts.certain`.
        """
        # Plain comparisons one after the other: fifty rules are matched within tens of microseconds.
        if self.hook and facts.hook not in self.hook:
            return "hook"
        if self.client and facts.client not in self.client:
            return "client"
        if self.role and not facts.roles_cut and self.role.isdisjoint(facts.roles):
            return "role"
        if self.group and not facts.groups_cut and self.group.isdisjoint(facts.groups):
            return "group"
        if self.environment and self.environment.isdisjoint(facts.environments):
            return "environment"
        return self._unmet_whereabouts(facts) or self._unmet_subject(facts) or self._unmet_time(facts)

    def unmet_risk(self, level: Level, codes: Names) -> str | None:
        """The first part that the risk does not meet; None where it meets all."""
        if _RANKS[level] < _RANKS[self.level_at_least]:
            return "level_at_least"
        return "reason" if self.reason and self.reason.isdisjoint(codes) else None

    def _unmet_subject(self, facts: Facts) -> str | None:
        if self.realm and facts.realm not in self.realm:
            return "realm"
        if self.subject and facts.subject.id not in self.subject:
            return "subject"
        if self.subject_type and facts.subject.type not in self.subject_type:
            return "subject_type"
        if self.factor and self.factor.isdisjoint(facts.factors):
            return "factor"
        if self.scope and self.scope.isdisjoint(facts.scopes):
            return "scope"
        return "properties" if self.properties and not set(self.properties) <= set(facts.properties) else None

    def _unmet_whereabouts(self, facts: Facts) -> str | None:
        if self.zone and self.zone.isdisjoint(facts.zones):
            return "zone"
        if self.site and self.site.isdisjoint(facts.sites):
            return "site"
        if self.device and self.device.isdisjoint(facts.devices):
            return "device"
        if self.network and self.network.isdisjoint(facts.networks):
            return "network"
        if self.country and facts.country not in self.country:
            return "country"
        return "place_known" if self.place_known is not None and bool(facts.country) is not self.place_known else None

    def _unmet_time(self, facts: Facts) -> str | None:
        if self.hour and facts.hour not in self.hour:
            return "hour"
        if self.day and facts.day not in self.day:
            return "day"
        if self.session_age_over_s is not None and not _is_over(facts.session_age_s, self.session_age_over_s):
            return "session_age_over_s"
        if self.auth_age_over_s is not None and not _is_over(facts.auth_age_s, self.auth_age_over_s):
            return "auth_age_over_s"
        return "offline" if self.offline is not None and facts.is_offline is not self.offline else None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a matching rule asks at least. None asks nothing."""

    refuse: bool = False
    limit: bool = False
    require_acr: str | None = None
    max_age_s: int | None = None
    max_acr: str | None = None
    access_token_lifespan_s: int | None = None
    refresh_token_lifespan_s: int | None = None
    reuse_s: int | None = None
    session: SessionFate = SessionFate.KEEP
    unenrolled: Unenrolled | None = None


NOTHING: Final = Effect()


@dataclass(frozen=True, slots=True)
class Rule:
    """One named rule. It applies where `when` matches and `unless` does not; `unless` asks about facts alone."""

    name: str
    when: Condition
    effect: Effect
    unless: Condition | None = None

    def unmet(self, facts: Facts, level: Level, codes: Names) -> str | None:
        """Why the rule does not apply, as the field of the policy that says so; None where it applies."""
        part = self.when.unmet_fact(facts) or self.when.unmet_risk(level, codes)
        if part is not None:
            return f"when.{part}"
        if self.unless is not None and self.unless.unmet_fact(facts.certain) is None:
            return "unless"
        return None

    def surely_applies(self, facts: Facts) -> bool:
        """Whether a rule that applies would do so whatever roles or groups could not be told."""
        if self.when.unmet_fact(facts.certain) is not None:
            return False
        return self.unless is None or self.unless.unmet_fact(facts) is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the risk says to rules: with all sources, and with behaviour left out (law 4)."""

    level: Level
    codes: Names
    calm_level: Level
    calm_codes: Names


@dataclass(frozen=True, slots=True)
class Joined:
    """What all matching rules ask together, what of it also holds without behaviour, and their names."""

    effect: Effect
    calm: Effect
    names: tuple[str, ...]


def join_matching(rules: Iterable[Rule], facts: Facts, standing: Standing, ladder: Ladder) -> Joined:
    """The strictest of all matching rules, field by field. Names are in the rules' order."""
    names, effects, calm = [], [], []
    for rule in rules:
        if rule.unmet(facts, standing.level, standing.codes) is not None:
            continue
        names.append(rule.name)
        asked = rule.effect
        if asked.unenrolled is Unenrolled.LIMIT and not rule.surely_applies(facts):
            asked = replace(asked, unenrolled=None)  # the one effect that may loosen what the policy's settings say
        if rule.when.unmet_risk(standing.calm_level, standing.calm_codes) is None:
            calm.append(asked)
        elif asked.refuse or asked.session is not SessionFate.KEEP:
            asked = replace(asked, refuse=False, session=SessionFate.KEEP)
        effects.append(asked)
    effect = join(ladder, *effects)
    return Joined(effect, effect if len(calm) == len(effects) else join(ladder, *calm), tuple(names))


def join(ladder: Ladder, *effects: Effect) -> Effect:
    """The least effect that is at least as strict as all of them, in every field."""
    if len(effects) < 2:
        return effects[0] if effects else NOTHING
    unenrolled = [item.unenrolled for item in effects if item.unenrolled is not None]
    return Effect(
        refuse=any(item.refuse for item in effects),
        limit=any(item.limit for item in effects),
        require_acr=reduce(ladder.stricter, {item.require_acr for item in effects}),
        max_age_s=_least_of(item.max_age_s for item in effects),
        max_acr=reduce(ladder.lower, {item.max_acr for item in effects}),
        access_token_lifespan_s=_least_of(item.access_token_lifespan_s for item in effects),
        refresh_token_lifespan_s=_least_of(item.refresh_token_lifespan_s for item in effects),
        reuse_s=_least_of(item.reuse_s for item in effects),
        session=reduce(stricter_fate, {item.session for item in effects}),
        unenrolled=reduce(stricter_unenrolled, unenrolled, None),
    )


def least(one: int | None, other: int | None) -> int | None:
    """The lesser; None is no bound."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _least_of(bounds: Iterable[int | None]) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def stricter_fate(one: SessionFate, other: SessionFate) -> SessionFate:
    """The stricter of two fates of a session."""
    return max(one, other, key=_FATES.index)


def stricter_unenrolled(one: Unenrolled | None, other: Unenrolled | None) -> Unenrolled | None:
    """`deny` before `limit`; None asks nothing."""
    return Unenrolled.DENY if Unenrolled.DENY in (one, other) else one or other


def _is_over(age_s: int | None, bound_s: int) -> bool:
    """An age that is not told is as old as can be: a rule that asks about age must not be passed by silence."""
    return age_s is None or age_s > bound_s
