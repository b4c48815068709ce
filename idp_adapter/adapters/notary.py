"""Signed checkpoints and statements of removal: compact JWS by the keys that sign decisions.

A checkpoint's `typ` is `audit-checkpoint+jwt`, a statement's `audit-removal+jwt` or `audit-pruning+jwt`, so that none
passes for another or for a decision. `sub` is the realm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from idp_adapter.adapters import jose
from idp_adapter.core.audit import Checkpoint, Segment
from idp_adapter.core.types import Json

CHECKPOINT: Final = "audit-checkpoint+jwt"
REMOVAL: Final = "audit-removal+jwt"
PRUNING: Final = "audit-pruning+jwt"


class Signs(Protocol):
    """The keys of a folder."""

    def sign(self, claims: Mapping[str, Json], *, typ: str) -> str:
        """A compact JWS of the claims."""
        ...

    def jwks(self) -> dict[str, Json]:
        """The published keys, the one that signs first."""
        ...


class JoseNotary:
    """`audit_ports.Notary` and `Attest`. `keys` are more public keys to accept, such as former ones, as JWKs."""

    def __init__(
        self,
        signer: Signs,
        *,
        service: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        keys: tuple[Mapping[str, Json], ...] = (),
    ) -> None:
        self._signer, self._service, self._now, self._keys = signer, service, now, keys
        self.new_id = new_id

    def certify(self, segment: Segment, *, now: datetime) -> str:
        """A signed checkpoint of a segment."""
        said: dict[str, Json] = {"number": segment.number, "head": segment.head.hex(), "count": segment.count}
        claims = {"iss": self._service, "sub": segment.issuer, "iat": int(now.timestamp()), **said}
        return self._signer.sign(claims, typ=CHECKPOINT)

    def is_current(self, checkpoint: str) -> bool:
        """Whether a checkpoint was signed by the key that signs now."""
        try:
            kid = jose.read_jws(checkpoint).header.get("kid")
        except jose.JoseFault:
            return False
        return bool(kid == self._published()[0].get("kid"))

    def checkpoint(self, issuer: str, text: str) -> Checkpoint | None:
        """What a checkpoint of this realm says; None where no known key signed it."""
        return _checkpoint(self._claims(issuer, text, CHECKPOINT))

    def state(self, issuer: str, removal_id: str, reason: str, root: str, count: int) -> tuple[datetime, str]:
        """A signed statement that records were removed, after its time."""
        at = self._now()
        claims: dict[str, Json] = {
            "iss": self._service,
            "sub": issuer,
            "jti": removal_id,
            "iat": int(at.timestamp()),
            "kind": reason,
            "root": root,
            "count": count,
        }
        return at, self._signer.sign(claims, typ=REMOVAL)

    def removal(self, issuer: str, text: str, *, is_sealed: bool = False) -> tuple[str, int] | None:
        """Root (hexadecimal) and count of a statement of this realm; None where no known key signed it."""
        claims = self._claims(issuer, text, REMOVAL, trusted=is_sealed)
        if claims is None:
            return None
        root, count = claims.get("root"), claims.get("count")
        return (root, count) if isinstance(root, str) and isinstance(count, int) else None

    def prune(self, issuer: str, removal_id: str, spent: Checkpoint) -> tuple[datetime, str]:
        """A signed statement that a chain was pruned up to a place, after its time."""
        at = self._now()
        said: dict[str, Json] = {"jti": removal_id, "number": spent.number, "head": spent.head.hex()}
        claims = {"iss": self._service, "sub": issuer, "iat": int(at.timestamp()), **said}
        return at, self._signer.sign(claims, typ=PRUNING)

    def pruned(self, issuer: str, text: str, *, is_sealed: bool = False) -> Checkpoint | None:
        """Up to where a chain of this realm was pruned; None where no known key signed it, or the text is none."""
        return _checkpoint(self._claims(issuer, text, PRUNING, trusted=is_sealed))

    def _claims(self, issuer: str, text: str, typ: str, *, trusted: bool = False) -> Mapping[str, Json] | None:
        try:
            jws = jose.read_jws(text)
            claims = jose.read_json(jws.payload, max_bytes=jose.MAX_TOKEN)
        except (jose.JoseFault, UnicodeEncodeError):
            return None
        if jws.header.get("typ") != typ or claims.get("sub") != issuer:
            return None
        return claims if trusted or self._is_signed(jws) else None

    def _is_signed(self, jws: jose.Jws) -> bool:
        """Whether a known key signed it; the key's own algorithm, whatever the header says."""
        for jwk in (*self._published(), *self._keys):
            try:
                key = jose.read_public_key(jwk)
            except jose.JoseFault:
                continue
            if key.kid == jws.header.get("kid") and key.verifies(jws, str(jws.header.get("alg"))):
                return True
        return False

    def _published(self) -> list[Any]:
        keys = self._signer.jwks()["keys"]
        return keys if isinstance(keys, list) else []


def read_unverified(issuer: str, text: str) -> Checkpoint | None:
    """What a checkpoint that a person kept says of a realm: they vouch for it, its key may be long gone."""
    try:
        claims = jose.read_json(jose.read_jws(text.strip()).payload, max_bytes=jose.MAX_TOKEN)
    except (jose.JoseFault, UnicodeEncodeError):
        return None
    return _checkpoint(claims) if claims.get("sub") == issuer else None


def _checkpoint(claims: Mapping[str, Json] | None) -> Checkpoint | None:
    number, head = (claims or {}).get("number"), (claims or {}).get("head")
    if not isinstance(number, int) or not isinstance(head, str):
        return None
    try:
        return Checkpoint(number, bytes.fromhex(head))
    except ValueError:
        return None
