"""Verify what an issuer signed: access tokens that an API is called with, ID tokens that a login ends with."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Any

import jwt

from idp_adapter.relying_party.acr import header
from idp_adapter.relying_party.keys import RealmKeys

ALGORITHMS = ("RS256", "ES256")
MAX_TOKEN_CHARACTERS = 16 * 1024
LEEWAY_S = 10


class InvalidToken(Exception):
    """The token is not one to believe; the message says why and quotes nothing of it."""


def bearer_challenge(problem: InvalidToken | None = None) -> str:
    """`WWW-Authenticate` of RFC 6750: bare where no token came, with the error where a bad one did."""
    if problem is None:
        return "Bearer"
    return header("Bearer", {"error": "invalid_token", "error_description": str(problem)})


class TokenVerifier:
    """Believes tokens of one issuer that are meant for this app.

    `audience` must be in an access token's `aud`; `authorized_parties` must hold its `azp` (the client that it was
    issued to). Keycloak puts no audience for an API unless a mapper says so, hence the second. One of them is required.
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | None = None,
        authorized_parties: Collection[str] = (),
        keys: RealmKeys | None = None,
    ) -> None:
        if not audience and not authorized_parties:
            raise ValueError("name an audience or the authorized parties: any token of the issuer would pass otherwise")
        if isinstance(authorized_parties, str):
            raise TypeError("authorized_parties is a collection of client ids, not one string")
        self.issuer = issuer
        self._audience = audience
        self._authorized_parties = frozenset(authorized_parties)
        self._keys = keys or RealmKeys(issuer)

    def verify_access_token(self, token: str) -> dict[str, Any]:
        """The claims of an access token. Raises `InvalidToken` or `KeysUnavailable`."""
        claims, typ = self._verified(token, self._audience)
        if typ.lower() not in {"at+jwt", "application/at+jwt"} and claims.get("typ") != "Bearer":
            raise InvalidToken("The token is no access token")
        if self._authorized_parties and claims.get("azp", claims.get("client_id")) not in self._authorized_parties:
            raise InvalidToken("The token was issued to a client that is not accepted here")
        if "cnf" in claims:
            raise InvalidToken("The token is bound to a key and can not be used as a bearer token")
        return claims

    def verify_id_token(self, token: str, *, client_id: str, nonce: str | None) -> dict[str, Any]:
        """The claims of an ID token; `nonce` None where a refresh, not a login, brought it. Raises as above."""
        claims, _ = self._verified(token, client_id)
        if claims.get("azp", client_id) != client_id:
            raise InvalidToken("The ID token was issued to another client")
        if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise InvalidToken("The ID token does not belong to this login")
        return claims

    def _verified(self, token: str, audience: str | None) -> tuple[dict[str, Any], str]:
        """Claims and `typ` header of a token that the issuer signed, that is in its time and has the audience."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidToken("The token is too long")
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise InvalidToken("The token is not a JWT") from error
        kid, algorithm = head.get("kid"), head.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise InvalidToken("The token is not signed in a way that is accepted here")
        key = self._keys.key(kid)
        if key is None:
            raise InvalidToken("The token is signed by an unknown key")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,  # carries its own algorithm: one that differs from the header's is refused
                algorithms=list(ALGORITHMS),
                issuer=self.issuer,
                audience=audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": audience is not None},
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken("The token has expired") from error
        except jwt.InvalidIssuerError as error:
            raise InvalidToken("The token is another issuer's") from error
        except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError) as error:
            raise InvalidToken("The token is not meant for this service") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidToken("The token can not be verified") from error
        return claims, str(head.get("typ", ""))
