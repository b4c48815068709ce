"""Work environments: places of work that choose which sources speak, which factors exist, and which answers apply.

An environment is known by a zone (the address, before it is pseudonymised), by a device that the request proved, or by
the client. Several may match: then only what all of them offer is there, and each source is heard as the most wary of
them hears it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from idp_adapter.core.origins import distance_km
from idp_adapter.core.policy_rules import Condition
from idp_adapter.core.types import Evidence, Place, Request, Signals
from idp_adapter.core.types.facts import NONE, Facts, Names

MUTED: Final = "muted_by_environment"
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Response(StrEnum):
    """What an environment may offer beside letting in and refusing."""

    STEP_UP = "step_up"
    LIMIT = "limit"


RESPONSES: Final = frozenset(Response)


@dataclass(frozen=True, slots=True)
class Environment:
    """`weights` scale what a source says, 0 mutes it; `factors` None are all that there are."""

    name: str
    when: Condition
    weights: Mapping[str, float]
    factors: Names | None = None
    responses: frozenset[Response] = RESPONSES


@dataclass(frozen=True, slots=True)
class Site:
    """A circle on the map."""

    name: str
    centre: Place
    radius_km: float


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a policy names of networks, of the map and of devices."""

    zones: tuple[tuple[str, Network], ...] = ()
    sites: tuple[Site, ...] = ()
    devices: tuple[tuple[str, str], ...] = ()  # name of a group, and a thumbprint

    def zones_of(self, ip: str | None) -> Names:
        """The zones that hold an address; none for what is no address."""
        if not self.zones or not ip:
            return NONE
        try:
            address = ipaddress.ip_address(ip.partition("%")[0])
        except ValueError:
            return NONE
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return frozenset(name for name, network in self.zones if address in network)

    def sites_of(self, place: Place) -> Names:
        """The circles that surely hold a place: its whole radius of uncertainty lies inside."""
        inside = set()
        for site in self.sites:
            km = distance_km(site.centre, replace(place, radius_km=0.0))
            if km is not None and km + (place.radius_km or 0.0) <= site.radius_km:
                inside.add(site.name)
        return frozenset(inside)

    def devices_of(self, request: Request, signals: Signals) -> Names:
        """The groups of devices that the request proved: keys and certificates. A cookie proves nothing."""
        if not self.devices:
            return NONE
        key_id = signals.telemetry.key_id if signals.telemetry else None
        proved = {key_id, request.binding.jkt, request.binding.x5t_s256}
        return frozenset(name for name, thumbprint in self.devices if thumbprint in proved)


def matching(environments: Iterable[Environment], facts: Facts) -> tuple[Environment, ...]:
    """The environments that a request is in."""
    return tuple(item for item in environments if item.when.unmet_fact(facts) is None)


def factors_in(environments: Iterable[Environment]) -> Names | None:
    """The factors that exist in all of them; None where none of them says."""
    told = [item.factors for item in environments if item.factors is not None]
    return frozenset.intersection(*told) if told else None


def responses_in(environments: Iterable[Environment]) -> frozenset[Response]:
    """The responses that all of them offer."""
    return RESPONSES.intersection(*(item.responses for item in environments))


def heard_in(environments: Sequence[Environment], evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence as the environments hear it: what speaks against by the greatest weight, what reassures by the least.

    Reasons keep their proportions.
    """
    return tuple(_heard(environments, item) for item in evidence)


def _heard(environments: Sequence[Environment], item: Evidence) -> Evidence:
    weights = [environment.weights.get(item.source, 1.0) for environment in environments]
    return _scaled(item, (max if item.nats > 0 else min)(weights, default=1.0))


def _scaled(item: Evidence, weight: float) -> Evidence:
    if weight == 1.0 or item.abstains:
        return item
    if weight == 0.0:
        return Evidence.abstain(item.source, MUTED, behavioural=item.behavioural)
    reasons = tuple(replace(reason, nats=reason.nats * weight) for reason in item.reasons)
    return replace(item, nats=item.nats * weight, reasons=reasons)
