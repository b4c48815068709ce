"""What a submit carries, and that nothing the collector does or suffers keeps a person from logging in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from idp_adapter.core.signals import parse_telemetry
from tests.collector.conftest import COLLECTOR, Site, Telemetry, keycloak_like

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Send = Callable[[], Telemetry]

COUNT_SUBMITS = "<script>window.seen = 0; document.addEventListener('submit', () => { window.seen++; });</script>"
TIME_THE_SUBMIT = """
    addEventListener('keydown', (event) => { if (event.key === 'Enter') window.entered = performance.now(); }, true);
    addEventListener('formdata', () => { sessionStorage.took = performance.now() - window.entered; });
"""
SLOW_SIGNATURE = """(() => {
    const sign = SubtleCrypto.prototype.sign;
    SubtleCrypto.prototype.sign = async function (...parts) {
        await new Promise((resolve) => setTimeout(resolve, %d));
        return sign.apply(this, parts);
    };
})()"""


def log_in(page: Page, *, key: str = "Enter") -> None:
    """Fill the form as a person does and send it with the Enter key."""
    page.focus("#username")
    page.keyboard.type("alice", delay=5)
    page.keyboard.press("Tab")
    page.keyboard.type("hunter2", delay=5)
    page.keyboard.press(key)


# the signature -------------------------------------------------------------------------------------------------


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


# the way it is loaded ------------------------------------------------------------------------------------------


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


# nothing keeps anyone from logging in --------------------------------------------------------------------------

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


# submitting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["Enter", "click"])
def test_a_double_submit_is_one_submit(login_page: Open, page: Page, site: Site, how: str) -> None:
    page.add_init_script(SLOW_SIGNATURE % 100)
    login_page()
    log_in(page, key="Tab")
    if how == "Enter":
        page.focus("#password")
        for _ in range(3):
            page.keyboard.press("Enter")
    else:
        page.dblclick("#kc-login")
    page.wait_for_selector("#done")
    page.wait_for_timeout(200)

    assert len(site.posts) == 1
    assert Telemetry.of(site.posts[-1]).header is not None


def test_other_submit_listeners_run_once(login_page: Open, page: Page) -> None:
    page.add_init_script("addEventListener('pagehide', () => { sessionStorage.seen = window.seen; })")
    login_page(extra=COUNT_SUBMITS)
    log_in(page)
    page.wait_for_selector("#done")
    assert page.evaluate("sessionStorage.seen") == "1"


def test_the_pressed_button_is_kept(login_page: Open, site: Site) -> None:
    page = login_page(
        fields='<input id="password" type="password" name="password" autocomplete="current-password">'
        '<button id="no" name="answer" value="no">No</button><button id="yes" name="answer" value="yes">Yes</button>'
    )
    page.click("#yes")
    page.wait_for_selector("#done")
    assert site.posts[-1]["answer"] == "yes"
    assert Telemetry.of(site.posts[-1]).header is not None


def test_a_form_that_fails_its_validation_is_not_sent(login_page: Open, site: Site) -> None:
    page = login_page(
        fields='<input id="username" name="username" required><input type="password" name="password" '
        'autocomplete="current-password">'
    )
    page.evaluate("document.forms[0].noValidate = false")
    page.click("#kc-login")
    page.wait_for_timeout(250)
    assert site.posts == []

    page.fill("#username", "alice")
    page.click("#kc-login")
    page.wait_for_selector("#done")
    assert Telemetry.of(site.posts[-1]).header is not None


def test_inputs_that_shadow_the_forms_own_properties_do_no_harm(login_page: Open, site: Site) -> None:
    page = login_page(
        fields='<input id="password" type="password" name="password" autocomplete="current-password">'
        '<input name="action" value="1"><input name="method" value="2"><input name="submit" value="3">'
        '<input name="requestSubmit" value="4"><input name="querySelector" value="5">'
    )
    page.focus("#password")
    page.keyboard.press("Enter")
    page.wait_for_selector("#done")
    assert site.posts[-1]["action"] == "1"


def test_a_form_that_a_script_sends_itself_gets_fresh_telemetry_each_time(login_page: Open) -> None:
    page = login_page(
        extra="""<script>
        window.sends = [];
        document.forms[0].onsubmit = (event) => {
            event.preventDefault();
            window.sends.push(new FormData(event.target).get('risk_telemetry'));
        };</script>"""
    )
    log_in(page)
    page.wait_for_function("sends.length === 1")
    page.fill("#password", "")
    page.focus("#password")
    page.keyboard.type("abc", delay=5)
    page.keyboard.press("Enter")
    page.wait_for_function("sends.length === 2")

    first, second = (Telemetry.of({"risk_telemetry": text}) for text in page.evaluate("sends"))

    assert [len(field["keys"]) for field in first.payload["fields"]] == [5, 7]
    assert [len(field["keys"]) for field in second.payload["fields"]] == [5, 3]
    assert second.payload["fields"][1]["restarts"] == 1
    assert first.header == second.header


def test_each_of_two_forms_carries_its_own_fields_only(login_page: Open, site: Site) -> None:
    page = login_page(
        extra='<form method="post" action="/realms/demo/x?session_code=code-2"><input id="otp" name="otp">'
        '<button id="b"></button></form>'
        '<form method="post" action="/search"><input id="q" name="q"><button id="s"></button></form>'
    )
    page.focus("#username")
    page.keyboard.type("alice")
    page.focus("#otp")
    page.keyboard.type("123456")
    page.click("#b")
    page.wait_for_selector("#done")

    payload = Telemetry.of(site.posts[-1]).payload

    assert payload["challenge"] == "code-2"
    assert [(field["name"], len(field["keys"])) for field in payload["fields"]] == [("otp", 6)]

    page.go_back(wait_until="commit")
    page.wait_for_selector("#q")
    page.click("#s")
    page.wait_for_selector("#done")
    assert "risk_telemetry" not in site.posts[-1], "a search form is not a login form"


def test_a_form_that_would_put_it_into_the_address_gets_nothing(login_page: Open, page: Page, site: Site) -> None:
    login_page()
    page.evaluate("document.forms[0].method = 'get'")
    page.click("#kc-login")
    page.wait_for_url("**username=**")
    assert "risk_telemetry" not in page.url


def test_a_page_from_the_back_forward_cache_starts_again(login_page: Open, site: Site, page: Page) -> None:
    page.add_init_script("addEventListener('pageshow', (event) => { window.fromCache = event.persisted; })")
    login_page()
    log_in(page)
    page.wait_for_selector("#done")
    page.go_back(wait_until="commit")
    page.wait_for_selector("#username")
    assert page.evaluate("window.fromCache") is True, "the browser did not use its back/forward cache"
    assert page.evaluate("document.querySelector('[name=risk_telemetry]')") is None
    page.evaluate("document.querySelector('#kc-login').disabled = false")
    page.fill("#password", "")
    page.focus("#password")
    page.keyboard.type("abc", delay=5)
    page.keyboard.press("Enter")
    page.wait_for_selector("#done")

    first, second = (Telemetry.of(post) for post in site.posts)

    assert (first.payload["restored"], second.payload["restored"]) == (False, True)
    assert [len(field["keys"]) for field in second.payload["fields"]] == [0, 3]
    assert second.payload["age_ms"] < first.payload["age_ms"] + 5000
    assert first.header == second.header


# size ----------------------------------------------------------------------------------------------------------


def test_the_string_stays_within_16_kb_under_a_flood_of_events(login_page: Open, sent: Send) -> None:
    fields = "".join(
        f'<input id="{name}" name="{name}" type="text" autocomplete="off">'
        for name in ("username", "password", "otp", "totp")
    )
    page = login_page(fields=fields)
    for number in range(300):
        page.mouse.move(number, number % 7)
        page.mouse.down()
        page.mouse.up()
    for name in ("username", "password", "otp", "totp"):
        page.focus(f"#{name}")
        page.keyboard.type("x" * 140)

    telemetry = sent()

    print(f"under a flood: {len(telemetry.text)} bytes, {len(telemetry.payload['pointer'])} pointer samples")
    assert telemetry.header is not None
    assert len(telemetry.text) <= 16_384
    assert len(telemetry.payload["pointer"]) <= 256
    assert all(len(field["keys"]) in {0, 128} for field in telemetry.payload["fields"])
    assert all(field["truncated"] and not field["complete"] for field in telemetry.payload["fields"])


def test_the_services_parser_takes_what_is_sent(login_page: Open, sent: Send) -> None:
    page = login_page(
        fields='<input id="username" name="username"><input type="password" name="密码" id="password">'
        '<input type="password" name="password2" id="p2"><input type="password" name="口令">'
    )
    page.mouse.move(300, 300, steps=20)
    page.mouse.click(5, 5)
    log_in(page, key="Tab")
    page.focus("#username")
    page.keyboard.down("z")

    telemetry = sent()
    parsed = parse_telemetry(telemetry.payload, expected_challenge="code-1", key_id=None)

    assert [typing.field for typing in parsed.fields] == ["username", "password", "password2"]
    assert [len(typing.down_s) for typing in parsed.fields] == [6, 7, 0]
    assert parsed.fields[0].up_s[-1] is None
    assert len(parsed.pointer) == len(telemetry.payload["pointer"]) > 0
    assert parsed.facts.webdriver


def test_a_usual_login_is_small(login_page: Open, site: Site) -> None:
    page = login_page()
    page.mouse.move(100, 100, steps=20)
    log_in(page)
    page.wait_for_selector("#done")
    size = len(site.posts[-1]["risk_telemetry"])
    print(f"a usual login: {size} bytes signed")
    assert size < 4096


def test_the_script_is_one_small_file_without_dependencies() -> None:
    text = COLLECTOR.read_text(encoding="utf-8")
    assert len(text) < 20_000
    assert not any(word in text for word in ("import(", "import {", "fetch(", "XMLHttpRequest", "sendBeacon", "eval("))
