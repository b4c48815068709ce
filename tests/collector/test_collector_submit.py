"""Submitting: once, with the right button and fields, and again where the page is used again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.collector.conftest import SLOW_SIGNATURE, Open, Site, Telemetry, log_in

pytestmark = pytest.mark.browser

COUNT_SUBMITS = "<script>window.seen = 0; document.addEventListener('submit', () => { window.seen++; });</script>"


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
