"""The demo app against the fake provider; against a real Keycloak it is tested in tests/e2e."""

from __future__ import annotations

import re

import pytest

from examples.demo_app.app import create_app
from examples.demo_app.words import duration, facts
from tests.relying_party.conftest import BASIC, CLIENT, MFA, Browser, FakeProvider, query

APP = "http://localhost"


@pytest.fixture
def demo(provider: FakeProvider) -> Browser:
    app = create_app(issuer=provider.issuer, client_id=CLIENT, client_secret="secret", app_url=APP)
    return Browser(app.test_client(), provider.issuer)


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_stranger_sees_the_way_to_log_in(demo: Browser) -> None:
    page = demo.get("/").text
    assert 'href="/login"' in page
    assert "Log out" not in page


def test_after_login_the_page_says_what_the_tokens_say(demo: Browser, provider: FakeProvider) -> None:
    provider.id_claims = {"amr": ["pwd", "rba"], "risk": {"level": "LOW"}}
    page = demo.get("/login").text
    for words in ("Basic", BASIC, "password, risk check", "LOW", "Nothing unusual", "5 minutes", "30 minutes", "alice"):
        assert words in page
    assert page.count("<details>") == 2


def test_a_refresh_shows_before_and_after_once(demo: Browser, provider: FakeProvider) -> None:
    provider.grants = MFA
    page = demo.get("/login").text
    provider.grants = BASIC
    answer = demo.client.post("/refresh", data={"csrf_token": csrf(page)})
    assert answer.status_code == 303
    page = demo.get("/").text
    assert "The tokens were refreshed" in page
    assert re.search(r"Two factors</td>\s*<td><strong>Basic</strong>", page)
    assert "The tokens were refreshed" not in demo.get("/").text


def test_a_refused_refresh_is_explained_with_the_way_on(demo: Browser, provider: FakeProvider) -> None:
    page = demo.get("/login").text
    provider.refresh_error = ("invalid_grant", "step_up_required <b>")
    demo.client.post("/refresh", data={"csrf_token": csrf(page)})
    page = demo.get("/").text
    assert "invalid_grant step_up_required &lt;b&gt;" in page
    assert "Log in again" in page


def test_the_payout_steps_up_a_browser_and_challenges_an_api_call(demo: Browser, provider: FakeProvider) -> None:
    demo.get("/login")
    page = demo.get("/payout").text
    assert "You may pay out" in page
    assert (
        "Paid out" in demo.client.post("/payout", data={"csrf_token": csrf(page)}, headers={"Accept": "text/html"}).text
    )

    api = demo.client.application.test_client()
    weak = api.post("/payout", headers={"Authorization": f"Bearer {provider.access_token(acr=BASIC)}"})
    strong = api.post("/payout", headers={"Authorization": f"Bearer {provider.access_token(acr=MFA)}"})
    assert weak.status_code == 401
    assert f'acr_values="{MFA}"' in weak.headers["WWW-Authenticate"]
    assert strong.get_json() == {"paid": True, "acr": MFA}


def test_a_step_up_in_vain_ends_on_a_page_with_a_second_try(demo: Browser, provider: FakeProvider) -> None:
    provider.grants = BASIC
    answer = demo.get("/payout")
    assert answer.status_code == 403
    assert "A second factor is needed" in answer.text
    assert "Try again" in answer.text


@pytest.mark.parametrize("path", ["/refresh", "/logout", "/payout"])
def test_no_form_works_without_this_sessions_token(demo: Browser, path: str) -> None:
    demo.get("/payout")
    assert demo.client.post(path, data={"csrf_token": "x"}, headers={"Accept": "text/html"}).status_code == 400


def test_every_page_has_a_strict_policy_and_needs_nothing_from_elsewhere(demo: Browser, provider: FakeProvider) -> None:
    provider.grants = BASIC
    for path in ("/", "/login", "/payout", "/nowhere", "/static/style.css"):
        answer = demo.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:;")
        assert "unsafe" not in policy
        assert not re.search(r"<script|style=|(src|href)=\"(https?:)?//", answer.text)
        answer.close()


def test_logging_out_comes_back_to_the_apps_own_address(demo: Browser, provider: FakeProvider) -> None:
    page = demo.get("/login").text
    answer = demo.client.post("/logout", data={"csrf_token": csrf(page)})
    assert query(answer.headers["Location"])["post_logout_redirect_uri"] == f"{APP}/"


def test_claims_of_odd_kinds_do_not_break_the_page() -> None:
    for odd in (None, 7, "x", [], {}, {"level": 3}, True):
        shown = facts({"acr": odd, "amr": odd, "auth_time": odd, "risk": odd}, access_s=None, refresh_s=0)
        assert shown.access == "not said"


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (60, "1 minute"), (5400, "1 hour 30 minutes"), (90061, "1 day 1 hour")]
)
def test_a_duration_is_told_in_two_units_at_most(seconds: int, words: str) -> None:
    assert duration(seconds) == words
