"""What a relying app imports to act on `acr`: pure checks, a token verifier, and a Flask extension of three lines.

This package stands alone: it imports nothing from the rest of `idp_adapter`, and Flask and Authlib only in `web`.

    from idp_adapter.relying_party.web import RelyingParty
    rp = RelyingParty(app, issuer="https://id.example/realms/demo", client_id="web-app", client_secret="...")
    @app.get("/payout") / @rp.require_acr("urn:idp-adapter:acr:mfa")

Without Flask: `TokenVerifier` verifies a token, `demand` raises `StepUpRequired`, whose `challenge` is the header value
of RFC 9470.
"""

from idp_adapter.relying_party.acr import LADDER, Demand, StepUpRequired, acr_satisfies, demand
from idp_adapter.relying_party.keys import KeysUnavailable, RealmKeys
from idp_adapter.relying_party.tokens import InvalidToken, TokenVerifier, bearer_challenge

__all__ = [
    "LADDER",
    "Demand",
    "InvalidToken",
    "KeysUnavailable",
    "RealmKeys",
    "StepUpRequired",
    "TokenVerifier",
    "acr_satisfies",
    "bearer_challenge",
    "demand",
]
