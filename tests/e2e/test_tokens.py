"""The token endpoint: lifetimes, classes and refusals follow each decision, and every request is asked about once."""

from __future__ import annotations

import pytest

from tests.e2e.front import ACR_MFA, ALLOW, DENY, END, SHORT, STEP_UP, Answer
from tests.e2e.realm_parts import change_client, client_like
from tests.e2e.world import ACR_BASIC, World
from tools.driver.application import claims_of
from tools.driver.pages import Kind

LOWER = Answer(
    level="HIGH",
    score=0.4,
    obligations={"access_token_lifespan_s": 60, "refresh_token_lifespan_s": 600, "max_acr": ACR_BASIC},
)


def test_a_refresh_at_low_risk_keeps_what_the_login_proved_after_one_evaluation(world: World):
    first = world.tokens_of(world.person())
    again = world.spa.refresh(first.refresh_token)
    assert world.asks == ["refresh"]
    assert (again.acr, again.access_life_s) == (first.acr, first.access_life_s)
    assert again.identity["auth_time"] == first.identity["auth_time"]


def test_a_refresh_while_risk_rises_gets_shorter_tokens_whose_ends_all_agree(world: World):
    first = world.tokens_of(world.person())
    world.answer(SHORT)
    again = world.spa.refresh(first.refresh_token)
    identity = again.identity
    assert again.access_life_s == again.body["expires_in"] == identity["exp"] - identity["iat"] == 60
    assert again.refresh_life_s == again.body["refresh_expires_in"] == 600


def test_a_lowered_class_shows_in_every_token_and_in_introspection_of_the_older_one(world: World):
    person = world.person()
    visit = world.visit(acr_values=ACR_MFA).log_in(person).enter_code(person)
    first = visit.tokens()
    assert first.acr == ACR_MFA
    world.answer(LOWER)
    again = world.spa.refresh(first.refresh_token)
    assert (again.acr, again.identity["acr"]) == (ACR_BASIC, ACR_BASIC)
    assert world.web.introspect(again.access_token)["acr"] == ACR_BASIC
    assert world.web.introspect(first.access_token)["acr"] == ACR_BASIC
    world.answer(ALLOW)
    assert world.spa.refresh(again.refresh_token).acr == ACR_BASIC


def test_a_refused_refresh_says_that_a_step_up_is_required_and_does_not_burn_the_token(world: World):
    first = world.tokens_of(world.person())
    world.answer(STEP_UP)
    refused = world.spa.refresh(first.refresh_token)
    assert (refused.status, refused.body["error"]) == (400, "invalid_grant")
    assert ACR_MFA in refused.error
    assert world.asks == ["refresh"]
    world.answer(ALLOW)
    assert world.spa.refresh(first.refresh_token).ok


def test_a_revoked_refresh_token_is_refused_unasked_and_ends_no_session(world: World):
    app = client_like(world, "spa", "revoking-app")
    person = world.person()
    first = world.tokens_of(person, app)
    change_client(world, app, notBefore=first.access["iat"] + 1)
    world.answer(END)
    assert not app.refresh(first.refresh_token).ok
    assert world.asks == []
    assert len(world.demo.sessions(person.name)) == 1


def test_a_used_refresh_token_stays_useless_under_rotation(world: World):
    first = world.tokens_of(world.person())
    assert world.spa.refresh(first.refresh_token).ok
    assert world.spa.refresh(first.refresh_token).body["error"] == "invalid_grant"


def test_a_refused_refresh_keeps_the_session_and_the_next_login_steps_up(world: World):
    person = world.person()
    visit = world.logged_in(person)
    first = visit.tokens()
    world.answer(STEP_UP)
    assert not world.spa.refresh(first.refresh_token).ok
    world.answer(ALLOW)
    second = world.visit(world.second, visit.browser)
    assert second.page.kind is Kind.OTP
    assert second.enter_code(person).tokens().acr == ACR_MFA


def test_a_refusal_that_ends_the_session_ends_it(world: World):
    person = world.person()
    visit = world.logged_in(person)
    first = visit.tokens()
    world.answer(END)
    assert not world.spa.refresh(first.refresh_token).ok
    assert world.demo.sessions(person.name) == []
    world.answer(ALLOW)
    assert not world.spa.refresh(first.refresh_token).ok
    assert world.web.introspect(first.access_token)["active"] is False
    assert world.visit(world.second, visit.browser).page.kind is Kind.LOGIN


def test_a_refusal_that_ends_all_sessions_ends_those_of_other_browsers(world: World):
    person = world.person()
    first, _other = world.logged_in(person).tokens(), world.logged_in(person)
    assert len(world.demo.sessions(person.name)) == 2
    world.answer(Answer(False, "HIGH", 0.99, obligations={"session": "end_all"}))
    assert not world.spa.refresh(first.refresh_token).ok
    assert world.demo.sessions(person.name) == []


def test_a_refresh_by_a_browsers_client_tells_the_users_place_and_one_by_a_backend_says_that_it_is_not(world: World):
    person = world.person()
    visit = world.logged_in(person)
    public = visit.tokens()
    backend = world.tokens_of(person, world.web)
    world.front.forget()
    world.spa.refresh(public.refresh_token, visit.browser)
    world.app("web-app", ip="198.18.16.4").refresh(backend.refresh_token)
    told = [call.context["network"] for call in world.front.calls]
    assert [network["of_end_user"] for network in told] == [True, False]
    assert [network["ip"] for network in told] == [visit.browser.ip, "198.18.16.4"]


