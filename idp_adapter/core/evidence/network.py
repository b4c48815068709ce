"""Network: did this subject come from here before, and how many others do?

The likelihood ratio of Freeman, Jain, Dürmuth, Biggio and Giacinto, "Who are you? A statistical approach to measuring
user authenticity" (NDSS 2016), R = p(x | subject) / p(x), over the address hierarchy: address, prefix (/24, /48), AS,
country. These are one story told four times, so the levels are mixed, never multiplied:

    R = e + (1 - e) * sum over levels of  weight * p(level | subject) / max(p(level), least)

p(level | subject) is the share of confirmed logins, at most eight of a value, halved every sixty days, so that a move
is forgiven soon; p(level) is the share of the realm's subjects, so that an office's common address says little of any
one of them; `least` is how often an attacker shares the value by design (same provider, same country); e, the share of
the never seen, falls with the number n of confirmed logins as k / (n + k). A level that either side does not know has
ratio 1. Evidence is -log R; what is known never speaks against, what is new never for. Abstains without history,
without an address, on loopback, and where a backend's address is not the user's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.population import Population
from idp_adapter.core.types import Evidence, Habits, Origin, Reason, Sighting, Signals

SOURCE: Final = "network"
# Published for a large login service: address .6, AS .3, country .1 (Wiefling, Jørgensen, Thunem, Lo Iacono, "Pump Up
# Password Security!", TOPS 2022). The address's share is split with its prefix by judgement.
WEIGHTS: Final = {"address": 0.4, "prefix": 0.2, "asn": 0.3, "country": 0.1}
WORKLOAD_WEIGHTS: Final = {"address": 0.5, "prefix": 0.3, "asn": 0.18, "country": 0.02}  # machines do not travel
# Set by judgement, fitted by benchmarks/population.py.
LEAST: Final = {"address": 0.12, "prefix": 0.15, "asn": 0.25, "country": 0.4}  # an attacker's share at each level
MOST_COUNTRY: Final = 0.7  # attackers of a national service come from abroad more often than its users do
NEVER_SEEN: Final = 1.0  # pseudo-logins from elsewhere: k
WORKLOAD_NEVER_SEEN: Final = 0.1
LEAST_NEVER_SEEN: Final = 0.09
WORKLOAD_LEAST_NEVER_SEEN: Final = 0.03
MOST_COUNTED: Final = 8
HALF_LIFE_DAYS: Final = 60.0
_DAY_S: Final = 86_400.0


def score(situation: Situation) -> Evidence:
    """Weigh the origin against those of confirmed logins and of the realm."""
    signals, habits = situation.signals, situation.history.habits
    if not situation.address_is_theirs:
        return Evidence.abstain(SOURCE, "network_of_a_backend")
    if signals.origin.address is None or signals.ip_kind == "loopback":
        return Evidence.abstain(SOURCE, "network_unknown")
    if habits.logins == 0 or not habits.addresses:
        return Evidence.abstain(SOURCE, "network_history_none")
    code = _code(signals.origin, habits)
    nats = -math.log(likelihood_ratio(situation))
    nats = min(nats, 0.0) if code.endswith("known") else max(nats, 0.0)
    place = signals.origin.place
    params = {key: value for key, value in (("asn", place.asn), ("country", place.country)) if value}
    reason = Reason(code, round(nats, 4), params, "new_place" if nats > 0 else None)
    return Evidence(SOURCE, reason.nats, (reason,))


def likelihood_ratio(situation: Situation) -> float:
    """p(x | subject) / p(x) of the request's origin, positive. Freeman et al., section V, on mixed levels."""
    is_user = situation.request.subject.key.type == "user"
    logins = situation.history.habits.logins
    k, least = (NEVER_SEEN, LEAST_NEVER_SEEN) if is_user else (WORKLOAD_NEVER_SEEN, WORKLOAD_LEAST_NEVER_SEEN)
    never_seen = max(k / (logins + k), least)
    weights = WEIGHTS if is_user else WORKLOAD_WEIGHTS
    levels = _levels(situation.signals, situation.history.habits)
    population = situation.population if is_user else Population()
    mixed = math.fsum(
        weights[level] * _ratio(level, value, seen, population, situation.now) for level, value, seen in levels
    )
    return never_seen + (1 - never_seen) * mixed


def _levels(signals: Signals, habits: Habits) -> Iterable[tuple[str, str | None, Sequence[Sighting]]]:
    """Each level, its value (None where it is not known or not the subject's own), and what was seen of it."""
    origin, place = signals.origin, signals.origin.place
    of_relay = "relay" in signals.network_tags
    is_shared = signals.ip_kind == "shared"
    yield "address", None if of_relay or is_shared else origin.address, habits.addresses
    yield "prefix", None if of_relay else origin.prefix, habits.prefixes
    yield "asn", None if of_relay or place.asn is None else str(place.asn), habits.networks
    yield "country", place.country, habits.countries


def _ratio(level: str, value: str | None, seen: Sequence[Sighting], population: Population, now: datetime) -> float:
    """p(level | subject) / p(level); 1 where it says nothing."""
    if value is None or not seen:
        return 1.0
    share = _share(value, seen, now)
    common = population.share(level, value)
    if level == "country":
        common = min(common, MOST_COUNTRY)
    return share / max(common, LEAST[level])


def _share(value: str, seen: Sequence[Sighting], now: datetime) -> float:
    """The value's share of confirmed logins, each value's capped and fading."""
    found = total = 0.0
    for sighting in seen:
        age_days = max(0.0, (now - sighting.last_seen).total_seconds() / _DAY_S)
        weight = min(sighting.count, MOST_COUNTED) * 0.5 ** min(age_days / HALF_LIFE_DAYS, 30.0)
        total += weight
        if sighting.value == value:
            found = weight
    return found / total


def _code(origin: Origin, habits: Habits) -> str:
    """The deepest level that is known, or the shallowest that is new."""
    place = origin.place
    if _has(origin.address, habits.addresses):
        return "network_address_known"
    if _has(origin.prefix, habits.prefixes):
        return "network_prefix_known"
    if place.asn is not None and _has(str(place.asn), habits.networks):
        return "network_asn_known"
    if place.country is not None and habits.countries and not _has(place.country, habits.countries):
        return "network_country_new"
    if place.asn is not None and habits.networks:
        return "network_asn_new"
    return "network_prefix_new"


def _has(value: str | None, sightings: Sequence[Sighting]) -> bool:
    return value is not None and any(sighting.value == value for sighting in sightings)
