"""A lean keep-alive HTTP client for load: what it costs is the same on both sides of a comparison."""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tools.driver.telemetry import Device, Hand

_ACTION = re.compile(r'id="kc-form-login"[^>]*action="([^"]+)"|action="([^"]+)"[^>]*id="kc-form-login"')
_ANY_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')


@dataclass
class Answer:
    """Status, headers, body, and the milliseconds that it took."""

    status: int
    location: str
    body: bytes
    ms: float

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass
class Client:
    """One keep-alive connection with a cookie jar of one host."""

    port: int
    redirect: str = "http://127.0.0.1:8000/cb"
    address: str = "192.0.2.10"
    user_agent: str = Device().user_agent
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """One request; redirects are not followed."""
        headers = {"X-Forwarded-For": self.address, "User-Agent": self.user_agent}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        begun = time.perf_counter()
        self._connection.request(method, path, body=body, headers=headers)
        response = self._connection.getresponse()
        content = response.read()
        ms = (time.perf_counter() - begun) * 1000
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value and "Max-Age=0" not in cookie:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return Answer(response.status, response.headers.get("Location", ""), content, ms)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


@dataclass
class Login:
    """What one login cost: the page, the POST of the password, the code exchange; and its tokens."""

    page_ms: float
    password_ms: float
    code_ms: float
    tokens: dict[str, Any]

    @property
    def total_ms(self) -> float:
        """All three."""
        return self.page_ms + self.password_ms + self.code_ms


def log_in(client: Client, realm: str, user: str, password: str, device: Device | None, hand: Hand | None) -> Login:
    """Log in by the code flow in a fresh session. Raises RuntimeError with what came instead of a code."""
    base = f"/realms/{realm}/protocol/openid-connect"
    client.cookies = {k: v for k, v in client.cookies.items() if k == "RISK_DEVICE"}
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": "spa",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": client.redirect,
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    page = client.send("GET", f"{base}/auth?{urlencode(query)}")
    found = _ACTION.search(page.body.decode()) or _ANY_ACTION.search(page.body.decode())
    if not found:
        raise RuntimeError(f"no login form: {page.status}")
    action = urlsplit(html.unescape(next(group for group in found.groups() if group)))
    form = {"username": user, "password": password, "credentialId": ""}
    if device:
        session_code = parse_qs(action.query)["session_code"][0]
        fields = [hand.type("username", len(user)), hand.type("password", len(password))] if hand else []
        form["risk_telemetry"] = device.telemetry(session_code, fields)
    posted = client.send("POST", f"{action.path}?{action.query}", form)
    code = parse_qs(urlsplit(posted.location).query).get("code")
    if not code:
        raise RuntimeError(f"no code: {posted.status} {posted.location[:80]}")
    exchange = {
        "grant_type": "authorization_code",
        "client_id": "spa",
        "code": code[0],
        "redirect_uri": client.redirect,
        "code_verifier": verifier,
    }
    exchanged = client.send("POST", f"{base}/token", exchange)
    if exchanged.status != 200:
        raise RuntimeError(f"no tokens: {exchanged.status}")
    return Login(page.ms, posted.ms, exchanged.ms, exchanged.json())


def refresh(client: Client, realm: str, refresh_token: str) -> Answer:
    """One refresh of the public client."""
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": refresh_token}
    return client.send("POST", f"/realms/{realm}/protocol/openid-connect/token", form)


def machine_token(client: Client, realm: str, secret: str) -> Answer:
    """One token for the service account."""
    form = {"grant_type": "client_credentials", "client_id": "payments-job", "client_secret": secret}
    return client.send("POST", f"/realms/{realm}/protocol/openid-connect/token", form)
