"""Replay: stored evidence judged again by another policy, and what that would change for whom.

Decisions that the policy can't tell apart are judged once: `Look` says what it takes to tell them apart, a store groups
by it, and `judge` answers for a whole group. Evidence is taken as it was heard then: what an environment muted
stays muted, and unmet step-ups are those counted then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from idp_adapter.core.differences import Difference, difference
from idp_adapter.core.fusion import Scale, level_of, logit, sum_up
from idp_adapter.core.policy import Policy, decide, located, placed
from idp_adapter.core.policy_layers import Settings
from idp_adapter.core.policy_rules import Condition
from idp_adapter.core.types import Evidence, Obligations, Place, Reason, Risk
from idp_adapter.core.types.facts import NONE, Facts, Names

_THRESHOLDS: Final = ("medium", "high", "refuse", "refuse_token")
_SCALE: Final = ("prior", "floor", "quorum")
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Look:
    """What a policy looks at in stored decisions. Edges are sorted; between two of them it tells nothing apart.

    `slope`: the probabilities from which, and up to which, every value counts, for token lives. `codes`: reason codes
    that rules ask about; decisions that hold one are read by their evidence. `rescales`: the policy reads evidence
    on another scale than it was recorded on, so that all are. `scale` is its only one, None where layers differ.
    """

    prior: float
    scale: Scale | None
    probabilities: tuple[float, ...]
    slope: tuple[float, float]
    auth_ages_s: tuple[int, ...]
    session_ages_s: tuple[int, ...]
    subjects: Names
    codes: Names
    by_country: bool
    by_place: bool
    by_time: bool
    rescales: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Decisions that a policy can't tell apart: one of them stands for `count`.

    `codes` spoke among those that the policy asks about, `calm_codes` without behaviour. `contributions` are given
    where the policy has to sum them up itself.
    """

    count: int
    facts: Facts
    time: datetime
    place: Place
    probability: float
    without_behaviour: float
    permitted: bool
    acr_values: tuple[str, ...]
    obligations: Obligations
    codes: Names = NONE
    calm_codes: Names = NONE
    contributions: tuple[Evidence, ...] | None = None


@dataclass(slots=True)
class Report:
    """What a candidate would change, counted: in all, and by client, group and accessibility."""

    judged: int = 0
    without_facts: int = 0
    unreadable: int = 0
    changes: Counter[Difference] = field(default_factory=Counter)
    by_client: dict[str, Counter[Difference]] = field(default_factory=dict)
    by_group: dict[str, Counter[Difference]] = field(default_factory=dict)
    by_exemption: dict[str, Counter[Difference]] = field(default_factory=dict)
    by_hook: dict[str, Counter[Difference]] = field(default_factory=dict)

    def add(self, group: Group, change: Difference) -> None:
        """Count one group."""
        facts = group.facts
        self.judged += group.count
        self.changes[change] += group.count
        exemption = "exempt from behaviour" if facts.is_exempt else "not exempt"
        for table, names in (
            (self.by_client, (facts.client,)),
            (self.by_group, facts.groups or ("no group that was recorded",)),
            (self.by_exemption, (exemption,)),
            (self.by_hook, (facts.hook,)),
        ):
            for name in names:
                table.setdefault(name, Counter())[change] += group.count


def look_of(policy: Policy, *, live: Policy) -> Look:
    """What a policy needs to see. `live` recorded the decisions."""
    conditions = list(_conditions(policy))
    every = list(_every_setting(policy))
    probabilities = sorted({getattr(settings, name) for settings in every for name in _THRESHOLDS})
    ages = {settings.step_up_max_age_s for settings in every}
    ages |= {rule.effect.max_age_s for rule in policy.rules if rule.effect.max_age_s is not None}
    ages |= {item.auth_age_over_s for item in conditions if item.auth_age_over_s is not None}
    scales = {tuple(getattr(settings, name) for name in _SCALE) for settings in every}
    return Look(
        prior=policy.settings.prior,
        scale=policy.scale if len(scales) == 1 else None,
        probabilities=tuple(probabilities),
        slope=(min(settings.medium for settings in every), max(settings.high for settings in every)),
        auth_ages_s=tuple(sorted(ages)),
        session_ages_s=tuple(
            sorted({item.session_age_over_s for item in conditions if item.session_age_over_s is not None})
        ),
        subjects=NONE.union(*(item.subject for item in conditions), (glass.subject.id for glass in policy.break_glass)),
        codes=NONE.union(*(item.reason for item in conditions)),
        by_country=any(item.country or item.place_known is not None for item in conditions),
        by_place=bool(policy.whereabouts.sites),
        by_time=any(item.hour or item.day for item in conditions),
        rescales=scales != {tuple(getattr(live.settings, name) for name in _SCALE)},
    )


