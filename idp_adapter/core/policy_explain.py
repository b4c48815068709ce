"""Why a policy answers as it does: every environment, layer and rule, whether it applies, and if not, why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from idp_adapter.core.policy import Policy, decide, standing_of
from idp_adapter.core.policy_layers import Override, Settings
from idp_adapter.core.policy_rules import NOTHING, Effect
from idp_adapter.core.replay import read_again
from idp_adapter.core.types import Decision, DecisionRecord, Risk
from idp_adapter.core.types.facts import Facts
from idp_adapter.errors import NotFound


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a policy. `unmet` names the field that keeps it from applying; `asks` what it asks where it does.

    `by_behaviour`: only behaviour made it match, so that its refusal and its ending of sessions are left out.
    """

    kind: str  # "environment", "layer", "rule"
    name: str
    unmet: str | None
    asks: Mapping[str, Any]
    by_behaviour: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer with all that led to it."""

    decision: Decision
    facts: Facts
    settings: Settings
    findings: tuple[Finding, ...]


def explain(policy: Policy, facts: Facts, risk: Risk, *, decision_id: str) -> Explanation:
    """Decide, and go through the policy part by part."""
    settings = policy.settled(facts)
    standing = standing_of(risk, settings.scale)
    findings = [
        Finding("environment", item.name, item.when.unmet_fact(facts), {"sources": dict(item.weights)})
        for item in policy.environments
    ]
    findings += [
        Finding(
            kind="layer",
            name=item.name,
            unmet=item.when.unmet_fact(facts),
            asks={**item.changes, **({"may_loosen": True} if _may_loosen(item, facts) else {})},
        )
        for item in policy.overrides
    ]
    findings += [
        Finding(
            kind="rule",
            name=rule.name,
            unmet=rule.unmet(facts, standing.level, standing.codes),
            asks=asked(rule.effect),
            by_behaviour=rule.when.unmet_risk(standing.calm_level, standing.calm_codes) is not None,
        )
        for rule in policy.rules
    ]
    return Explanation(decide(policy, facts, risk, decision_id=decision_id), facts, settings, tuple(findings))


def explain_record(policy: Policy, record: DecisionRecord) -> Explanation:
    """The answer of any policy to a stored decision. Raises `NotFound` where its facts were not stored."""
    if record.facts is None:
        raise NotFound(f"decision {record.decision.id} was stored before decisions kept their facts")
    place = record.origin.place
    facts, risk = read_again(policy, record.facts, record.decision.risk, time=record.time, place=place)
    return explain(policy, facts, risk, decision_id=record.decision.id)


def _may_loosen(override: Override, facts: Facts) -> bool:
    return (override.applied(facts) or override).may_loosen


def asked(effect: Effect) -> dict[str, Any]:
    """What an effect asks, by field; what it does not ask is left out."""
    names = (field.name for field in fields(Effect))
    return {name: getattr(effect, name) for name in names if getattr(effect, name) != getattr(NOTHING, name)}
