"""The collector works however it is loaded, and leaves nothing of its own on the page."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import Page

from tests.collector.conftest import COLLECTOR, Open, Send, Site, Telemetry, log_in

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="/collector.js" type="text/javascript"></script>',
        '<script src="/collector.js" type="module"></script>',
        '<script type="module">await import("/collector.js"); document.body.dataset.loaded = "";</script>',
        '<script src="/collector.js"></script><script type="module" src="/collector.js"></script>',
    ],
    ids=["classic", "module", "import", "twice"],
)
def test_it_works_however_it_is_loaded(login_page: Open, site: Site, tag: str) -> None:
    page = login_page(script=tag)
    if "import(" in tag:
        page.wait_for_selector("body[data-loaded]")  # the page's load event does not wait for it
    log_in(page)
    page.wait_for_selector("#done")

    telemetry = Telemetry.of(site.posts[-1])

    assert telemetry.header is not None
    assert [len(field["keys"]) for field in telemetry.payload["fields"]] == [5, 7]
    assert len(site.posts) == 1


def test_it_adds_no_globals_cookies_or_requests_of_its_own(login_page: Open, site: Site) -> None:
    page = login_page(script="")
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    page = login_page()
    after = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    site.requests.clear()
    log_in(page)
    page.wait_for_selector("#done")

    assert after == before
    assert page.context.cookies() == []
    assert site.requests == ["POST /realms/demo/login-actions/authenticate"]


def test_it_runs_under_a_strict_content_security_policy(login_page: Open, site: Site, sent: Send) -> None:
    site.headers["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; img-src data:"
    page = login_page()
    page.evaluate("document.forms[0].removeAttribute('onsubmit')")
    telemetry = sent()
    assert telemetry.header is not None


def test_the_script_is_one_small_file_without_dependencies() -> None:
    text = COLLECTOR.read_text(encoding="utf-8")
    assert len(text) < 26_000
    assert len(gzip.compress(text.encode())) < 9_000, "as it is served"
    assert not any(word in text for word in ("import(", "import {", "fetch(", "XMLHttpRequest", "sendBeacon", "eval("))


def test_no_handler_but_submits_can_hold_the_page_up_and_none_asks_for_a_layout(
    login_page: Open, page: Page, site: Site
) -> None:
    page.add_init_script("""(() => {
        window.listeners = {};
        window.layouts = 0;
        const add = window.addEventListener;
        window.addEventListener = function (name, handler, options) {
            if (new Error().stack.includes('collector.js')) listeners[name] = options;
            return add.call(this, name, handler, options);
        };
        const count = (owner, name) => {
            const { get, value } = Object.getOwnPropertyDescriptor(owner, name);
            const counted = function (...parts) { window.layouts++; return (get || value).apply(this, parts); };
            Object.defineProperty(owner, name, get ? { get: counted } : { value: counted });
        };
        for (const name of ['offsetWidth', 'offsetHeight', 'offsetTop']) count(HTMLElement.prototype, name);
        for (const name of ['getBoundingClientRect', 'clientWidth', 'scrollTop']) count(Element.prototype, name);
        for (const name of ['offsetX', 'offsetY']) count(MouseEvent.prototype, name);
        for (const name of ['scrollX', 'scrollY', 'innerWidth', 'getComputedStyle']) count(window, name);
    })()""")
    login_page()
    page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
    page.mouse.move(300, 300, steps=9)
    log_in(page)
    page.wait_for_function("document.querySelector('[name=risk_telemetry]').value.startsWith('e')")

    listeners = page.evaluate("listeners")

    assert {name for name, options in listeners.items() if not options["passive"]} == {"submit"}
    assert page.evaluate("layouts") == 0