def unrecorded(policy: Policy, *, live: Policy) -> tuple[str, ...]:
    """Names that a policy asks about and `live` does not record, as a person reads them."""
    found = []
    for kind in ("roles", "groups", "scopes", "properties"):
        missing = getattr(policy.recorded, kind) - getattr(live.recorded, kind)
        found += [f"{kind.removesuffix('s')} {name}" for name in sorted(missing)]
    zones = {name for name, _ in policy.whereabouts.zones} - {name for name, _ in live.whereabouts.zones}
    devices = {name for name, _ in policy.whereabouts.devices} - {name for name, _ in live.whereabouts.devices}
    return (*found, *(f"zone {name}" for name in sorted(zones)), *(f"device {name}" for name in sorted(devices)))


def read_again(policy: Policy, facts: Facts, risk: Risk, *, time: datetime, place: Place) -> tuple[Facts, Risk]:
    """Stored facts and risk as a policy reads them: its own sites, clock, environments and scale."""
    facts = place_again(policy, facts, time=time, place=place)
    return facts, sum_up(risk.contributions, policy.settled(facts).scale)


def place_again(policy: Policy, facts: Facts, *, time: datetime, place: Place) -> Facts:
    """Stored facts by a policy's own sites, clock and environments."""
    return placed(policy, located(policy, facts, place), now=time)


def judge(policy: Policy, group: Group) -> Difference:
    """How a policy's answer to a group differs from the recorded one."""
    facts = place_again(policy, group.facts, time=group.time, place=group.place)
    if group.contributions is not None:
        risk = sum_up(group.contributions, policy.settled(facts).scale)
    else:
        risk = _risk(policy, group)
    decision = decide(policy, facts, risk, decision_id="")
    recorded = replace(decision, permitted=group.permitted, acr_values=group.acr_values, obligations=group.obligations)
    return difference(recorded, decision, facts, policy.ladder)


def _risk(policy: Policy, group: Group) -> Risk:
    """A risk that rules can't tell from the group's own: its probability, and sources that carry its codes."""
    calm = tuple(Reason(code, 0.0) for code in group.calm_codes)
    others = tuple(Reason(code, 0.0) for code in group.codes - group.calm_codes)
    return Risk(
        nats=nats_of(group.probability),
        probability=group.probability,
        level=level_of(group.probability, policy.scale),
        prior_nats=logit(policy.settings.prior),
        contributions=(Evidence("calm", 0.0, calm), Evidence("behaviour", 0.0, others, behavioural=True)),
        without_behaviour=group.without_behaviour,
    )


def bands_of(look: Look, probability: float, without_behaviour: float) -> tuple[int, int, float | None]:
    """Where a risk lies between a policy's edges: its band, that without behaviour, and its value on the slope."""
    calm = min(probability, without_behaviour)
    on_slope = look.slope[0] <= probability < look.slope[1]
    bands = (bisect_right(look.probabilities, value) for value in (probability, calm))
    p_band, calm_band = bands
    return p_band, calm_band, probability if on_slope else None


def probability_of(band: int, edges: tuple[float, ...]) -> float:
    """A probability that stands for a band: the edge that it begins with, or one below all."""
    return edges[band - 1] if band else edges[0] / 2


def age_of(band: int | None, edges: tuple[int, ...]) -> int | None:
    """An age that stands for a band: just over the edge that it begins with; None where none was told."""
    if band is None:
        return None
    return edges[band - 1] + 1 if band else 0


def nats_of(probability: float) -> float:
    """Log-odds of any probability, its ends included."""
    return logit(min(max(probability, _TINY), 1 - _TINY))


def _conditions(policy: Policy) -> Iterator[Condition]:
    for rule in policy.rules:
        yield rule.when
        if rule.unless is not None:
            yield rule.unless
    yield from (override.when for override in policy.overrides)


def _every_setting(policy: Policy) -> Iterable[Settings]:
    """The policy's own settings, and each layer's changes to them: what is in force is one of these, field by field."""
    return (policy.settings, *(replace(policy.settings, **override.changes) for override in policy.overrides))
