"""A FAKE OpenID provider on loopback with real RS256 keys, so that the helper can be tried with answers that no honest
provider gives. What a real Keycloak does is tested in tests/e2e."""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import flask
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from idp_adapter.relying_party.web import RelyingParty

BASIC = "urn:idp-adapter:acr:basic"
MFA = "urn:idp-adapter:acr:mfa"
CLIENT = "web-app"
HTML = {"Accept": "text/html"}


@functools.cache
def first_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class FakeProvider:
    """Answers whatever a test sets; by default it grants the acr that was asked for."""

    issuer: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=first_key)
    kid: str = "key-1"
    grants: str | None = None  # an acr given whatever is asked
    ages_s: int = 0  # how old the authentication is
    error: str | None = None  # answered by the authorization endpoint
    refresh_error: tuple[str, str] | None = None
    jwks_at: str = ""  # where the keys are said to be, when not under the issuer
    id_claims: dict[str, Any] = field(default_factory=dict)  # override the ID token's
    seen: list[dict[str, str]] = field(default_factory=list)  # authorization requests
    hits: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.issuer, "sub": "alice-1", "azp": CLIENT, "iat": now, "exp": now + 300,
            "auth_time": now - self.ages_s, "acr": BASIC, **changes,
        }  # fmt: skip

    def sign(self, claims: dict[str, Any], *, key: Any = None, algorithm: str = "RS256", **headers: Any) -> str:
        return jwt.encode(claims, key or self.key, algorithm, headers={"kid": self.kid, **headers})

    def access_token(self, **changes: Any) -> str:
        return self.sign(self.claims(typ="Bearer", aud="account", **changes))

    def answer(self, acr: str, nonce: str | None) -> dict[str, Any]:
        id_claims = self.claims(aud=CLIENT, typ="ID", acr=acr, preferred_username="alice")
        if nonce is not None:
            id_claims["nonce"] = nonce
        return {
            "access_token": self.access_token(acr=acr), "token_type": "Bearer", "expires_in": 300,
            "refresh_token": secrets.token_urlsafe(8), "refresh_expires_in": 1800,
            "id_token": self.sign(id_claims | self.id_claims),
        }  # fmt: skip

    def app(self) -> flask.Flask:
        app = flask.Flask("fake provider")

        @app.before_request
        def note() -> None:
            self.hits.append(flask.request.path)

        @app.get("/.well-known/openid-configuration")
        def metadata() -> Any:
            places = {
                "token_endpoint": "token",
                "authorization_endpoint": "authorize",
                "end_session_endpoint": "logout",
            }
            return {
                "issuer": self.issuer,
                "jwks_uri": self.jwks_at or f"{self.issuer}/jwks",
                **{name: f"{self.issuer}/{path}" for name, path in places.items()},
            }

        @app.get("/jwks")
        def keys() -> Any:
            public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            signing = public | {"kid": self.kid, "use": "sig", "alg": "RS256"}
            return {
                "keys": [
                    signing,
                    public | {"kid": "for-encryption", "use": "enc"},
                    {"kty": "oct", "kid": "odd", "k": "AA"},
                ]
            }

        @app.get("/authorize")
        def authorize() -> Any:
            asked = flask.request.args.to_dict()
            self.seen.append(asked)
            answer = {"state": asked["state"]}
            if self.error:
                answer["error"] = self.error
            else:
                answer["code"] = secrets.token_urlsafe(8)
                self.codes[answer["code"]] = asked
            return flask.redirect(f"{asked['redirect_uri']}?{urlencode(answer)}")

        @app.post("/token")
        def token() -> Any:
            form = flask.request.form
            if form["grant_type"] == "refresh_token":
                if self.refresh_error:
                    error, description = self.refresh_error
                    return {"error": error, "error_description": description}, 400
                return self.answer(self.grants or BASIC, None)
            asked = self.codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
            return self.answer(self.grants or asked.get("acr_values", BASIC), asked["nonce"])

        return app


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    fake = FakeProvider()
    server = make_server("127.0.0.1", 0, fake.app(), threaded=True)
    fake.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


def relying_app(issuer: str, **options: Any) -> tuple[flask.Flask, RelyingParty]:
    """An app of the size that the documentation promises."""
    app = flask.Flask("app")
    app.secret_key = "test"
    rp = RelyingParty(app, issuer=issuer, client_id=CLIENT, client_secret="secret", **options)

    @app.get("/")
    def home() -> str:
        return f"home of {rp.login.claims['sub'] if rp.login else 'nobody'} {rp.csrf_token()}"

    @app.route("/payout", methods=["GET", "POST"])
    @rp.require_acr(MFA)
    def payout() -> str:
        return f"paid at {flask.g.claims['acr']}"

    @app.get("/fresh")
    @rp.require_acr(BASIC, max_age=60)
    def fresh() -> str:
        return "fresh"

    @app.get("/now")
    @rp.require_acr(BASIC, max_age=0)
    def just_now() -> str:
        return "now"

    @app.get("/essential")
    @rp.require_acr(MFA, essential=True)
    def essential() -> str:
        return "essential"

    @app.get("/refresh")
    def refresh() -> str:
        return str(rp.refresh().claims["acr"])

    return app, rp


@dataclass
class Browser:
    """Follows redirects between the app (in process) and the provider (over loopback)."""

    client: FlaskClient
    issuer: str

    def get(self, path: str) -> TestResponse:
        answer = self.client.get(path, headers=HTML)
        for _ in range(6):
            if answer.status_code not in {302, 303}:
                return answer
            target = answer.headers["Location"]
            if target.startswith(self.issuer):
                target = requests.get(target, allow_redirects=False, timeout=5).headers["Location"]
            parts = urlsplit(target)
            answer = self.client.get(f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=HTML)
        raise AssertionError("redirected without end")


@pytest.fixture
def app(provider: FakeProvider) -> flask.Flask:
    return relying_app(provider.issuer)[0]


@pytest.fixture
def browser(app: flask.Flask, provider: FakeProvider) -> Browser:
    return Browser(app.test_client(), provider.issuer)


def query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
