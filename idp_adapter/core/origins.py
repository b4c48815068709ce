"""What an address is: public, private, shared by a carrier, loopback; and how far apart two places are."""

from __future__ import annotations

import ipaddress
import math
from typing import Final

from idp_adapter.core.types import Place

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG
_SHARED: Final = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598
# RFC 1918, RFC 3927; RFC 4193, RFC 4291. `is_private` would also take documentation and benchmarking networks.
_PRIVATE_V4: Final = tuple(
    ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
)
_PRIVATE_V6: Final = tuple(ipaddress.IPv6Network(net) for net in ("fc00::/7", "fe80::/10"))

KINDS: Final = ("public", "private", "shared", "loopback", "unknown")


def ip_kind(ip: str | None) -> str:
    """`public`, `private`, `shared` (carrier-grade NAT), `loopback`, or `unknown` for what is no host's address."""
    try:
        address = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "loopback"
    if address.is_unspecified or address.is_multicast:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return "private" if any(address in net for net in _PRIVATE_V6) else "public"
    if address in _SHARED:
        return "shared"
    return "private" if any(address in net for net in _PRIVATE_V4) else "public"


def centre_distance_km(one: Place, other: Place) -> float | None:
    """Great-circle distance by the haversine formula; None where a point is unknown."""
    points = (one.latitude, one.longitude, other.latitude, other.longitude)
    if any(point is None for point in points):
        return None
    lat1, lon1, lat2, lon2 = (math.radians(point) for point in points if point is not None)
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))


def distance_km(one: Place, other: Place) -> float | None:
    """How far two places are apart at least: the great circle less both accuracy radii; None where one is unknown."""
    centres_km = centre_distance_km(one, other)
    if centres_km is None:
        return None
    return max(0.0, centres_km - (one.radius_km or 0.0) - (other.radius_km or 0.0))