def test_a_refresh_of_an_offline_token_is_asked_about_as_such(world: World):
    first = world.tokens_of(world.person(), scope="openid offline_access")
    assert first.refresh_life_s is None
    world.answer(SHORT)
    again = world.spa.refresh(first.refresh_token)
    (call,) = world.front.calls
    assert call.context["session"]["offline"] is True
    assert again.access_life_s == 60


def test_a_quiet_decision_that_allows_it_answers_the_next_refresh_and_is_told_afterwards(world: World):
    first = world.tokens_of(world.person())
    world.answer(Answer(obligations={"optional": {"reuse_s": 30}}))
    second = world.spa.refresh(first.refresh_token)
    third = world.spa.refresh(second.refresh_token)
    assert third.ok
    assert world.asks == ["refresh"]


def test_a_quiet_decision_does_not_answer_for_another_place(world: World):
    visit = world.logged_in(world.person())
    first = visit.tokens()
    world.answer(Answer(obligations={"optional": {"reuse_s": 30}}))
    second = world.spa.refresh(first.refresh_token, visit.browser)
    assert world.spa.refresh(second.refresh_token, world.browser(ip="203.0.113.9")).ok
    assert world.asks == ["refresh", "refresh"]
    assert world.front.calls[1].context.get("reused", 0) == 0


def test_a_machine_token_carries_no_class_and_is_asked_about_once(world: World):
    tokens = world.job.client_credentials()
    assert world.asks == ["client_credentials"]
    assert tokens.ok
    assert "acr" not in tokens.access
    (call,) = world.front.calls
    assert call.body["subject"]["type"] == "service_account"
    assert call.context["network"]["of_end_user"] is False


def test_a_machine_token_is_shortened_or_refused_as_decided(world: World):
    world.answer(SHORT)
    short = world.job.client_credentials()
    assert short.access_life_s == short.body["expires_in"] == 60
    world.answer(DENY)
    refused = world.job.client_credentials()
    assert refused.status in (400, 401, 403)
    assert "access_token" not in refused.body


def test_a_password_grant_is_let_through_at_basic_and_asked_about_once(world: World):
    person = world.person(otp=False)
    tokens = world.legacy.password_grant(person.name, person.password)
    assert tokens.acr == ACR_BASIC
    assert world.asks == ["password_grant"]


@pytest.mark.parametrize("answer", [STEP_UP, DENY], ids=["a step-up", "a refusal"])
def test_a_password_grant_can_not_step_up_so_it_is_refused_as_json(world: World, answer: Answer):
    person = world.person(otp=False)
    world.answer(answer)
    refused = world.legacy.password_grant(person.name, person.password)
    assert refused.status in (400, 401, 403)
    assert refused.body["error"] in ("invalid_grant", "insufficient_user_authentication", "access_denied")
    assert world.demo.sessions(person.name) == []
    assert world.demo.failures(person.name) == 0


def test_a_password_grant_with_a_wrong_password_asks_nothing(world: World):
    person = world.person(otp=False)
    assert world.legacy.password_grant(person.name, "wrong").body["error"] == "invalid_grant"
    assert world.asks == []


def test_a_token_exchange_is_asked_about_once_and_refused_as_decided(world: World):
    exchange = world.app("exchange-app")
    subject = world.tokens_of(world.person())
    assert exchange.exchange(subject.access_token).ok
    assert world.asks == ["token_exchange"]
    world.answer(DENY)
    refused = exchange.exchange(subject.access_token)
    assert not refused.ok
    assert refused.status < 500


def test_a_token_exchange_is_shortened_as_decided(world: World):
    exchange = world.app("exchange-app")
    subject = world.tokens_of(world.person())
    world.answer(SHORT)
    assert exchange.exchange(subject.access_token).access_life_s <= 60


def test_the_level_of_the_last_decision_is_a_claim_of_tokens_introspection_and_userinfo(world: World):
    first = world.tokens_of(world.person())
    assert first.access["risk"]["level"] == "LOW"
    world.answer(LOWER)
    again = world.spa.refresh(first.refresh_token)
    assert again.access["risk"]["level"] == "HIGH"
    assert again.identity["risk"]["level"] == "HIGH"
    assert world.web.introspect(again.access_token)["risk"]["level"] == "HIGH"


def test_introspection_userinfo_and_logout_ask_nothing(world: World):
    first = world.tokens_of(world.person())
    world.web.introspect(first.access_token)
    assert world.spa.userinfo(first.access_token).status_code == 200
    assert world.asks == []


def test_the_administrators_realm_is_not_asked_about(world: World):
    master = world.app("admin-cli", realm="master")
    assert master.password_grant("admin", "admin").ok
    assert world.asks == []


def test_a_client_that_is_left_out_is_not_asked_about(world: World):
    assert world.app("payments-job", realm="plain").client_credentials().ok
    assert world.asks == []


def test_every_refresh_is_asked_about_even_with_an_older_token_of_the_session(world: World):
    person = world.person()
    visit = world.logged_in(person)
    first = visit.tokens()
    second = world.visit(world.second, visit.browser).tokens()
    world.answer(SHORT)
    assert world.spa.refresh(first.refresh_token).access_life_s == 60
    assert world.second.refresh(second.refresh_token).access_life_s == 60
    assert world.asks == ["refresh", "refresh"]


def test_a_forged_refresh_token_is_refused_without_asking(world: World):
    first = world.tokens_of(world.person())
    head, body, _signature = first.refresh_token.split(".")
    assert claims_of(first.refresh_token)["typ"] == "Refresh"
    forged = world.spa.refresh(f"{head}.{body}.{'A' * 86}")
    assert forged.body["error"] == "invalid_grant"
    assert world.asks == []
