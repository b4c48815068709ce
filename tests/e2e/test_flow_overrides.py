"""Clients whose logins pass another flow than the realm's."""

from __future__ import annotations

import time

import pytest

from tests.e2e.front import ACR_MFA, STEP_UP
from tests.e2e.realm_parts import bind_browser_flow, client_like, copy_with_max_age
from tests.e2e.world import ACR_BASIC, World
from tools.driver.application import Application
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
