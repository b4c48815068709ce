"""Network: did this subject come from here before, and how many others do?

The likelihood ratio of Freeman, Jain, Dürmuth, Biggio and Giacinto, "Who are you? A statistical approach to measuring
user authenticity" (NDSS 2016), R = p(x | subject) / p(x), over the address hierarchy: address, prefix (/24, /48), AS,
country. These are one story told four times, so they are never multiplied: x is the deepest level that the subject's
confirmed logins showed before, and the wider ones follow from it.

    p(known at level l, new below | subject) = v(l - 1) - v(l),   v(l) = (values seen once + k(l)) / (logins + K)

v is how often a login brings a new value (I. J. Good, "The population frequencies of species", Biometrika 1953),
smoothed: a carrier's customer has a new address each time, and one more says nothing; who always sits at home has not.
p(x) is how often an attacker who wants to gets as deep (same provider, same country), or the value's share of the
realm's subjects where that is more, so that an office's common address says little of any one of them. A level that
either side does not know is left out. Evidence is -log R, never more for a deeper level than for a wider one. A known
address or prefix never speaks against; anybody can choose a provider, so a known AS never reassures, nor does what is
new. Abstains without history, without an address, on loopback, and where a backend's address is not the user's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.population import UNKNOWN
from idp_adapter.core.types import Evidence, Habits, Origin, Reason, Sighting, Signals

SOURCE: Final = "network"
# Set by judgement, looked at beside what benchmarks/population shows. How often an attacker who wants to gets so deep:
# bounds, not parts of a whole.
SHARED: Final = {"address": 0.06, "prefix": 0.30, "asn": 0.30, "country": 0.30}
SHARING_NOTHING: Final = 0.50
# Pseudo-logins that brought a new value (k), of so many in all (K): what is expected of a subject not yet known.
NEW: Final = {"address": 4.0, "prefix": 2.0, "asn": 1.0, "country": 0.5}
LOGINS: Final = 6.0
WORKLOAD_NEW: Final = {"address": 0.3, "prefix": 0.2, "asn": 0.1, "country": 0.05}  # machines do not travel
WORKLOAD_LOGINS: Final = 1.0
_OF_MACHINES: Final = frozenset({"asn", "country"})  # where its first login was it stays; its addresses may change
RAREST: Final = 0.01  # of logins bring any new value, however long the history
_ONES_OWN: Final = frozenset({"network_address_known", "network_prefix_known"})
OF_RELAY: Final = 0.1  # how much a relay's country tells: it may be another than its user's


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
    nats = min(nats, 0.0) if code in _ONES_OWN else max(nats, 0.0)
    place = signals.origin.place
    params = {key: value for key, value in (("asn", place.asn), ("country", place.country)) if value}
    reason = Reason(code, round(nats, 4), params, "new_place" if nats > 0 else None)
    return Evidence(SOURCE, reason.nats, (reason,))


def likelihood_ratio(situation: Situation) -> float:
    """p(x | subject) / p(x) of the origin, positive: Freeman et al., section V, by the deepest known level."""
    is_user = situation.request.subject.key.type == "user"
    new, logins = (NEW, LOGINS) if is_user else (WORKLOAD_NEW, WORKLOAD_LOGINS)
    population = situation.population if is_user else UNKNOWN
    below, found = 1.0, []
    for level, value, seen in _levels(situation.signals, situation.history.habits):
        if value is None or not seen:
            continue
        times = sum(one.count for one in seen)
        is_first_home = times == 1 and not is_user and level in _OF_MACHINES
        once = 0 if is_first_home else sum(1 for one in seen if one.count == 1)
        novelty = min(below, max(RAREST, (once + new[level]) / (times + logins)))
        if _has(value, seen):
            found.append((below - novelty) / max(SHARED[level], population.share(level, value)))
        below = novelty
    ratio = max((*found, below / SHARING_NOTHING))
    return 1 - OF_RELAY + OF_RELAY * ratio if "relay" in situation.signals.network_tags else ratio


def _levels(signals: Signals, habits: Habits) -> tuple[tuple[str, str | None, Sequence[Sighting]], ...]:
    """Each level, the narrowest first: its value (None where not known or not the subject's own), what was seen."""
    origin, place = signals.origin, signals.origin.place
    is_relay = "relay" in signals.network_tags
    return (
        ("address", None if is_relay or signals.ip_kind == "shared" else origin.address, habits.addresses),
        ("prefix", None if is_relay else origin.prefix, habits.prefixes),
        ("asn", None if is_relay or place.asn is None else str(place.asn), habits.networks),
        ("country", place.country, habits.countries),
    )


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
