"""Places of addresses, from MaxMind-format files on disk: a city file and an ASN file, each optional.

Rules:
- Never raises. A file that is absent, damaged or not ours to read makes its facts unknown, and is a sentence in
  `problems`.
- A file that changes is opened anew at the next `refresh`, in a job, whether it was moved into place or written over;
  no request looks whether one changed. Plain reads rather than a memory map: a mapped file that shrinks kills the
  process. Repeated addresses come from a bounded cache.
- Layouts: GeoLite2 and GeoIP2, DB-IP, IPinfo. A value of another shape is unknown, not guessed at.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import maxminddb
from maxminddb.const import MODE_FILE
from maxminddb.reader import Reader

from idp_adapter.core.types import Place

MOST_CACHED: Final = 4096
_MOST_ASN: Final = 2**32 - 1
_NOWHERE: Final = Place()
_Fingerprint: TypeAlias = tuple[int, int, int]


class GeoFiles:
    """`ports.Geolocator` on up to two files, which are opened when it is made, and anew at each `refresh`."""

    def __init__(self, *, city: Path | None, asn: Path | None) -> None:
        self._city = _File("city", city, "country and travel abstain")
        self._asn = _File("ASN", asn, "networks abstain")
        self._lock = threading.Lock()  # of what requests use
        self._refreshing = threading.Lock()
        self._cache: dict[str, Place] = {}
        self._is_closed = False
        self.refresh()

    def locate(self, ip: str) -> Place:
        """The place of an address, `Place()` where nothing is known. Never raises."""
        place = self._cache.get(ip)
        return place if place is not None else self._find(ip)

    def problems(self) -> Sequence[str]:
        """One sentence per missing or unreadable file, for readiness."""
        return [file.problem for file in (self._city, self._asn) if file.problem]

    def close(self) -> None:
        """Close the files; what is asked after that is unknown."""
        with self._refreshing, self._lock:
            self._is_closed = True
            self._cache = {}
            self._city.close()
            self._asn.close()

    def refresh(self) -> None:
        """Open the files that changed. Nobody waits for the disk: what is new is put in place when it is open."""
        with self._refreshing:
            if self._is_closed:
                return
            found = [(file, opened) for file in (self._city, self._asn) if (opened := file.look()) is not None]
            with self._lock:
                for file, opened in found:
                    file.take(opened)
                    self._cache = {}

    def _find(self, ip: str) -> Place:
        address = _parse(ip)
        if address is None:
            return _NOWHERE
        with self._lock:
            place = _place(self._city.get(address), self._asn.get(address))
            if len(self._cache) >= MOST_CACHED:
                self._cache = {}
            self._cache[ip] = place
        return place


class _Reader(Reader):
    """A reader that doesn't leave the file open when its metadata is damaged."""

    def __init__(self, path: str) -> None:
        try:
            super().__init__(path, MODE_FILE)
        except Exception:
            with suppress(AttributeError):  # the file itself could not be opened
                self.close()
            raise


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is on disk: a reader, or what is wrong."""

    reader: _Reader | None
    fingerprint: _Fingerprint | None
    problem: str


class _File:
    """One file: its reader, and what is wrong with it."""

    def __init__(self, name: str, path: Path | None, loss: str) -> None:
        self._name = name
        self._path = path
        self._loss = loss
        self._reader: _Reader | None = None
        self._fingerprint: _Fingerprint | None = None
        self.problem = "" if path else f"no {name} file is set: {loss}"

    def look(self) -> _Opened | None:
        """Open what is on disk now; None where it is what it was."""
        if self._path is None:
            return None
        fingerprint = _fingerprint(self._path)
        if fingerprint is not None and fingerprint == self._fingerprint:
            return None
        try:
            # The fingerprint from before: a file that changed while it was opened is opened again next time.
            return _Opened(_Reader(str(self._path)), fingerprint, "")
        except Exception as error:  # whatever a damaged file provokes
            problem = self._sentence(error)
            return None if self._reader is None and problem == self.problem else _Opened(None, None, problem)

    def take(self, opened: _Opened) -> None:
        """Put what was opened in the place of what was open."""
        self.close()
        self._reader, self._fingerprint, self.problem = opened.reader, opened.fingerprint, opened.problem

    def get(self, address: str) -> Mapping[str, Any]:
        """The record of an address; empty where there is none."""
        if self._reader is None:
            return {}
        try:
            record = self._reader.get(address)
        except ValueError as error:
            if ":" not in address or isinstance(error, UnicodeError | maxminddb.InvalidDatabaseError):
                self._distrust(error)
            return {}  # an IPv6 address in a file of IPv4
        except Exception as error:  # whatever a damaged file provokes
            self._distrust(error)
            return {}
        return record if isinstance(record, dict) else {}

    def close(self) -> None:
        """Forget the reader."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None
        self._fingerprint = None

    def _distrust(self, error: Exception) -> None:
        """Let go of a file whose head is sound but whose records are not, until it changes."""
        fingerprint = self._fingerprint
        self.close()
        self._fingerprint, self.problem = fingerprint, self._sentence(error)

    def _sentence(self, error: Exception) -> str:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "isn't a readable MaxMind database"
        return f"the {self._name} file {self._path} can't be used ({why}): {self._loss}"


def _fingerprint(path: Path) -> _Fingerprint | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _parse(ip: str) -> str | None:
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


# --- records to places, over the layouts --------------------------------------------------------------


def _place(city: Mapping[str, Any], asn: Mapping[str, Any]) -> Place:
    latitude, longitude, radius_km = _point(city)
    return Place(
        country=_country(city) or _country(asn),
        asn=_asn(asn) or _asn(city),
        latitude=latitude,
        longitude=longitude,
        radius_km=radius_km,
    )


def _country(record: Mapping[str, Any]) -> str | None:
    """GeoLite2 and DB-IP: `country.iso_code`. IPinfo: `country_code`, or `country` where that is the code."""
    country = record.get("country")
    nested = country.get("iso_code") if isinstance(country, dict) else country
    for code in (record.get("country_code"), nested):
        if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
    return None


def _asn(record: Mapping[str, Any]) -> int | None:
    """GeoLite2 and DB-IP: a number. IPinfo: `AS` and a number."""
    number = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _MOST_ASN:
        return None
    return number


def _point(record: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """GeoLite2 and DB-IP: `location`. IPinfo: `lat`, `lng` (as text) and `radius`, in km."""
    nested = record.get("location")
    location = nested if isinstance(nested, dict) else record
    latitude = _number(location.get("latitude", location.get("lat")), -90.0, 90.0)
    longitude = _number(location.get("longitude", location.get("lng")), -180.0, 180.0)
    if latitude is None or longitude is None:
        return None, None, None
    return latitude, longitude, _number(location.get("accuracy_radius", location.get("radius")), 0.0, 20_040.0)


def _number(value: Any, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if least <= number <= most else None
