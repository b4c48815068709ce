"""Signed posture assertions: a JWT of a trusted issuer about the device that this very request proved.

Rules: `typ` is `posture+jwt`; the algorithm is the key's; `iss` is trusted for the asking realm; `aud` names this
service; it lives a day at most and is neither expired nor from the future; `cnf` (RFC 7800) names a key (`jkt`) or
certificate (`x5t#S256`) that the request proved, so that a copy is of no use on another device; a `nonce`, where there
is one, is the form's challenge. Keys that are not at hand are fetched beside the request: a login never waits for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from datetime import UTC, datetime
from typing import Final, Protocol

from idp_adapter.adapters import jose
from idp_adapter.core.types import ComplianceStatus, Json, PostureAssertion, Request
from idp_adapter.errors import PostureRejected

TYPE: Final = "posture+jwt"
LEEWAY_S: Final = 60
LIFE_S: Final = 24 * 3600
_STATUSES: Final = frozenset(ComplianceStatus)


class KeySource(Protocol):
    """Finds an issuer's public keys without waiting."""

    def at_hand(self, issuer: str, kid: str) -> jose.PublicKey | None:
        """The key if it is known now; else it is asked for beside the request."""
        ...


class Assertions:
    """`ports.AssertionVerifier`. `realms` are those that an issuer is trusted for, by issuer."""

    def __init__(self, *, audience: str, realms: Mapping[str, Set[str]], keys: KeySource) -> None:
        self._audience, self._realms, self._keys = audience, realms, keys

    def verify(self, text: str, request: Request, proved: Collection[str], *, now: datetime) -> PostureAssertion:
        """The statement of an assertion.

        Raises `PostureRejected` with one of: `oversized`, `malformed`, `too_deep`, `bad_number`, `duplicate_key`,
        `bad_header`, `unknown_issuer`, `keys_unknown`, `bad_signature`, `other_audience`, `expired`,
        `nothing_proved`, `other_device`, `other_form`, `bad_status`.
        """
        try:
            jws = jose.read_jws(text)
            claims = jose.read_json(jws.payload, max_bytes=jose.MAX_TOKEN)
        except jose.JoseFault as fault:
            raise PostureRejected(fault.reason) from None
        self._check_signature(jws, claims, request.issuer)
        issued_s = self._check_claims(claims, now.timestamp())
        _check_device(claims, request, proved)
        status = claims.get("compliance_status")
        if not isinstance(status, str) or status not in _STATUSES:
            raise PostureRejected("bad_status")
        return PostureAssertion(ComplianceStatus(status), datetime.fromtimestamp(issued_s, UTC))

    def _check_signature(self, jws: jose.Jws, claims: Mapping[str, Json], realm: str) -> None:
        header, issuer = jws.header, claims.get("iss")
        algorithm, kid = header.get("alg"), header.get("kid")
        if header.get("typ") != TYPE or not isinstance(algorithm, str) or not isinstance(kid, str):
            raise PostureRejected("bad_header")
        if algorithm not in jose.ALGORITHMS or not header.keys() <= {"typ", "alg", "kid"}:
            raise PostureRejected("bad_header")
        if not isinstance(issuer, str) or realm not in self._realms.get(issuer, ()):
            raise PostureRejected("unknown_issuer")
        key = self._keys.at_hand(issuer, kid)
        if key is None:
            raise PostureRejected("keys_unknown")
        if not key.verifies(jws, algorithm):
            raise PostureRejected("bad_signature")

    def _check_claims(self, claims: Mapping[str, Json], now_s: float) -> float:
        """Audience and times; answers when it was issued."""
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise PostureRejected("other_audience")
        issued_s, expires_s = claims.get("iat"), claims.get("exp")
        for value in (issued_s, expires_s):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise PostureRejected("expired")
        if not _is_current(float(issued_s), float(expires_s), now_s):  # type: ignore[arg-type]
            raise PostureRejected("expired")
        return float(issued_s)  # type: ignore[arg-type]


def _is_current(issued_s: float, expires_s: float, now_s: float) -> bool:
    return issued_s <= now_s + LEEWAY_S and now_s - LEEWAY_S < expires_s and 0 < expires_s - issued_s <= LIFE_S


def _check_device(claims: Mapping[str, Json], request: Request, proved: Collection[str]) -> None:
    confirmation = claims.get("cnf")
    named = confirmation if isinstance(confirmation, dict) else {}
    if not proved:  # a proxy adds its header to every request, also to those that show no key: that is no forgery
        raise PostureRejected("nothing_proved")
    if not {named.get("jkt"), named.get("x5t#S256")} & set(proved):
        raise PostureRejected("other_device")
    nonce = claims.get("nonce")
    if nonce is not None and nonce != request.telemetry_challenge:
        raise PostureRejected("other_form")
