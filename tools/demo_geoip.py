"""Made-up places for the networks that RFC 5737 and RFC 2544 set aside, so that demo and tests can travel.

Writes two files in the layout of GeoLite2-City and GeoLite2-ASN. None of it is true of any real network.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from tools.paths import CACHE


@dataclass(frozen=True, slots=True)
class Network:
    """A network, where it is said to be, and who is said to run it."""

    prefix: str
    city: str
    country: str
    continent: str
    latitude: float
    longitude: float
    asn: int
    operator: str
    radius_km: int = 20

    def address(self, host: int = 10) -> str:
        """Return an address in it."""
        return f"{self.prefix.rsplit('.', 1)[0]}.{host}"


LISBON_HOME = Network("192.0.2.0/25", "Lisbon", "PT", "EU", 38.72, -9.14, 64496, "Lisbon Fibre")
LISBON_MOBILE = Network("198.18.0.0/24", "Lisbon", "PT", "EU", 38.72, -9.14, 64497, "Lisbon Mobile")
PARIS = Network("198.51.100.0/24", "Paris", "FR", "EU", 48.86, 2.35, 64498, "Paris Télécom")
SINGAPORE = Network("203.0.113.0/24", "Singapore", "SG", "AS", 1.35, 103.82, 64499, "Straits Net")
DATA_CENTRE = Network("198.18.16.0/24", "Frankfurt am Main", "DE", "EU", 50.11, 8.68, 64500, "Example Cloud")
AUCKLAND = Network("198.19.0.0/24", "Auckland", "NZ", "OC", -36.85, 174.76, 64501, "Kiwi Broadband")
NETWORKS = (LISBON_HOME, LISBON_MOBILE, PARIS, SINGAPORE, DATA_CENTRE, AUCKLAND)


def _city(network: Network) -> dict[str, Any]:
    return {
        "city": {"names": {"en": network.city}},
        "country": {"iso_code": network.country},
        "continent": {"code": network.continent},
        "location": {
            "latitude": network.latitude,
            "longitude": network.longitude,
            "accuracy_radius": network.radius_km,
        },
    }


def _asn(network: Network) -> dict[str, Any]:
    return {"autonomous_system_number": network.asn, "autonomous_system_organization": network.operator}


def write(folder: Path, networks: Iterable[Network] = NETWORKS) -> tuple[Path, Path]:
    """Write both files into `folder`; return their paths: city, ASN."""
    networks = tuple(networks)
    folder.mkdir(parents=True, exist_ok=True)
    city, asn = folder / "demo-city.mmdb", folder / "demo-asn.mmdb"
    for path, kind, row in ((city, "GeoLite2-City", _city), (asn, "GeoLite2-ASN", _asn)):
        writer = MMDBWriter(
            ip_version=6, ipv4_compatible=True, database_type=kind, description="made up", float_type="f64"
        )
        for network in networks:
            writer.insert_network(IPSet([network.prefix]), row(network))
        writer.to_db_file(str(path))
    return city, asn


def main() -> int:
    """Write the files where the demo looks for them."""
    for path in write(CACHE / "geoip"):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
