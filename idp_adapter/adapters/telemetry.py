"""Open what the collector sent: plain JSON, or a compact ES256 JWS that carries its own public key.

The signature proves "the same browser profile as before", nothing more: the key's thumbprint is the device's name.
The wire is described in `docs/collector.md`. Whatever a browser sends, the only error that leaves here is
`TelemetryRejected`, its reason one of `oversized`, `malformed`, `too_deep`, `bad_number`, `duplicate_key`,
`bad_signature`, `bad_header`, `bad_key`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from idp_adapter.adapters import jose, strict_json
from idp_adapter.core.types import Json
from idp_adapter.errors import TelemetryRejected
from idp_adapter.services.ports import OpenedTelemetry

MAX_BYTES: Final = 16 * 1024
MAX_DEPTH: Final = 6
TYPE: Final = "telemetry+jwt"
_COORDINATE: Final = 43  # base64url characters of 32 bytes


class Opener:
    """Implements `ports.TelemetryOpener`."""

    def open(self, text: str) -> OpenedTelemetry:
        """Parse and, where signed, verify. Raises `TelemetryRejected` with a named reason."""
        if text.startswith("{"):
            return OpenedTelemetry(_payload(text), None)
        try:
            jws = jose.read_jws(text, max_bytes=MAX_BYTES)
            jwk = _own_key(jws.header)
            key = jose.read_public_key(jwk)
        except jose.JoseFault as fault:
            raise TelemetryRejected(fault.reason) from None
        if not key.verifies(jws, "ES256"):
            raise TelemetryRejected("bad_signature")
        return OpenedTelemetry(_payload(jws.payload), jose.thumbprint(jwk))


def _own_key(header: Mapping[str, Json]) -> dict[str, Json]:
    if header.get("typ") != TYPE or header.get("alg") != "ES256" or not header.keys() <= {"typ", "alg", "jwk", "kid"}:
        raise TelemetryRejected("bad_header")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise TelemetryRejected("bad_header")
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise TelemetryRejected("bad_key")
    for name in ("x", "y"):
        coordinate = jwk.get(name)
        if not isinstance(coordinate, str) or len(coordinate) != _COORDINATE:
            raise TelemetryRejected("bad_key")
        jose.unb64(coordinate)
    return jwk


def _payload(data: str | bytes) -> Mapping[str, Json]:
    try:
        value = strict_json.loads(data, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    except strict_json.JsonFault as fault:
        raise TelemetryRejected(fault.reason) from None
    if not isinstance(value, dict):
        raise TelemetryRejected("malformed")
    return value
