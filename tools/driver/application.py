"""Applications as Keycloak's clients: they send people to log in, and get, refresh, exchange and inspect tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import load_pem_x509_certificate

from tools.driver.browser import Browser
from tools.driver.pages import Page
from tools.driver.telemetry import DeviceKey, base64url, compact

Claims = dict[str, Any]


def claims_of(token: str) -> Claims:
    """Return a JWT's claims, unverified: the driver looks, it does not trust."""
    payload = token.split(".")[1]
    claims: Claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def thumbprint_of(key: DeviceKey) -> str:
    """Return a key's name (RFC 7638)."""
    return base64url(hashlib.sha256(compact(dict(sorted(key.jwk.items())))).digest())


@dataclass(frozen=True)
class TokenAnswer:
    """What the token endpoint answered."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether tokens came."""
        return self.status == 200

    @property
    def error(self) -> str:
        """The OAuth error with its description, or nothing."""
        return " ".join(str(self.body[name]) for name in ("error", "error_description") if name in self.body)

    def _token(self, name: str) -> str:
        if name not in self.body:
            raise AssertionError(f"no {name} in {self.status} {self.error or self.body}")
        return str(self.body[name])

    @property
    def access_token(self) -> str:
        """The access token."""
        return self._token("access_token")

    @property
    def refresh_token(self) -> str:
        """The refresh token."""
        return self._token("refresh_token")

    @property
    def access(self) -> Claims:
        """The access token's claims."""
        return claims_of(self.access_token)

    @property
    def identity(self) -> Claims:
        """The ID token's claims."""
        return claims_of(self._token("id_token"))

    @property
    def acr(self) -> str | None:
        """The access token's class."""
        return self.access.get("acr")

    @property
    def access_life_s(self) -> int:
        """The access token's whole life."""
        return int(self.access["exp"]) - int(self.access["iat"])

    @property
    def refresh_life_s(self) -> int | None:
        """The refresh token's whole life; None for one without end."""
        claims = claims_of(self.refresh_token)
        return int(claims["exp"]) - int(claims["iat"]) if claims.get("exp") else None

    def __str__(self) -> str:
        if not self.ok:
            return f"{self.status} {self.error}"
        refresh = f", refresh token {self.refresh_life_s} s" if "refresh_token" in self.body else ""
        told = [f"acr {self.acr}" if self.acr else "no acr", f"access token {self.access_life_s} s{refresh}"]
        risk = self.access.get("risk")
        return ", ".join([*told, f"risk {risk['level']}"] if risk else told)


@dataclass(frozen=True)
class Login:
    """An authorisation request under way: where to go, and the verifier that redeems the code."""

    url: str
    verifier: str


@dataclass(frozen=True)
class MutualTls:
    """A way to the token endpoint over TLS: where it is, whom to trust there, and the certificate that is shown."""

    keycloak_url: str
    authority: Path
    certificate: Path  # with its private key

    @property
    def thumbprint(self) -> str:
        """The certificate's name in tokens that are bound to it (RFC 8705)."""
        shown = load_pem_x509_certificate(self.certificate.read_bytes())
        return base64url(shown.fingerprint(hashes.SHA256()))


@dataclass(frozen=True)
class Application:
    """A client of a realm. `ip` is where its backend talks from.

    `key` is what it proves by DPoP, where it does; `mutual` is how it comes to the token endpoint by a certificate.
    """

    issuer: str
    client_id: str
    redirect_uri: str = ""
    secret: str | None = None
    ip: str | None = None
    key: DeviceKey | None = None
    mutual: MutualTls | None = None

    @property
    def thumbprint(self) -> str | None:
        """The key's name in tokens that are bound to it."""
        return thumbprint_of(self.key) if self.key else None

    @property
    def _endpoints(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    def login(self, **parameters: str) -> Login:
        """Begin an authorisation request with PKCE; `parameters` such as `acr_values`, `prompt`, `max_age`."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": self.redirect_uri,
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **parameters,
        }
        return Login(f"{self._endpoints}/auth?{urlencode(query)}", verifier)

    def redeem(self, login: Login, page: Page, browser: Browser | None = None) -> TokenAnswer:
        """Exchange the code that the page brought. A public client's code is redeemed from the browser's place."""
        return self.token(
            browser,
            grant_type="authorization_code",
            code=page.code,
            redirect_uri=self.redirect_uri,
            code_verifier=login.verifier,
        )

    def refresh(self, refresh_token: str, browser: Browser | None = None, **parameters: str) -> TokenAnswer:
        """Refresh."""
        return self.token(browser, grant_type="refresh_token", refresh_token=refresh_token, **parameters)

    def client_credentials(self, **parameters: str) -> TokenAnswer:
        """Get a machine token."""
        return self.token(None, grant_type="client_credentials", **parameters)

    def password_grant(self, name: str, password: str, **parameters: str) -> TokenAnswer:
        """Get tokens for a name and a password, without a browser."""
        wanted = {"scope": "openid", **parameters}
        return self.token(None, grant_type="password", username=name, password=password, **wanted)

    def exchange(self, subject_token: str, **parameters: str) -> TokenAnswer:
        """Exchange somebody's access token for one of this client."""
        return self.token(
            None,
            grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
            subject_token=subject_token,
            subject_token_type="urn:ietf:params:oauth:token-type:access_token",  # noqa: S106 - a type
            **parameters,
        )

    def token(self, browser: Browser | None, **data: str) -> TokenAnswer:
        """Ask the token endpoint, from the browser's place or from this client's own."""
        data = {**data, "client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        url, tls = f"{self._endpoints}/token", {}
        if self.mutual:
            url = self.mutual.keycloak_url + urlsplit(url).path
            tls = {"cert": str(self.mutual.certificate), "verify": str(self.mutual.authority)}
        headers = self._headers(browser) | self._proof(url)
        answer = requests.post(url, data=data, headers=headers, timeout=30, **tls)  # type: ignore[arg-type]
        body = answer.json() if "json" in answer.headers.get("Content-Type", "") else {"error": answer.text[:300]}
        return TokenAnswer(answer.status_code, body, answer.elapsed.total_seconds())

    def _headers(self, browser: Browser | None) -> dict[str, str]:
        place = browser.ip if browser else self.ip
        agent = browser.device.user_agent if browser else f"{self.client_id}/1.0"
        added = browser.proxied if browser else {}
        return {"User-Agent": agent, **added} | ({"X-Forwarded-For": place} if place else {})

    def _proof(self, url: str) -> dict[str, str]:
        if not self.key:
            return {}
        claims = {"jti": secrets.token_urlsafe(12), "htm": "POST", "htu": url, "iat": int(time.time())}
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.jwk}
        return {"DPoP": self.key.sign(compact(claims), header=header)}

    def introspect(self, token: str) -> Claims:
        """Ask Keycloak what it says of a token now."""
        data = {"token": token, "client_id": self.client_id, "client_secret": self.secret or ""}
        answer = requests.post(f"{self._endpoints}/token/introspect", data=data, timeout=30)
        answer.raise_for_status()
        claims: Claims = answer.json()
        return claims

    def userinfo(self, access_token: str) -> requests.Response:
        """Ask for the claims of the person."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return requests.get(f"{self._endpoints}/userinfo", headers=headers, timeout=30)
