"""A session that is already there: what it opens silently, and when it must prove more."""

from __future__ import annotations

import time

from tests.e2e.front import ACR_MFA, ALLOW, DENY, STEP_UP, Answer
from tests.e2e.world import ACR_BASIC, World
from tools.driver.pages import Kind


def test_a_second_application_opens_silently_at_low_risk_after_one_evaluation(world: World):
    person = world.person()
    visit = world.logged_in(person)
    first = visit.tokens()
    world.front.forget()
    silent = world.visit(world.second, visit.browser)
    assert world.asks.count("login") == 1
    tokens = silent.tokens()
    same = ("sid", "auth_time", "acr")
    assert [tokens.identity[name] for name in same] == [first.identity[name] for name in same]


def test_a_second_application_asks_for_a_code_only_while_risk_is_high(world: World):
    person = world.person()
    visit = world.logged_in(person)
    sid = visit.tokens().identity["sid"]
    world.answer(STEP_UP)
    second = world.visit(world.second, visit.browser)
    assert second.page.kind is Kind.OTP
    tokens = second.enter_code(person).tokens()
    assert (tokens.acr, tokens.identity["sid"]) == (ACR_MFA, sid)
    assert world.asks.count("login") == 1


def test_a_second_application_that_requires_mfa_asks_for_a_code_only(world: World):
    person = world.person()
    visit = world.logged_in(person)
    second = world.visit(world.second, visit.browser, acr_values=ACR_MFA)
    assert second.page.kind is Kind.OTP
    assert second.enter_code(person).tokens().acr == ACR_MFA


def test_a_silent_request_while_risk_is_high_is_told_that_a_login_is_required(world: World):
    person = world.person()
    visit = world.logged_in(person)
    world.answer(STEP_UP)
    silent = world.visit(world.second, visit.browser, prompt="none")
    assert silent.page.error in ("login_required", "interaction_required")
    world.answer(DENY)
    silent = world.visit(world.second, visit.browser, prompt="none")
    assert silent.page.error in ("login_required", "access_denied")


def test_a_silent_request_at_low_risk_gets_its_code(world: World):
    person = world.person()
    visit = world.logged_in(person)
    assert world.visit(world.second, visit.browser, prompt="none").page.kind is Kind.CODE


def test_prompt_login_while_risk_is_high_asks_for_password_and_code(world: World):
    person = world.person()
    visit = world.logged_in(person)
    world.answer(STEP_UP)
    again = world.visit(world.second, visit.browser, prompt="login")
    assert again.page.kind is Kind.LOGIN
    assert again.log_in(person).page.kind is Kind.OTP
    assert again.enter_code(person).tokens().acr == ACR_MFA


def test_max_age_asks_for_the_password_again(world: World):
    person = world.person()
    visit = world.logged_in(person)
    time.sleep(2.1)
    again = world.visit(world.second, visit.browser, max_age="1")
    assert again.page.kind is Kind.LOGIN
    assert again.log_in(person).tokens().acr == ACR_BASIC


def test_a_code_that_is_young_enough_for_the_decision_is_not_asked_for_again(world: World):
    person = world.person()
    visit = world.logged_in(person)
    world.answer(Answer(False, "HIGH", 0.8, (ACR_MFA,), {"max_age_s": 900}))
    world.visit(world.second, visit.browser).enter_code(person)
    third = world.visit(world.web, visit.browser)
    assert third.page.kind is Kind.CODE
    assert third.tokens().acr == ACR_MFA


def test_a_decision_may_ask_for_a_fresh_code_although_one_was_given(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person).enter_code(person)
    assert visit.page.kind is Kind.CODE
    time.sleep(2.1)
    world.answer(Answer(False, "HIGH", 0.8, (ACR_MFA,), {"max_age_s": 1}))
    again = world.visit(world.second, visit.browser)
    assert again.page.kind is Kind.OTP
    assert again.enter_code(person).tokens().acr == ACR_MFA


def test_walking_away_from_a_fresh_code_owes_it_to_the_next_login(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person).enter_code(person)
    time.sleep(2.1)
    world.answer(Answer(False, "HIGH", 0.8, (ACR_MFA,), {"max_age_s": 1}))
    assert world.visit(world.second, visit.browser).page.kind is Kind.OTP
    world.answer(ALLOW)
    assert world.visit(world.web, visit.browser).page.kind is Kind.OTP
