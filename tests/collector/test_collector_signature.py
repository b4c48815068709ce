"""The device key: telemetry is signed by a key that stays with the browser profile, one per realm."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.collector.conftest import Open, Send, Site, Telemetry, keycloak_like, log_in

pytestmark = pytest.mark.browser


def test_the_telemetry_is_signed_by_a_key_that_it_carries(login_page: Open, site: Site) -> None:
    page = login_page()
    log_in(page)
    page.wait_for_selector("#done")

    telemetry = Telemetry.of(site.posts[-1])  # verifies

    assert telemetry.header is not None
    assert set(telemetry.header) == {"typ", "alg", "jwk"}
    assert (telemetry.header["typ"], telemetry.header["alg"]) == ("telemetry+jwt", "ES256")
    assert set(telemetry.header["jwk"]) == {"kty", "crv", "x", "y"}, "above all no private part"
    assert site.posts[-1]["username"] == "alice"
    assert site.posts[-1]["password"] == "hunter2"


def test_the_same_key_signs_after_a_reload(login_page: Open, sent: Send) -> None:
    login_page()
    first = sent()
    login_page()
    second = sent()

    assert first.header == second.header
    assert first.text != second.text


def test_another_browser_profile_has_another_key(login_page: Open, sent: Send, chromium: Browser, site: Site) -> None:
    login_page()
    first = sent()
    other = chromium.new_context()
    other.new_page().goto(site.url("/login"))
    second = sent()
    other.close()

    assert first.header is not None
    assert second.header is not None
    assert first.header["jwk"] != second.header["jwk"]


def test_each_realm_has_its_own_key(login_page: Open, sent: Send) -> None:
    login_page(realm="one")
    first = sent()
    login_page(realm="two")
    second = sent()

    assert first.header is not None
    assert second.header is not None
    assert first.header["jwk"] != second.header["jwk"]


def test_two_tabs_that_open_at_once_end_with_one_key(context: BrowserContext, site: Site) -> None:
    site.pages["/login"] = keycloak_like()
    tabs = [context.new_page() for _ in range(4)]
    for tab in tabs:
        tab.goto(site.url("/login"), wait_until="commit")
    for tab in tabs:
        tab.wait_for_selector("#kc-login")
        tab.click("#kc-login")
        tab.wait_for_selector("#done")

    headers = [Telemetry.of(post).header for post in site.posts]

    assert len(headers) == 4
    assert all(header == headers[0] for header in headers)
    assert headers[0] is not None


def test_the_private_key_can_not_be_exported(login_page: Open, sent: Send, site: Site) -> None:
    login_page()
    sent()
    page = login_page()
    verdict = page.evaluate("""async () => {
        const request = indexedDB.open('risk-device');
        await new Promise((resolve) => { request.onsuccess = resolve; });
        const read = request.result.transaction('keys').objectStore('keys').get('/realms/demo');
        await new Promise((resolve) => { read.onsuccess = resolve; });
        return crypto.subtle.exportKey('jwk', read.result.privateKey).then(() => 'exported', (error) => error.name);
    }""")
    assert verdict == "InvalidAccessError"


def test_the_challenge_is_the_session_code_of_the_form(login_page: Open, sent: Send) -> None:
    login_page(code="abc_DEF-123")
    assert sent().payload["challenge"] == "abc_DEF-123"


def test_a_form_without_a_session_code_has_an_empty_challenge(login_page: Open, sent: Send) -> None:
    page = login_page()
    page.evaluate("document.forms[0].setAttribute('action', '/somewhere')")
    assert sent().payload["challenge"] == ""
