"""Familiar places: where on the map a subject's confirmed logins were, as a few circles.

A login inside a circle's reach moves its centre a little; any other begins a new one, and the longest unseen leaves.
Where a file gives a point without its accuracy, fifty kilometres are taken; a point vaguer than 200 km is no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from idp_adapter.core.origins import distance_km
from idp_adapter.core.types import FamiliarPlace, Place

MOST_PLACES: Final = 8
REACH_KM: Final = 50.0  # one town to its neighbour: what geolocation by address can't tell apart
UNTOLD_RADIUS_KM: Final = 50.0
VAGUE_KM: Final = 200.0
_SLOWEST: Final = 20  # from so many logins on a centre moves by a twentieth


def point_of(place: Place) -> Place | None:
    """The place with its accuracy radius; None where it is no point or a vague one."""
    radius_km = UNTOLD_RADIUS_KM if place.radius_km is None else place.radius_km
    if place.latitude is None or place.longitude is None or radius_km > VAGUE_KM:
        return None
    return replace(place, radius_km=radius_km)


def nearest(places: Sequence[FamiliarPlace], point: Place) -> tuple[FamiliarPlace, float] | None:
    """The familiar place nearest to a point, and how far it is at least, km; None where there is none."""
    return min(((place, _apart_km(place, point)) for place in places), key=lambda pair: pair[1], default=None)


def visited(places: tuple[FamiliarPlace, ...], place: Place, at: datetime) -> tuple[FamiliarPlace, ...]:
    """The familiar places after one more confirmed login, latest first."""
    point = point_of(place)
    if point is None:
        return places
    found = nearest(places, point)
    known = found[0] if found and found[1] <= REACH_KM else None
    fresh = _moved(known, point, at) if known else _begun(point, at)
    rest = sorted((item for item in places if item is not known), key=lambda item: item.last_seen, reverse=True)
    return (fresh, *rest[: MOST_PLACES - 1])


def _apart_km(known: FamiliarPlace, point: Place) -> float:
    circle = Place(latitude=known.latitude, longitude=known.longitude, radius_km=known.radius_km)
    return distance_km(circle, point) or 0.0


def _begun(point: Place, at: datetime) -> FamiliarPlace:
    latitude, longitude, radius_km = _numbers(point)
    return FamiliarPlace(latitude, longitude, radius_km, 1, at, at)


def _moved(known: FamiliarPlace, point: Place, at: datetime) -> FamiliarPlace:
    latitude, longitude, radius_km = _numbers(point)
    share = 1 / min(known.count + 1, _SLOWEST)
    east = (longitude - known.longitude + 540) % 360 - 180  # the short way round
    return replace(
        known,
        latitude=round(known.latitude + share * (latitude - known.latitude), 2),
        longitude=round((known.longitude + share * east + 540) % 360 - 180, 2),
        radius_km=round(known.radius_km + share * (radius_km - known.radius_km), 1),
        count=known.count + 1,
        last_seen=at,
    )


def _numbers(point: Place) -> tuple[float, float, float]:
    return point.latitude or 0.0, point.longitude or 0.0, point.radius_km or 0.0
