"""Network: did this subject come from here before?

Address, prefix, ASN and country are one story told four times, so only the deepest level that matches speaks, and the
shallowest that does not. The weight grows with the number of confirmed logins as n / (n + 2), for a workload as
n / (n + 1). Abstains without history, without an address, and where a backend's address is not the user's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Habits, Origin, Reason, Sighting

SOURCE: Final = "network"
ADDRESS_KNOWN: Final = -1.6
PREFIX_KNOWN: Final = -1.3
ASN_KNOWN: Final = -0.7
ASN_NEW: Final = 0.9
COUNTRY_NEW: Final = 2.4
PREFIX_NEW: Final = 0.8  # where no file tells ASN and country
WORKLOAD_FACTOR: Final = 2.0  # machines do not travel: a new network says more of them, and sooner
_GROWTH: Final = 2.0
_WORKLOAD_GROWTH: Final = 1.0


def score(situation: Situation) -> Evidence:
    """Weigh the origin against the origins of confirmed logins."""
    origin, habits = situation.signals.origin, situation.history.habits
    if not situation.address_is_theirs:
        return Evidence.abstain(SOURCE, "network_of_a_backend")
    if origin.address is None:
        return Evidence.abstain(SOURCE, "network_unknown")
    if habits.logins == 0 or not habits.addresses:
        return Evidence.abstain(SOURCE, "network_history_none")
    code, nats = _level(origin, habits)
    is_workload = situation.request.subject.key.type == "service_account"
    weight = habits.logins / (habits.logins + (_WORKLOAD_GROWTH if is_workload else _GROWTH))
    if nats > 0 and is_workload:
        weight *= WORKLOAD_FACTOR
    params = {key: value for key, value in (("asn", origin.place.asn), ("country", origin.place.country)) if value}
    for_user = "new_place" if nats > 0 else None
    reason = Reason(code, round(nats * weight, 4), params, for_user)
    return Evidence(SOURCE, reason.nats, (reason,))


def _level(origin: Origin, habits: Habits) -> tuple[str, float]:
    if _seen(origin.address, habits.addresses):
        return "network_address_known", ADDRESS_KNOWN
    if _seen(origin.prefix, habits.prefixes):
        return "network_prefix_known", PREFIX_KNOWN
    place = origin.place
    if place.asn is not None and _seen(str(place.asn), habits.networks):
        return "network_asn_known", ASN_KNOWN
    if place.country is not None and habits.countries and not _seen(place.country, habits.countries):
        return "network_country_new", COUNTRY_NEW
    if place.asn is not None and habits.networks:
        return "network_asn_new", ASN_NEW
    return "network_prefix_new", PREFIX_NEW


def _seen(value: str | None, sightings: Iterable[Sighting]) -> bool:
    return value is not None and any(sighting.value == value for sighting in sightings)
