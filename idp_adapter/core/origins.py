"""What an address is: public, private, shared by a carrier, loopback; and how far apart two places are."""

from __future__ import annotations

import ipaddress
import math
from typing import Final

from idp_adapter.core.types import Place

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598


def ip_kind(ip: str | None) -> str:
    """`public`, `private`, `shared` (carrier-grade NAT), `loopback`, or `unknown` for what is no address."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "loopback"
    if address in _SHARED if address.version == 4 else False:
        return "shared"
    return "private" if address.is_private or address.is_link_local else "public"


def distance_km(one: Place, other: Place) -> float | None:
    """Great-circle distance by the haversine formula, less both accuracy radii; None where a point is unknown."""
    points = (one.latitude, one.longitude, other.latitude, other.longitude)
    if any(point is None for point in points):
        return None
    lat1, lon1, lat2, lon2 = (math.radians(point) for point in points if point is not None)
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    great_circle = 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))
    return max(0.0, great_circle - (one.radius_km or 0.0) - (other.radius_km or 0.0))
