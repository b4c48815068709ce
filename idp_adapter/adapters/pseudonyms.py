"""Keyed per-realm pseudonyms of addresses and cookies, so that nothing raw is stored.

Rules:
- One master key per deployment; each realm's key is HKDF-SHA256 of it with the issuer as info (RFC 5869), so that the
  same address in two realms can't be linked, and erasing the master key makes every pseudonym meaningless.
- A pseudonym is HMAC-SHA256 over a label and the value, cut to 16 bytes, in base64url: 22 characters. Without the key
  the small space of IPv4 addresses can't be searched.
- Of an IPv6 address the /64 is the address: the rest of it changes daily (RFC 8981).
- An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) is that IPv4 address. A zone (`%eth0`) is no part of an address.
- Places are rounded to 0.1 degree: about 11 km, finer than any address database is right.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import os
import tempfile
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp_adapter.core.types import Origin, Place
from idp_adapter.errors import SettingsInvalid

FEWEST_KEY_BYTES: Final = 32
_PSEUDONYM_BYTES: Final = 16
_MOST_REALMS: Final = 256  # keys kept at hand
_CONTEXT: Final = b"idp-adapter pseudonyms v1\0"
_ADDRESS_BITS: Final = {4: 32, 6: 64}
_PREFIX_BITS: Final = {4: 24, 6: 48}
_DECIMALS: Final = 1


class Pseudonyms:
    """`ports.Pseudonymiser` under one master key."""

    def __init__(self, master: bytes) -> None:
        if len(master) < FEWEST_KEY_BYTES:
            raise SettingsInvalid(
                "the pseudonym key", [f"has {len(master)} bytes; at least {FEWEST_KEY_BYTES} are needed"]
            )
        self._master = master
        self._keys: dict[str, bytes] = {}

    @classmethod
    def from_file(cls, path: Path) -> Pseudonyms:
        """Under the key in a file (base64), made where it is missing. Keep the file: a new key knows no old origin."""
        try:
            if not path.exists():
                _make(path)
            master = base64.b64decode(path.read_bytes().strip(), altchars=b"-_", validate=True)
        except OSError as error:
            raise SettingsInvalid(str(path), [f"can't be read or made: {error.strerror}"]) from None
        except binascii.Error:
            raise SettingsInvalid(str(path), ["isn't base64url; write one line of at least 32 bytes"]) from None
        return cls(master)

    def origin(self, issuer: str, ip: str, place: Place) -> Origin:
        """Pseudonyms of the address (of IPv6 its /64) and its /24 or /48, with its place; `Origin()` for no address."""
        address = parse(ip)
        if address is None:
            return Origin()
        key = self._key(issuer)
        return Origin(
            address=_pseudonym(key, b"address", _cut(address, _ADDRESS_BITS[address.version])),
            prefix=_pseudonym(key, b"prefix", _cut(address, _PREFIX_BITS[address.version])),
            place=coarse(place),
        )

    def cookie(self, issuer: str, cookie_id: str) -> str:
        """The pseudonym of a device cookie."""
        return _pseudonym(self._key(issuer), b"cookie", cookie_id.encode("utf-8", "surrogatepass"))

    def _key(self, issuer: str) -> bytes:
        key = self._keys.get(issuer)
        if key is None:
            info = _CONTEXT + issuer.encode("utf-8", "surrogatepass")
            key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._master)
            if len(self._keys) >= _MOST_REALMS:
                self._keys.clear()
            self._keys[issuer] = key
        return key


def parse(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in its one form; None for what is none."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def coarse(place: Place) -> Place:
    """A place to 0.1 degree; half a point is none."""
    if place.latitude is None or place.longitude is None:
        return Place(place.country, place.asn)
    return Place(
        place.country, place.asn, round(place.latitude, _DECIMALS), round(place.longitude, _DECIMALS), place.radius_km
    )


def _cut(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> bytes:
    """The address with all but its first bits 0."""
    spare = address.max_prefixlen - bits
    return (int(address) >> spare << spare).to_bytes(len(address.packed))


def _pseudonym(key: bytes, label: bytes, value: bytes) -> str:
    digest = hmac.digest(key, label + b"\0" + value, "sha256")[:_PSEUDONYM_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _make(path: Path) -> None:
    """Write a new key that only its owner reads. Of two processes that start at once, the first one's stays."""
    descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(FEWEST_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(written, path)
        except FileExistsError:
            return
    finally:
        written.unlink(missing_ok=True)
