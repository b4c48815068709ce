"""Fixtures: one real Chromium for the session, and a small server with a login page like Keycloak's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

COLLECTOR = Path(__file__).parents[2] / "collector" / "collector.js"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW_SIGNATURE = """(() => {
    const sign = SubtleCrypto.prototype.sign;
    SubtleCrypto.prototype.sign = async function (...parts) {
        await new Promise((resolve) => setTimeout(resolve, %d));
        return sign.apply(this, parts);
    };
})()"""
Open = Callable[..., Page]  # opens a login page
DONE = '<!doctype html><title>done</title><link rel="icon" href="data:,"><p id="done">done</p>'


@dataclass
class Site:
    """A login page on loopback that keeps what was posted to it."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    posts: list[dict[str, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def _answer(self, status: int, body: str, kind: str = "text/html") -> None:
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            site.requests.append(f"GET {path}")
            if path == "/collector.js":
                self._answer(200, COLLECTOR.read_text(), "text/javascript")
            elif path in site.pages:
                self._answer(200, site.pages[path])
            else:
                self._answer(404, "not found")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            site.requests.append(f"POST {urlsplit(self.path).path}")
            site.posts.append(dict(parse_qsl(body, keep_blank_values=True)))
            self._answer(200, DONE)

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(port=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=chromium_path,
        args=CHROMIUM_ARGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-GB", timezone_id="Europe/Paris")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which the collector writes nothing to the console and nothing is thrown."""
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda line: noise.append(line.text) if "collector" in line.location.get("url", "") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    assert noise == []


@pytest.fixture
def login_page(site: Site, page: Page) -> Open:
    """Open a login page like Keycloak's: `login_page(head=..., script=..., body=...)`."""

    def open_page(path: str = "/login", host: str = "127.0.0.1", **parts: str) -> Page:
        site.pages[path] = keycloak_like(**parts)
        page.goto(site.url(path, host))
        return page

    return open_page


@pytest.fixture
def touch_page(site: Site, chromium: Browser) -> Iterator[Open]:
    """The same login page on a device with a touch screen."""
    yield from _other_device(site, chromium, has_touch=True, viewport={"width": 400, "height": 700})


@pytest.fixture
def phone_page(site: Site, chromium: Browser, playwright: Playwright) -> Iterator[Open]:
    """The same login page on a device whose only pointer is a finger."""
    yield from _other_device(site, chromium, **playwright.devices["Pixel 7"])


def _other_device(site: Site, chromium: Browser, **device: Any) -> Iterator[Open]:
    context = chromium.new_context(**device)
    page = context.new_page()

    def open_page(**parts: str) -> Page:
        site.pages["/login"] = keycloak_like(**parts)
        page.goto(site.url("/login"))
        return page

    yield open_page
    context.close()


@dataclass(frozen=True)
class Telemetry:
    """What one submit carried: the string, its protected header (None where unsigned) and its verified payload."""

    text: str
    header: dict[str, Any] | None
    payload: dict[str, Any]

    @classmethod
    def of(cls, post: dict[str, str]) -> Telemetry:
        text = post["risk_telemetry"]
        if text.startswith("{"):
            return cls(text, None, json.loads(text))
        header = jwt.get_unverified_header(text)
        payload = jwt.PyJWS().decode(text, jwt.PyJWK(header["jwk"], "ES256"), algorithms=["ES256"])
        return cls(text, header, json.loads(payload))


Send = Callable[[], Telemetry]  # submits the open page and tells what came with it
Sent = Callable[[], dict[str, Any]]  # the same, the payload only


@pytest.fixture
def sent(site: Site, chromium: Browser) -> Send:
    """Submit the open page by its button, wait for the answer, and read what came with it."""

    def submit() -> Telemetry:
        page = chromium.contexts[-1].pages[-1]
        page.evaluate("document.forms[0].requestSubmit(document.querySelector('#kc-login'))")
        page.wait_for_selector("#done")
        return Telemetry.of(site.posts[-1])

    return submit


@pytest.fixture
def submitted(sent: Send) -> Sent:
    """The payload of a submit, its signature verified."""
    return lambda: sent().payload


def keycloak_like(
    head: str = "",
    script: str = '<script src="/collector.js" type="text/javascript"></script>',
    extra: str = "",
    realm: str = "demo",
    code: str = "code-1",
    fields: str | None = None,
) -> str:
    """HTML of the login page, form and inline handler as Keycloak's theme writes them."""
    fields = fields or (
        '<input id="username" name="username" type="text" autocomplete="username" autofocus>'
        '<input id="password" name="password" type="password" autocomplete="current-password">'
    )
    return f"""<!doctype html><html lang="en"><head><title>Sign in</title><link rel="icon" href="data:,">
{head}{script}</head><body>
<form id="kc-form-login" onsubmit="login.disabled = true; return true;" method="post" novalidate="novalidate"
 action="/realms/{realm}/login-actions/authenticate?session_code={code}&amp;execution=e&amp;client_id=web&amp;tab_id=t">
{fields}
<input type="hidden" id="id-hidden-input" name="credentialId">
<button name="login" id="kc-login" type="submit" value="go">Sign In</button>
</form>{extra}</body></html>"""


def typed(page: Page, field: str, text: str, delay: float = 15) -> None:
    """Type into a field, each key so many milliseconds after the last."""
    page.focus(f"#{field}")
    page.keyboard.type(text, delay=delay)


def log_in(page: Page, *, key: str = "Enter") -> None:
    """Fill the form as a person does and send it with the Enter key."""
    page.focus("#username")
    page.keyboard.type("alice", delay=5)
    page.keyboard.press("Tab")
    page.keyboard.type("hunter2", delay=5)
    page.keyboard.press(key)
