"""Fusion: prior + evidence, in log-odds, gives one risk.

Each source counts by its weight (`fusion_weights`, fitted or judged) within its caps: so much against, so much for the
subject. Sources of one correlation group tell one story: the strongest speaks whole, the rest by the group's discount.
Weights are never negative, so that more evidence against never lowers the risk. Where fewer sources than the quorum
speak, risk does not fall below the floor (law 1). Contributions listed,
with the prior, sum to the score (law 9), and order never matters (law 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from idp_adapter.core import fusion_weights
from idp_adapter.core.evidence import (
    account,
    automation,
    coded,
    device,
    failures,
    hours,
    network,
    network_feeds,
    place,
    pointed,
    posture,
    step_up,
    travel,
    typed,
)
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Level, Reason, Risk

DISCOUNTS, WEIGHTS = fusion_weights.checked()
FLOOR: Final = "floor"  # the source of what lifts a risk that too few sources speak for


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its name, correlation group, and the most it may weigh in nats: against, and for the subject."""

    name: str
    group: str
    cap_nats: float
    score: Callable[[Situation], Evidence]
    reassures_nats: float = math.inf  # no more than the cap


SOURCES: Final[tuple[Source, ...]] = (
    Source(device.SOURCE, "device", 5.0, device.score),
    Source(posture.SOURCE, "posture", 1.5, posture.score),
    Source(network.SOURCE, "place", 4.0, network.score),
    Source(network_feeds.SOURCE, "place", 4.0, network_feeds.score),
    Source(place.SOURCE, "place", 1.5, place.score),
    Source(travel.SOURCE, "place", 3.0, travel.score),
    Source(failures.SOURCE, "failures", 3.0, failures.score),
    Source(account.SOURCE, "account", 2.0, account.score),
    Source(hours.SOURCE, "hours", 1.0, hours.score),
    Source(typed.SOURCE, "behaviour", 4.5, typed.score, reassures_nats=2.0),  # what is known of a hand can be stolen
    Source(coded.SOURCE, "behaviour", 3.0, coded.score, reassures_nats=1.0),
    Source(pointed.SOURCE, "behaviour", 1.5, pointed.score, reassures_nats=1.0),
    Source(automation.SOURCE, "behaviour", 3.0, automation.score),
    Source(step_up.SOURCE, "behaviour", 3.0, step_up.score),
)
_GROUPS: Final = {source.name: source.group for source in SOURCES}
_CAPS: Final = {source.name: (-min(source.cap_nats, source.reassures_nats), source.cap_nats) for source in SOURCES}
_CAPPED: Final = (-3.0, 3.0)  # of a source that isn't listed


@dataclass(frozen=True, slots=True)
class Scale:
    """How a policy reads risk: probabilities, and how many sources must speak before the floor falls away."""

    prior: float
    floor: float
    quorum: int
    medium: float
    high: float


class Sums(NamedTuple):
    """A risk in numbers alone: log-odds, those of them that lift it to the floor, and probabilities."""

    nats: float
    lift: float
    probability: float
    without_behaviour: float


def logit(probability: float) -> float:
    """Log-odds of a probability strictly between 0 and 1, in nats."""
    return math.log(probability / (1 - probability))


def expit(nats: float) -> float:
    """Probability of log-odds; exact limits for any finite input."""
    if nats >= 0:
        return 1 / (1 + math.exp(-nats))
    odds = math.exp(nats)
    return odds / (1 + odds)


def fuse(evidence: Iterable[Evidence], scale: Scale, weights: Mapping[str, float] = WEIGHTS) -> Risk:
    """Combine the evidence of one attempt into its risk. A source without a weight counts whole."""
    return sum_up(_discount([_capped(item, weights.get(item.source, 1.0)) for item in evidence]), scale)


def sum_up(contributions: Iterable[Evidence], scale: Scale) -> Risk:
    """The risk of contributions already weighed, capped and discounted; a floor among them is made anew."""
    shares = tuple(item for item in contributions if item.source != FLOOR)
    calm = [item.nats for item in shares if not item.behavioural]
    speaking = sum(1 for item in shares if not item.abstains)
    sums = add_up([item.nats for item in shares], calm, speaking, scale)
    if sums.lift:
        reason = Reason("floor_few_sources", sums.lift, {"speaking": speaking})
        shares = (*shares, Evidence(FLOOR, sums.lift, (reason,)))
    return Risk(
        nats=sums.nats,
        probability=sums.probability,
        level=level_of(sums.probability, scale),
        prior_nats=logit(scale.prior),
        contributions=shares,
        without_behaviour=sums.without_behaviour,
    )


def add_up(shares: Sequence[float], calm: Sequence[float], speaking: int, scale: Scale) -> Sums:
    """The sums of contributions in nats, the floor's among none of them; `calm` are those without behaviour."""
    prior_nats = logit(scale.prior)
    lift = max(0.0, logit(scale.floor) - (prior_nats + math.fsum(shares))) if speaking < scale.quorum else 0.0
    nats = prior_nats + math.fsum((*shares, lift))
    return Sums(
        nats=nats,
        lift=lift,
        probability=expit(nats),
        without_behaviour=expit(prior_nats + math.fsum((*calm, lift))),
    )


def level_of(probability: float, scale: Scale) -> Level:
    """LOW below `medium`, HIGH from `high`, MEDIUM between."""
    if probability >= scale.high:
        return Level.HIGH
    return Level.MEDIUM if probability >= scale.medium else Level.LOW


def _capped(item: Evidence, weight: float) -> Evidence:
    least, most = _CAPS.get(item.source, _CAPPED)
    nats = 0.0 if item.abstains or not math.isfinite(item.nats) else max(least, min(most, item.nats * weight))
    return _weighed(item, nats)


def _weighed(item: Evidence, nats: float) -> Evidence:
    """The same evidence at another weight; its reasons keep their proportions, so that they still sum to it."""
    if nats == item.nats:
        return item
    share = nats / item.nats if item.nats and math.isfinite(item.nats) else 0.0
    reasons = tuple(
        Reason(reason.code, reason.nats * share if share else 0.0, reason.params, reason.for_user)
        for reason in item.reasons
    )
    return Evidence(item.source, nats, reasons, item.abstains, item.behavioural)


def _discount(items: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Within a group, the strongest whole and the rest discounted; ties go by name so that order never matters."""
    ordered = sorted(items, key=lambda item: (-abs(item.nats), item.source))
    led: set[str] = set()
    shares: list[Evidence] = []
    for item in ordered:
        group = _GROUPS.get(item.source, item.source)
        if item.abstains or group not in led:
            shares.append(item)
        else:
            shares.append(_weighed(item, item.nats * DISCOUNTS.get(group, 1.0)))
        if not item.abstains:
            led.add(group)
    return tuple(sorted(shares, key=lambda item: item.source))
