"""A browser without a screen: cookies, redirects, forms, at some place in the network, in somebody's hands."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from urllib.parse import urljoin

import pyotp
import requests

from tools.driver.pages import Kind, Page
from tools.driver.telemetry import Device, Hand

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
TELEMETRY_FIELD = "risk_telemetry"
COLLECT = "\0collect"  # the default of `telemetry`: what the device's collector would send


@dataclass(frozen=True, slots=True)
class Person:
    """Who types: a name, a password, the secret of an authenticator app, a hand."""

    name: str
    password: str
    otp_secret: str | None = None
    hand: Hand | None = None

    def otp(self) -> str:
        """Return the code that the authenticator app shows now."""
        if self.otp_secret is None:
            raise AssertionError(f"{self.name} has no authenticator app")
        return pyotp.TOTP(self.otp_secret).now()


class Browser:
    """One cookie jar on one device at one address. Stops following redirects at the application's door."""

    def __init__(self, application_url: str, *, ip: str | None = None, device: Device | None = None) -> None:
        self.application_url = application_url
        self.device = device or Device()
        self.ip = ip
        self.proxied: dict[str, str] = {}  # headers that a proxy on the way adds
        self.session = requests.Session()
        weakref.finalize(self, self.session.close)

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": self.device.user_agent, "Accept-Language": self.device.accept_language, **self.proxied}
        return headers | ({"X-Forwarded-For": self.ip} if self.ip else {})

    def _go(self, method: str, url: str, data: dict[str, str] | None = None) -> Page:
        for _ in range(15):
            answer = self.session.request(
                method, url, data=data, headers=self._headers(), allow_redirects=False, timeout=30
            )
            for cookie in self.session.cookies:
                cookie.secure = False  # browsers take loopback for a secure context; requests does not
            location = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTS or not location:
                return Page(url, answer.status_code, answer.text, dict(answer.headers))
            url, method, data = urljoin(url, location), "GET", None
            if url.startswith(self.application_url):
                return Page(url, answer.status_code, "", dict(answer.headers), at_application=True)
        raise AssertionError(f"redirected for ever, at last to {url}")

    def open(self, url: str) -> Page:
        """Go to a URL."""
        return self._go("GET", url)

    def send(self, url: str, values: dict[str, str]) -> Page:
        """POST a form to a URL of one's own choice."""
        return self._go("POST", url, values)

    def submit(self, page: Page, form_id: str = "", **values: str) -> Page:
        """Fill in a form of the page and send it."""
        form = page.form(form_id)
        return self._go("POST", urljoin(page.url, form.action), {**form.inputs, **values})

    def reload(self, page: Page) -> Page:
        """Press F5."""
        return self.open(page.reload_url)

    def log_in(
        self, page: Page, person: Person, *, password: str | None = None, telemetry: str | None = COLLECT
    ) -> Page:
        """Fill in the login form. `telemetry` None sends none, as a browser without JavaScript does."""
        if page.kind is not Kind.LOGIN:
            raise AssertionError(f"expected the login form, got {page}")
        typed = {"password": person.password if password is None else password}
        if page.has_field("username"):
            typed["username"] = person.name
        if telemetry == COLLECT:
            telemetry = self.collect(page, person, typed)
        sent = typed if telemetry is None else typed | {TELEMETRY_FIELD: telemetry}
        return self.submit(page, "kc-form-login", **sent)

    def collect(self, page: Page, person: Person, typed: dict[str, str]) -> str:
        """Return what the collector sends for a page and what was typed into it."""
        hand = person.hand
        fields = [hand.type(name, len(text)) for name, text in sorted(typed.items())] if hand else []
        return self.device.telemetry(page.challenge, fields)

    def enter_code(
        self, page: Page, person: Person, code: str | None = None, *, telemetry: str | None = COLLECT
    ) -> Page:
        """Fill in the one-time code. `telemetry` as for `log_in`."""
        if page.kind is not Kind.OTP:
            raise AssertionError(f"expected the one-time code form, got {page}")
        typed = {"otp": code or person.otp()}
        if telemetry == COLLECT:
            telemetry = self.collect(page, person, typed)
        sent = typed if telemetry is None else typed | {TELEMETRY_FIELD: telemetry}
        return self.submit(page, "kc-otp-login-form", **sent)
