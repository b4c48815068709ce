"""One answer as a browser sees it: a page with its forms, or a return to the application."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit


class Kind(StrEnum):
    """What Keycloak shows."""

    LOGIN = "login form"
    OTP = "one-time code form"
    ENROL = "enrolment of a second factor"
    RESET = "reset form"
    NEW_PASSWORD = "new password form"  # noqa: S105 - a page's name
    LOGOUT = "logout confirmation"
    ERROR = "error page"
    CODE = "back at the application with a code"
    REFUSAL = "back at the application with an error"
    OTHER = "another page"


_KIND_BY_ID = {
    "kc-form-login": Kind.LOGIN,
    "kc-otp-login-form": Kind.OTP,
    "kc-totp-settings-form": Kind.ENROL,
    "kc-register-webauthn": Kind.ENROL,
    "kc-reset-password-form": Kind.RESET,
    "kc-passwd-update-form": Kind.NEW_PASSWORD,
    "kc-logout-confirm": Kind.LOGOUT,
    "kc-error-message": Kind.ERROR,
}
_MESSAGE = re.compile(r"input-error|kc-error-message|kc-feedback|alert__title|kc-info-message")
_LOCATION = re.compile(r"location\.href\s*=\s*'([^']+)'")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


@dataclass(slots=True)
class Form:
    """A form: its id, where it goes, and its inputs with their values."""

    id: str
    action: str
    inputs: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.ids: set[str] = set()
        self.scripts: list[str] = []
        self.links: dict[str, str] = {}
        self.messages: list[str] = []
        self._depth = 0
        self._open_form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if self._depth:
            self._depth += tag not in _VOID
        elif _MESSAGE.search(f"{given.get('id', '')} {given.get('class', '')}"):
            self._depth = int(tag not in _VOID)
            self.messages.append("")
        self._collect(tag, given)

    def _collect(self, tag: str, given: dict[str, str]) -> None:
        if tag == "form":
            self._open_form = Form(given.get("id", ""), given.get("action", ""))
            self.forms.append(self._open_form)
        elif tag in ("input", "button") and self._open_form and given.get("name"):
            kind = given.get("type", "text")
            self._open_form.kinds[given["name"]] = kind
            if kind not in ("checkbox", "submit", "radio", "button") and tag == "input":
                self._open_form.inputs[given["name"]] = given.get("value", "")
        elif tag == "script" and given.get("src"):
            self.scripts.append(given["src"])
        elif tag == "a" and given.get("href"):
            self.links[given.get("id") or given["href"]] = given["href"]
        if found := _LOCATION.search(given.get("onclick", "")):
            self.links[given.get("id") or found[1]] = found[1]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open_form = None
        if self._depth and tag not in _VOID:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.messages[-1] += f" {data}"


@dataclass(frozen=True)
class Page:
    """What came back after redirects: at Keycloak a page, at the application a return."""

    url: str
    status: int
    body: str
    headers: dict[str, str]
    at_application: bool = False

    @cached_property
    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.body)
        return reader

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the page's URL, or of its fragment."""
        parts = urlsplit(self.url)
        return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}

    @property
    def kind(self) -> Kind:
        """What it is."""
        if self.at_application:
            return Kind.CODE if "code" in self.query else Kind.REFUSAL
        for marker, kind in _KIND_BY_ID.items():
            if marker in self._read.ids:
                return kind
        return Kind.OTHER

    @property
    def code(self) -> str:
        """The authorisation code; a clear failure where there is none."""
        if self.kind is not Kind.CODE:
            raise AssertionError(f"expected a code, got {self}")
        return self.query["code"]

    @property
    def error(self) -> str | None:
        """The OAuth error that the application got."""
        return self.query.get("error") if self.at_application else None

    @property
    def message(self) -> str:
        """What the page tells the person."""
        return " ".join(" ".join(self._read.messages).split())

    @property
    def scripts(self) -> list[str]:
        """Absolute URLs of the page's scripts."""
        return [urljoin(self.url, source) for source in self._read.scripts]

    @property
    def links(self) -> dict[str, str]:
        """Links, and buttons that lead somewhere, by id, else by address."""
        return {name: urljoin(self.url, target) for name, target in self._read.links.items()}

    def form(self, form_id: str = "") -> Form:
        """Return the form of that id, else the first one."""
        for form in self._read.forms:
            if not form_id or form.id == form_id:
                return form
        raise AssertionError(f"no form {form_id!r} on {self}")

    def has_field(self, name: str) -> bool:
        """Whether a person can fill in the field."""
        return any(form.kinds.get(name, "hidden") != "hidden" for form in self._read.forms)

    @property
    def challenge(self) -> str:
        """What telemetry of this page's form must name: the form's session code."""
        return parse_qs(urlsplit(self.form().action).query).get("session_code", [""])[0]

    @property
    def reload_url(self) -> str:
        """What F5 asks for: the URL that the page put into the history, else its own."""
        found = re.search(r'replaceState\([^"]*"[^"]*",\s*"([^"]+)"', self.body)
        if not found:
            return self.url
        path = found[1].replace("\\/", "/").replace("\\u003d", "=").replace("\\u0026", "&")
        return urljoin(self.url, html.unescape(path))

    def __str__(self) -> str:
        told = f': "{self.message}"' if self.message else ""
        return f"{self.kind.value} ({self.status}{f', {self.error}' if self.error else ''}){told}"
