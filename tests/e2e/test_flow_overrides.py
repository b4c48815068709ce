"""Clients whose logins pass another flow than the realm's: one where a password is soon stale, or Keycloak's own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.front import ACR_MFA, DENY, SHORT, STEP_UP
from tests.e2e.realm_parts import (
    bind_browser_flow,
    client_like,
    copy_with_max_age,
    copy_with_required,
    send_past_the_risk_step,
)
from tests.e2e.world import ACR_BASIC, Visit, World
from tools.driver.application import Application
from tools.driver.browser import Person
from tools.driver.pages import Kind

STALE_AFTER_S = 1
STALE_FOR_SURE_S = STALE_AFTER_S + 1.1  # Keycloak compares whole seconds


@pytest.fixture(scope="module")
def strict(started: World) -> Application:
    """A client that believes in a password for one second."""
    app = client_like(started, "spa", "soon-stale-app")
    flow = copy_with_max_age(started.demo, "risk browser", "soon stale", level=1, max_age_s=STALE_AFTER_S)
    bind_browser_flow(started, app, flow)
    return app


def test_a_stale_password_at_high_risk_is_asked_for_again_then_the_risk_then_a_code(world: World, strict: Application):
    person = world.person()
    visit = world.logged_in(person)
    sid = visit.tokens().identity["sid"]
    time.sleep(STALE_FOR_SURE_S)
    world.answer(STEP_UP)
    again = world.visit(strict, visit.browser)
    assert again.page.kind is Kind.LOGIN
    assert world.asks == ["login"]
    assert again.log_in(person).page.kind is Kind.OTP
    assert world.asks == ["login", "login"]
    tokens = again.enter_code(person).tokens()
    assert (tokens.acr, set(tokens.identity["amr"])) == (ACR_MFA, {"otp", "pwd", "rba"})
    assert tokens.identity["sid"] == sid
    assert world.asks == ["login", "login"]


def test_a_stale_password_at_low_risk_opens_silently_at_class_zero(world: World, strict: Application):
    person = world.person()
    visit = world.logged_in(person)
    time.sleep(STALE_FOR_SURE_S)
    silent = world.visit(strict, visit.browser)
    assert silent.page.kind is Kind.CODE
    assert silent.tokens().acr == "0"
    assert world.asks == ["login"]


def test_a_fresh_password_opens_the_same_application_silently_at_basic(world: World, strict: Application):
    visit = world.logged_in(world.person())
    assert world.visit(strict, visit.browser).tokens().acr == ACR_BASIC


@pytest.fixture(scope="module")
def enrolling(started: World) -> Application:
    """A client whose flow knows one-time codes only, and so lets a user set them up."""
    app = client_like(started, "spa", "enrolling-app")
    wanted = {"step": "risk-otp-form", "instead_of": "webauthn-authenticator"}
    bind_browser_flow(started, app, copy_with_required(started.demo, "risk browser", "enrolling", **wanted))
    return app


def test_a_flow_that_enrols_may_do_so_where_the_application_asks_at_low_risk(world: World, enrolling: Application):
    person = world.person(otp=False)
    assert world.visit(enrolling, acr_values=ACR_MFA).log_in(person).page.kind is Kind.ENROL


def test_a_flow_that_enrols_does_not_at_high_risk(world: World, enrolling: Application):
    person = world.person(otp=False)
    world.answer(STEP_UP)
    assert world.visit(enrolling, acr_values=ACR_MFA).log_in(person).page.kind is Kind.ERROR
    assert world.demo.credential_types(person.name) == ["password"]


@pytest.fixture(scope="module")
def _past(started: World) -> Application:
    return client_like(started, "spa", "past-the-risk-app")


@pytest.fixture
def past(world: World, _past: Application) -> Iterator[Application]:
    """A client on the realm's flow, until a test sends it past the risk step."""
    yield _past
    bind_browser_flow(world, _past, "")


def _with_risk(world: World, app: Application, person: Person) -> Visit:
    visit = world.visit(app).log_in(person)
    assert visit.page.kind is Kind.CODE
    assert world.asks == ["login"]
    return visit


def _past_the_risk(world: World, app: Application, visit: Visit) -> Visit:
    send_past_the_risk_step(world, app)
    world.front.forget()
    again = world.visit(app, visit.browser)
    assert again.page.kind is Kind.CODE
    assert world.asks == []
    return again


def test_the_logins_decision_answers_once_and_a_login_past_the_risk_step_is_asked_about_once(
    world: World, past: Application
):
    visit = _with_risk(world, past, world.person())
    assert visit.tokens().access_life_s > 60
    assert world.asks == ["login"]
    again = _past_the_risk(world, past, visit)
    world.answer(SHORT)
    assert again.tokens().access_life_s == 60
    assert world.asks == ["token"]


def test_the_decision_of_a_login_whose_code_was_never_redeemed_does_not_answer_for_a_later_one(
    world: World, past: Application
):
    visit = _with_risk(world, past, world.person())
    again = _past_the_risk(world, past, visit)
    world.answer(SHORT)
    assert again.tokens().access_life_s == 60
    assert world.asks == ["token"]


def test_a_refusal_of_the_first_tokens_after_a_login_past_the_risk_step_ends_the_session(
    world: World, past: Application
):
    person = world.person()
    again = _past_the_risk(world, past, _with_risk(world, past, person))
    world.answer(DENY)
    refused = again.tokens()
    assert (refused.status, refused.body["error"]) == (400, "invalid_grant")
    assert world.demo.sessions(person.name) == []
