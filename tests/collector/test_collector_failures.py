"""Nothing the collector does or suffers keeps a person from logging in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.collector.conftest import SLOW_SIGNATURE, Open, Site, Telemetry, keycloak_like, log_in

pytestmark = pytest.mark.browser

TIME_THE_SUBMIT = """
    addEventListener('keydown', (event) => { if (event.key === 'Enter') window.entered = performance.now(); }, true);
    addEventListener('formdata', () => { sessionStorage.took = performance.now() - window.entered; });
"""
ADD_THROWS = "IDBObjectStore.prototype.add = () => { throw new DOMException('', '%s'); }"
BREAKAGES = {
    "no WebCrypto": "Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })",
    "no IndexedDB": "Object.defineProperty(window, 'indexedDB', { value: undefined })",
    "IndexedDB forbidden": "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }",
    "IndexedDB fails": "IDBFactory.prototype.open = (() => { const open = IDBFactory.prototype.open;"
    " return function () { return open.call(this, 'risk-device', 0.5 + 1e300); }; })()",
    "IndexedDB hangs": "IDBFactory.prototype.open = () => ({})",
    "the key store is full": ADD_THROWS % "QuotaExceededError",
    "the key can not be stored": ADD_THROWS % "DataCloneError",
    "signing fails": "SubtleCrypto.prototype.sign = () => Promise.reject(new Error('no'))",
    "signing throws": "SubtleCrypto.prototype.sign = () => { throw new Error('no'); }",
    "signing hangs": "SubtleCrypto.prototype.sign = () => new Promise(() => {})",
    "no requestSubmit": "delete HTMLFormElement.prototype.requestSubmit",
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_login_goes_on_unsigned_when(login_page: Open, page: Page, site: Site, breakage: str) -> None:
    page.add_init_script(BREAKAGES[breakage])
    login_page()
    log_in(page)
    page.wait_for_selector("#done", timeout=2000)

    telemetry = Telemetry.of(site.posts[-1])

    assert telemetry.header is None
    assert [len(field["keys"]) for field in telemetry.payload["fields"]] == [5, 7]
    assert len(site.posts) == 1


@pytest.mark.parametrize(
    "breakage",
    [
        "Object.defineProperty(window, 'Intl', { value: undefined })",
        "Object.defineProperty(window, 'TextEncoder', { value: undefined })",
        "Document.prototype.createElement = () => { throw new Error('no'); }",
        "Object.defineProperty(window, 'Map', { get() { throw new Error('no'); } })",
    ],
)
def test_login_goes_on_without_telemetry_when_the_script_throws(chromium: Browser, site: Site, breakage: str) -> None:
    site.pages["/login"] = keycloak_like()
    context = chromium.new_context()
    page = context.new_page()  # a script that can't even start may say so on the console
    page.add_init_script(breakage)
    page.goto(site.url("/login"))
    page.focus("#password")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.wait_for_selector("#done", timeout=2000)
    context.close()

    assert site.posts[-1]["password"] == "x"
    assert site.posts[-1].get("risk_telemetry", "") == ""


def test_login_goes_on_when_sending_again_throws(login_page: Open, page: Page, site: Site) -> None:
    page.add_init_script("HTMLFormElement.prototype.requestSubmit = () => { throw new Error('no'); }")
    login_page()
    log_in(page)
    page.wait_for_selector("#done", timeout=2000)

    assert Telemetry.of(site.posts[-1]).header is not None
    assert site.posts[-1]["password"] == "hunter2"


def test_login_works_without_javascript(chromium: Browser, site: Site) -> None:
    site.pages["/login"] = keycloak_like()
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url("/login"))
    log_in(page)
    page.wait_for_selector("#done")
    context.close()

    assert site.posts[-1]["password"] == "hunter2"
    assert "risk_telemetry" not in site.posts[-1]


def test_login_works_when_the_script_is_not_there(login_page: Open, site: Site, page: Page) -> None:
    login_page(script='<script type="text/plain" src="/nowhere.js"></script>')
    log_in(page)
    page.wait_for_selector("#done")
    assert "risk_telemetry" not in site.posts[-1]


def test_a_slow_signature_delays_login_by_no_more_than_its_budget(login_page: Open, page: Page, site: Site) -> None:
    page.add_init_script(SLOW_SIGNATURE % 5000)
    page.add_init_script(TIME_THE_SUBMIT)
    login_page()
    log_in(page)
    page.wait_for_selector("#done", timeout=2000)

    took_ms = float(page.evaluate("sessionStorage.took"))
    assert Telemetry.of(site.posts[-1]).header is None
    assert 140 <= took_ms <= 300


def test_signing_takes_far_less_than_its_budget(login_page: Open, page: Page, site: Site) -> None:
    page.add_init_script(TIME_THE_SUBMIT)
    login_page()
    log_in(page)
    page.wait_for_selector("#done", timeout=2000)

    took_ms = float(page.evaluate("sessionStorage.took"))
    print(f"from Enter to the form being sent: {took_ms:.1f} ms")
    assert Telemetry.of(site.posts[-1]).header is not None
    assert took_ms < 100
