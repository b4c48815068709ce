"""A made-up internet: networks, where their addresses are, and what feeds say of them.

The first byte of an address names the network, the second the city, the third and fourth the prefix and the host. The
geolocator below reads them back with the errors that files of places have: a radius, now and then the next city.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from idp_adapter.core.types import Place

WRONG_CITY: Final = 0.03  # share of fixed-line prefixes that files place in another city of the country
WRONG_CITY_MOBILE: Final = 0.15  # carriers' gateways are not where their users are
FIXED_KM, MOBILE_KM = 20.0, 100.0


@dataclass(frozen=True, slots=True)
class City:
    """A city and its share of people, or of what attackers come from."""

    name: str
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Network:
    """An AS: what it is to its users, in which countries it is, and whether feeds know it."""

    first_byte: int
    asn: int
    kind: str  # "fixed", "mobile", "office", "vpn", "hosting", "tor"
    countries: tuple[str, ...]
    prefixes: int = 40  # of each city
    tags: tuple[str, ...] = ()


CITIES: Final = (
    City("Berlin", "DE", 52.5, 13.4),
    City("Hamburg", "DE", 53.6, 10.0),
    City("Munich", "DE", 48.1, 11.6),
    City("Cologne", "DE", 50.9, 7.0),
    City("Leipzig", "DE", 51.3, 12.4),
    City("Vienna", "AT", 48.2, 16.4),
    City("Paris", "FR", 48.9, 2.4),
    City("London", "GB", 51.5, -0.1),
    City("Madrid", "ES", 40.4, -3.7),
    City("Warsaw", "PL", 52.2, 21.0),
    City("New York", "US", 40.7, -74.0),
    City("Singapore", "SG", 1.3, 103.8),
    City("Lagos", "NG", 6.5, 3.4),
    City("Sao Paulo", "BR", -23.6, -46.6),
    City("Jakarta", "ID", -6.2, 106.8),
)
HOME_COUNTRY: Final = "DE"
HOME: Final = tuple(city for city in CITIES if city.country == HOME_COUNTRY)
ABROAD: Final = tuple(city for city in CITIES if city.country != HOME_COUNTRY)
_ALL: Final = tuple(sorted({city.country for city in CITIES}))
_FOREIGN: Final = tuple(sorted({city.country for city in ABROAD}))
FIXED: Final = tuple(Network(20 + i, 64500 + i, "fixed", (HOME_COUNTRY,)) for i in range(4))
MOBILE: Final = tuple(Network(30 + i, 64510 + i, "mobile", (HOME_COUNTRY,), prefixes=24) for i in range(3))
OFFICES: Final = tuple(Network(40 + i, 64520 + i, "office", (HOME_COUNTRY,), prefixes=60) for i in range(2))
VPNS: Final = tuple(Network(50 + i, 64530 + i, "vpn", _ALL, 4, ("vpn",)) for i in range(3))
UNLISTED: Final = Network(55, 64535, "hosting", _ALL, 20)  # an egress that no feed knows
HOSTING: Final = tuple(Network(60 + i, 64540 + i, "hosting", _ALL, 20, ("hosting",)) for i in range(3))
TOR: Final = Network(70, 64550, "tor", _FOREIGN, 4, ("tor",))
FOREIGN_FIXED: Final = tuple(Network(80 + i, 64560 + i, "fixed", (country,)) for i, country in enumerate(_FOREIGN))
FOREIGN_MOBILE: Final = tuple(
    Network(100 + i, 64580 + i, "mobile", (country,), 12) for i, country in enumerate(_FOREIGN)
)
NETWORKS: Final = (
    *FIXED, *MOBILE, *OFFICES, *VPNS, UNLISTED, *HOSTING, TOR, *FOREIGN_FIXED, *FOREIGN_MOBILE,
)  # fmt: skip
_BY_FIRST_BYTE: Final = {network.first_byte: network for network in NETWORKS}


def address(network: Network, city: City, rng: Random, *, prefix: int | None = None) -> str:
    """An address of a network in a city, of one prefix or of any."""
    third = rng.randrange(network.prefixes) if prefix is None else prefix
    return f"{network.first_byte}.{CITIES.index(city)}.{third}.{rng.randrange(1, 255)}"


def in_country(networks: Sequence[Network], country: str) -> tuple[Network, ...]:
    """Those that are in a country."""
    return tuple(network for network in networks if country in network.countries)


def cities_of(country: str) -> tuple[City, ...]:
    """The cities of a country."""
    return tuple(city for city in CITIES if city.country == country)


class MapOfPlaces:
    """The geolocator: reads addresses back, with errors that stay the same for a prefix."""

    def locate(self, ip: str) -> Place:
        """Country, AS, and a point with its radius."""
        network, city, prefix = _read(ip)
        if network is None or city is None:
            return Place()
        chance = hashlib.sha256(prefix.encode()).digest()
        is_mobile = network.kind == "mobile"
        nearby = cities_of(city.country)
        if chance[0] / 256 < (WRONG_CITY_MOBILE if is_mobile else WRONG_CITY):
            city = nearby[chance[1] % len(nearby)]
        radius_km = MOBILE_KM if is_mobile else FIXED_KM
        return Place(city.country, network.asn, city.latitude, city.longitude, radius_km)

    def problems(self) -> Sequence[str]:
        """None."""
        return ()


class MapOfFeeds:
    """The feeds: what lists say of a network."""

    def tags(self, ip: str, asn: int | None) -> tuple[str, ...]:
        """The tags of the address's network."""
        network, _, _ = _read(ip)
        return network.tags if network else ()

    def problems(self) -> Sequence[str]:
        """None."""
        return ()


def _read(ip: str) -> tuple[Network | None, City | None, str]:
    first, second, *_ = map(int, ip.split("."))
    city = CITIES[second] if second < len(CITIES) else None
    return _BY_FIRST_BYTE.get(first), city, ip.rpartition(".")[0]
