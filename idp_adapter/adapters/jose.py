"""Compact JWS and JWK, strictly: the forms that this service accepts and nothing else.

The algorithm of a signature is decided by the key (its type and curve), never by the token alone: a header may only
choose among what its key allows. `none` and HMAC are not known here at all. Verification itself is PyJWT's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import Algorithm, ECAlgorithm, get_default_algorithms

from idp_adapter.adapters import strict_json
from idp_adapter.core.types import Json

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
MAX_TOKEN: Final = 8 * 1024
_MAX_DEPTH: Final = 8
_MIN_RSA_BITS: Final = 2048
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_IMPLEMENTATIONS: Final[Mapping[str, Algorithm]] = {
    name: implementation for name, implementation in get_default_algorithms().items() if name in ALGORITHMS
}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class JoseFault(ValueError):
    """A token or key that can't be used.

    `reason` is `oversized`, `malformed`, `too_deep`, `bad_number`, `duplicate_key` or `bad_key`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS in its parts, nothing verified."""

    header: Mapping[str, Json]
    payload: bytes
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and the algorithms that it may verify."""

    kid: str
    algorithms: frozenset[str]
    key: Any

    def verifies(self, jws: Jws, algorithm: str) -> bool:
        """Whether the signature is this key's. False, too, for an algorithm that the key doesn't allow."""
        if algorithm not in self.algorithms:
            return False
        try:
            return bool(_IMPLEMENTATIONS[algorithm].verify(jws.signed, self.key, jws.signature))
        except Exception:  # a broken signature's encoding raises what it likes
            return False


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Undo `b64`; raises `JoseFault` for padding, line breaks, other alphabets and spare bits."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise JoseFault("malformed", "not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise JoseFault("malformed", "not canonical base64url")
    return data


def read_jws(token: str, *, max_bytes: int = MAX_TOKEN) -> Jws:
    """Take a compact JWS apart. Raises `JoseFault`."""
    if len(token) > max_bytes:
        raise JoseFault("oversized", f"longer than {max_bytes} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise JoseFault("malformed", "not three parts")
    header = read_json(unb64(parts[0]), max_bytes=max_bytes)
    signature = unb64(parts[2])
    return Jws(header, unb64(parts[1]), f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def read_json(data: bytes, *, max_bytes: int) -> Mapping[str, Json]:
    """Read a JSON object of a token. Raises `JoseFault`."""
    try:
        value = strict_json.loads(data, max_bytes=max_bytes, max_depth=_MAX_DEPTH)
    except strict_json.JsonFault as fault:
        raise JoseFault(fault.reason, fault.message) from None
    if not isinstance(value, dict):
        raise JoseFault("malformed", "not a JSON object")
    return value


def read_public_key(jwk: Mapping[str, Json]) -> PublicKey:
    """A JWK that verifies signatures. Raises `JoseFault("bad_key")` for any other."""
    if _PRIVATE_MEMBERS & jwk.keys():
        raise JoseFault("bad_key", "the JWK holds private or symmetric parts")
    if jwk.get("use", "sig") != "sig":
        raise JoseFault("bad_key", "the JWK is not for signatures")
    allowed = _allowed(jwk)
    declared = jwk.get("alg")
    if declared is not None:
        allowed &= {declared} if isinstance(declared, str) else set()
    if not allowed:
        raise JoseFault("bad_key", "the JWK's type, curve or algorithm is not accepted")
    try:
        if jwk["kty"] == "EC":
            key = _point(jwk["crv"], jwk["x"], jwk["y"])  # type: ignore[arg-type]
        else:
            key = _IMPLEMENTATIONS[min(allowed)].from_jwk(dict(jwk))
    except Exception:
        raise JoseFault("bad_key", "the JWK can't be read") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise JoseFault("bad_key", f"the RSA key has under {_MIN_RSA_BITS} bits")
    kid = jwk.get("kid")
    return PublicKey(kid if isinstance(kid, str) else "", frozenset(allowed), key)


@lru_cache(maxsize=1024)
def _point(curve: str, x: str, y: str) -> Any:
    """The key of a point. A browser shows the same one at each login, and to see that it is on its curve takes time."""
    return ECAlgorithm.from_jwk({"kty": "EC", "crv": curve, "x": x, "y": y})


def _allowed(jwk: Mapping[str, Json]) -> set[str]:
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            return {"RS256", "RS384", "RS512", "PS256"}
        case "EC", "P-256":
            return {"ES256"}
        case "EC", "P-384":
            return {"ES384"}
        case "OKP", "Ed25519":
            return {"EdDSA"}
    return set()


def thumbprint(jwk: Mapping[str, Json]) -> str:
    """RFC 7638 SHA-256 thumbprint of an EC public key, base64url."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return b64(hashlib.sha256(strict_json.dumps(members).encode("ascii")).digest())


def ec_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, Json]:
    """The required members of a P-256 public key's JWK."""
    numbers = key.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }
