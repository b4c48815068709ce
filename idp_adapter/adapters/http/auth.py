"""Who calls: a realm, proved by a JWT that the realm's own key signed.

The issuer that the token names selects the keys, and becomes the tenant of everything that the request reaches;
nothing in a body can name another. A verified token is remembered until it expires, since an enforcer reuses one for
some seconds.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from idp_adapter.adapters import jose
from idp_adapter.core.types import Json
from idp_adapter.errors import CallerUnauthenticated

TYPE: Final = "pep+jwt"
SUBJECT: Final = "risk-extension"
LIFE_S: Final = 60
LEEWAY_S: Final = 5
REMEMBERED: Final = 4096
_HINT: Final = "Send `Authorization: Bearer <JWT>`, signed by the realm's key, as docs/contract.md describes."


class KeySource(Protocol):
    """Finds a realm's public keys."""

    def find(self, issuer: str, kid: str) -> jose.PublicKey | None:
        """The key, None when there is none; raises `Unavailable` when that can't be known in time."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified enforcer of one realm; `expires_s` is Unix time."""

    issuer: str
    expires_s: float


class Authenticator:
    """Verifies callers. Safe between threads."""

    def __init__(self, *, audience: str, issuers: Set[str], keys: KeySource) -> None:
        self._audience, self._issuers, self._keys = audience, frozenset(issuers), keys
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self._lock = threading.Lock()

    def authenticate(self, authorization: str | None, *, now: datetime) -> Caller:
        """The caller of an `Authorization` header.

        Raises `CallerUnauthenticated`, or `Unavailable` without the keys.
        """
        token = _bearer(authorization)
        now_s = now.timestamp()
        name = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            caller = self._known.get(name)
        if caller is not None and now_s < caller.expires_s:
            return caller
        caller = self._verify(token, now_s)
        with self._lock:
            self._known[name] = caller
            self._known.move_to_end(name)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def _verify(self, token: str, now_s: float) -> Caller:
        try:
            jws = jose.read_jws(token)
            claims = jose.read_json(jws.payload, max_bytes=jose.MAX_TOKEN)
        except jose.JoseFault as fault:
            raise _refused(f"the token is {fault.reason}: {fault}") from None
        algorithm, kid = _header(jws.header)
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise _refused(
                "the token's `iss` is not an allowed issuer", hint="Add the realm's issuer URL to IDP_ADAPTER_ISSUERS."
            )
        expires_s = self._check(claims, now_s)
        key = self._keys.find(issuer, kid)
        if key is None:
            raise _refused("the token's `kid` is not among the realm's keys")
        if not key.verifies(jws, algorithm):
            raise _refused("the token's signature is not the realm's")
        return Caller(issuer, expires_s)

    def _check(self, claims: Mapping[str, Json], now_s: float) -> float:
        """Everything but the signature; answers the expiry."""
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused(
                "the token's `aud` is not this service",
                hint=f"The audience is IDP_ADAPTER_PUBLIC_URL, here {self._audience}; give Keycloak the same URL.",
            )
        if claims.get("sub") != SUBJECT:
            raise _refused(f"the token's `sub` must be `{SUBJECT}`")
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id:
            raise _refused("the token has no `jti`")
        issued_s, expires_s = _seconds(claims, "iat"), _seconds(claims, "exp")
        if expires_s - issued_s > LIFE_S:
            raise _refused(f"the token lives longer than {LIFE_S} s")
        if issued_s > now_s + LEEWAY_S or ("nbf" in claims and _seconds(claims, "nbf") > now_s + LEEWAY_S):
            raise _refused("the token is from the future", hint="Compare the clocks of Keycloak and of this service.")
        if expires_s <= now_s - LEEWAY_S or expires_s <= issued_s:
            raise _refused("the token is expired", hint="Compare the clocks of Keycloak and of this service.")
        return expires_s


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise CallerUnauthenticated("no credential was sent", hint=_HINT, absent=True)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused("the credential is not a bearer token")
    return token.strip()


def _header(header: Mapping[str, Json]) -> tuple[str, str]:
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(typ, str) or typ.lower() != TYPE:
        raise _refused(f"the token's `typ` must be `{TYPE}`")
    if not isinstance(algorithm, str) or algorithm not in jose.ALGORITHMS:
        raise _refused(f"the token's `alg` must be one of {', '.join(jose.ALGORITHMS)}")
    if not isinstance(kid, str) or not 0 < len(kid) <= 256:
        raise _refused("the token has no `kid`")
    if "crit" in header or "b64" in header:
        raise _refused("the token's header demands an extension that is not known")
    return algorithm, kid


def _seconds(claims: Mapping[str, Json], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"the token's `{name}` must be a number of seconds")
    return float(value)


def _refused(message: str, *, hint: str = _HINT) -> CallerUnauthenticated:
    return CallerUnauthenticated(message, hint=hint)
