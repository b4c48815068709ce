"""Connectors of device management: who may report the posture of which realms' devices.

A connector is no realm: it has a bearer token of its own, of which the configuration holds the SHA-256 alone, and the
right to report posture for the realms that it is bound to, and no other right. Tokens are long and random, so a plain
digest of one can't be searched.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from idp_adapter.config import Connector
from idp_adapter.errors import CallerForbidden, CallerUnauthenticated

MOST_TOKEN: Final = 512
_HINT: Final = "Send `Authorization: Bearer <token>` of a connector that IDP_ADAPTER_CONNECTORS names."


class Connectors:
    """Knows connectors by their tokens."""

    def __init__(self, connectors: Sequence[Connector]) -> None:
        self._connectors = tuple(connectors)

    def authenticate(self, authorization: str | None) -> Connector:
        """The connector of an `Authorization` header. Raises `CallerUnauthenticated`.

        Every digest is compared, each in constant time, so that the answer's time tells nothing of them.
        """
        if not authorization:
            raise CallerUnauthenticated("no credential was sent", hint=_HINT, absent=True)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MOST_TOKEN:
            raise CallerUnauthenticated("the credential is not a bearer token", hint=_HINT)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = None
        for connector in self._connectors:
            if hmac.compare_digest(digest, connector.token_sha256):
                found = connector
        if found is None:
            raise CallerUnauthenticated("the token is no connector's", hint=_HINT)
        return found


def permit(connector: Connector, issuer: str) -> None:
    """Raise `CallerForbidden` unless the connector is bound to the realm."""
    if issuer not in connector.issuers:
        raise CallerForbidden(
            "the connector may not report for this realm", hint="Bind it to the realm in IDP_ADAPTER_CONNECTORS."
        )
