"""The browser's side: code flow with PKCE, step-up by acr_values, no loops, and sessions that are the app's own."""

from __future__ import annotations

import json
import time

import pytest
import requests

from idp_adapter.relying_party.store import BoundedStore
from idp_adapter.relying_party.web import RefreshRefused
from tests.relying_party.conftest import BASIC, HTML, MFA, Browser, FakeProvider, query, relying_app


def test_a_page_that_demands_an_acr_starts_a_login_that_asks_for_it(browser: Browser, provider: FakeProvider) -> None:
    answer = browser.client.get("/payout", headers=HTML)

    asked = query(answer.headers["Location"])
    assert answer.status_code == 302
    assert asked["acr_values"] == MFA
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid")
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["redirect_uri"].endswith("/callback")


def test_after_the_step_up_the_person_is_where_they_wanted_to_be(browser: Browser, provider: FakeProvider) -> None:
    browser.get("/login")
    assert browser.get("/").text.startswith("home of alice-1")
    answer = browser.get("/payout?amount=5")
    assert answer.text == f"paid at {MFA}"
    assert answer.request.full_path == "/payout?amount=5"
    assert [asked.get("acr_values") for asked in provider.seen] == [None, MFA]


def test_a_login_that_is_strong_enough_is_not_asked_again(browser: Browser, provider: FakeProvider) -> None:
    provider.grants = "phr"
    browser.get("/login")
    assert browser.get("/payout").text == "paid at phr"
    assert len(provider.seen) == 1


def test_a_provider_that_does_not_raise_the_acr_meets_a_page_and_no_loop(
    browser: Browser, provider: FakeProvider
) -> None:
    provider.grants = BASIC
    answer = browser.get("/payout")
    assert answer.status_code == 403
    assert "without the stronger proof" in answer.text
    assert len(provider.seen) == 1

    assert browser.get("/payout").status_code == 403, "and again on reload, still without a redirect"
    assert len(provider.seen) == 1

    provider.grants = None
    assert browser.get(f"/login?acr={MFA}&next=/payout").text == f"paid at {MFA}", "the person may try again"


def test_an_acr_that_fell_since_may_be_asked_for_again(browser: Browser, provider: FakeProvider) -> None:
    assert browser.get("/payout").status_code == 200
    provider.grants = BASIC
    assert browser.get("/refresh").text == BASIC
    provider.grants = None
    assert browser.get("/payout").text == f"paid at {MFA}"
    assert len(provider.seen) == 2


def test_an_authentication_too_long_ago_is_asked_for_again_by_max_age(browser: Browser, provider: FakeProvider) -> None:
    provider.ages_s = 3600
    browser.get("/login")
    provider.ages_s = 0
    assert browser.get("/fresh").text == "fresh"
    assert provider.seen[-1]["max_age"] == "60"


def test_a_provider_that_ignores_max_age_meets_a_page_and_no_loop(browser: Browser, provider: FakeProvider) -> None:
    provider.ages_s = 3600
    assert browser.get("/fresh").status_code == 403
    assert len(provider.seen) == 1


def test_a_max_age_of_nought_asks_each_time_and_can_be_met(browser: Browser, provider: FakeProvider) -> None:
    assert browser.get("/now").text == "now"
    time.sleep(1.1)
    assert browser.get("/now").text == "now"
    assert len(provider.seen) == 2


def test_an_essential_acr_is_asked_for_by_the_claims_parameter(browser: Browser, provider: FakeProvider) -> None:
    assert browser.get("/essential").text == "essential"
    assert json.loads(provider.seen[0]["claims"]) == {"id_token": {"acr": {"essential": True, "values": [MFA]}}}


def test_a_login_that_the_provider_refuses_is_a_page_and_no_loop(browser: Browser, provider: FakeProvider) -> None:
    provider.error = "access_denied"
    answer = browser.get("/payout")
    assert answer.status_code == 400
    assert "not completed" in answer.text


@pytest.mark.parametrize(
    "claims", [{"nonce": "other"}, {"aud": "other"}, {"iss": "http://x"}, {"exp": 1}, {"azp": "o"}]
)
def test_an_id_token_that_is_not_this_logins_is_refused(
    browser: Browser, provider: FakeProvider, claims: dict[str, object]
) -> None:
    provider.id_claims = claims
    answer = browser.get("/login")
    assert answer.status_code == 400
    assert browser.get("/").text.startswith("home of nobody")


def test_a_callback_with_a_state_of_nobodys_is_refused(browser: Browser) -> None:
    assert browser.client.get("/callback?code=a&state=b").status_code == 400
    assert browser.client.get("/callback").status_code == 400


def test_a_login_started_in_one_browser_can_not_be_finished_in_another(
    browser: Browser, provider: FakeProvider
) -> None:
    start = browser.client.get("/login", headers=HTML).headers["Location"]
    back = requests.get(start, allow_redirects=False, timeout=5).headers["Location"]
    victim = browser.client.application.test_client()
    answer = victim.get(f"/callback?{back.split('?')[1]}", headers=HTML)
    assert answer.status_code == 400
    assert victim.get("/").text.startswith("home of nobody")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\r\nb"])
def test_the_way_back_never_leads_to_another_site(browser: Browser, target: str) -> None:
    browser.client.get("/login", query_string={"next": target})
    answer = browser.client.get("/login", query_string={"next": target}, headers=HTML)
    back = requests.get(answer.headers["Location"], allow_redirects=False, timeout=5).headers["Location"]
    assert browser.client.get(f"/callback?{back.split('?')[1]}").headers["Location"] == "/"


def test_the_cookie_holds_no_token_and_is_out_of_reach_of_scripts_and_other_sites(
    browser: Browser, provider: FakeProvider
) -> None:
    browser.get("/login")
    answer = browser.client.get("/")
    browser.get("/payout")
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    assert len(cookie.value) < 400
    assert answer.status_code == 200


def test_each_login_has_a_new_session_id_and_the_old_one_is_worth_nothing(
    browser: Browser, provider: FakeProvider
) -> None:
    browser.get("/login")
    old = browser.client.get_cookie("session")
    assert old is not None
    browser.get("/login")
    thief = browser.client.application.test_client()
    thief.set_cookie("session", old.value)
    assert thief.get("/").text.startswith("home of nobody")


def test_another_persons_login_leaves_nothing_of_the_first_ones_session(
    browser: Browser, provider: FakeProvider
) -> None:
    browser.get("/login")
    with browser.client.session_transaction() as session:
        session["basket"] = "one of mine"
    browser.get("/payout")
    with browser.client.session_transaction() as session:
        assert session["basket"] == "one of mine"
    provider.id_claims = {"sub": "bob-2"}
    browser.get("/login")
    with browser.client.session_transaction() as session:
        assert "basket" not in session


def test_two_logins_in_two_tabs_both_end_well(browser: Browser, provider: FakeProvider) -> None:
    starts = [
        browser.client.get(path, headers=HTML).headers["Location"] for path in ("/login?next=/a", "/login?next=/b")
    ]
    backs = [requests.get(start, allow_redirects=False, timeout=5).headers["Location"] for start in starts]
    ends = [browser.client.get(f"/callback?{back.split('?')[1]}").headers["Location"] for back in backs]
    assert ends == ["/a", "/b"]


def test_logging_out_ends_the_session_here_and_at_the_provider(browser: Browser, provider: FakeProvider) -> None:
    browser.get("/login")
    token = browser.client.get("/").text.split()[-1]
    answer = browser.client.post("/logout", data={"csrf_token": token})
    asked = query(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{provider.issuer}/logout?")
    assert asked["post_logout_redirect_uri"] == "http://localhost/"
    assert asked["id_token_hint"].count(".") == 2
    assert browser.get("/").text.startswith("home of nobody")


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_a_log_out_that_another_site_sends_is_refused(browser: Browser, token: str | None) -> None:
    browser.get("/login")
    browser.client.get("/")
    answer = browser.client.post("/logout", data={} if token is None else {"csrf_token": token})
    assert answer.status_code == 400
    assert browser.get("/").text.startswith("home of alice-1")


def test_a_refused_refresh_says_why_and_keeps_the_session(browser: Browser, provider: FakeProvider) -> None:
    browser.get("/login")
    provider.refresh_error = ("invalid_grant", "step_up_required")
    browser.client.application.testing = True
    with pytest.raises(RefreshRefused) as refused:
        browser.client.get("/refresh")
    assert (refused.value.error, refused.value.description) == ("invalid_grant", "step_up_required")
    assert browser.get("/").text.startswith("home of alice-1")


def test_refreshed_tokens_of_another_person_are_refused(browser: Browser, provider: FakeProvider) -> None:
    browser.get("/login")
    browser.client.application.testing = True
    provider.id_claims = {"sub": "mallory"}
    with pytest.raises(RefreshRefused):
        browser.client.get("/refresh")


def test_an_unreachable_provider_is_a_503_for_a_browser_too() -> None:
    app, _ = relying_app("http://127.0.0.1:9")
    for path in ("/login", "/payout"):
        answer = app.test_client().get(path, headers=HTML)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_starting_many_logins_pushes_out_nobodys_session(provider: FakeProvider) -> None:
    app, rp = relying_app(provider.issuer)
    rp._pending._max_entries = 4
    browser = Browser(app.test_client(), provider.issuer)
    browser.get("/login")
    for _ in range(10):
        app.test_client().get("/login", headers=HTML)
    assert browser.get("/").text.startswith("home of alice-1")


def test_the_store_forgets_what_is_old_and_what_is_too_much() -> None:
    now = [0.0]
    store = BoundedStore(max_entries=2, clock=lambda: now[0])
    for name in "abc":
        store.set(name, name, 10)
    assert [store.get(name) for name in "abc"] == [None, "b", "c"]
    now[0] = 10.0
    assert store.get("c") is None
    assert store.pop("b") is None
