"""No decision to be had: the configured fail mode applies inside the budget, is counted, and is never a silent allow.

The double is told to do what a real service can't be. The server's fail modes are the defaults: `step-up` at login,
`limit` at the token endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.front import FAULTS, Mode
from tests.e2e.world import ACR_BASIC, ACR_MFA, BREAKER_OPEN_S, LOGIN_BUDGET_S, TOKEN_BUDGET_S, World
from tools.driver.pages import Kind

MARGIN_S = 1.5  # what Keycloak itself takes on a busy machine; the faults last for tens of seconds
ids = [mode.name.lower() for mode in FAULTS]


@pytest.fixture
def faulty(world: World) -> Iterator[World]:
    yield world
    world.heal()


@pytest.mark.parametrize("mode", FAULTS, ids=ids)
def test_a_login_without_a_decision_steps_up_inside_the_budget_and_is_counted(faulty: World, mode: Mode):
    person = faulty.person()
    visit = faulty.visit()
    before = faulty.metric("risk_unavailable_total", hook="login", mode="step-up")
    faulty.front.switch(mode)
    begun = time.monotonic()
    visit.log_in(person)
    took_s = time.monotonic() - begun
    assert visit.page.kind is Kind.OTP, visit.page
    assert took_s < LOGIN_BUDGET_S + MARGIN_S
    assert faulty.metric("risk_unavailable_total", hook="login", mode="step-up") == before + 1
    faulty.heal()
    assert visit.enter_code(person).tokens().acr == ACR_MFA


@pytest.mark.parametrize("mode", FAULTS, ids=ids)
def test_a_refresh_without_a_decision_is_limited_inside_the_budget_and_counted(faulty: World, mode: Mode):
    first = faulty.tokens_of(faulty.person())
    before = faulty.metric("risk_unavailable_total", hook="refresh", mode="limit")
    faulty.front.switch(mode)
    again = faulty.spa.refresh(first.refresh_token)
    assert again.seconds < TOKEN_BUDGET_S + MARGIN_S
    assert (again.acr, again.access_life_s, again.refresh_life_s) == (ACR_BASIC, 60, 600)
    assert faulty.metric("risk_unavailable_total", hook="refresh", mode="limit") == before + 1


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.HANG, Mode.WRONG_KEY], ids=lambda mode: mode.name.lower())
def test_a_machine_token_without_a_decision_is_limited_inside_the_budget(faulty: World, mode: Mode):
    faulty.front.switch(mode)
    tokens = faulty.job.client_credentials()
    assert tokens.seconds < TOKEN_BUDGET_S + MARGIN_S
    assert tokens.access_life_s == 60


def test_a_user_without_a_second_factor_is_refused_when_no_decision_is_to_be_had(faulty: World):
    person = faulty.person(otp=False)
    visit = faulty.visit()
    faulty.front.switch(Mode.REFUSE)
    assert visit.log_in(person).page.kind is Kind.ERROR
    assert faulty.demo.sessions(person.name) == []
    assert faulty.demo.credential_types(person.name) == ["password"]


def test_the_event_of_a_login_without_a_decision_tells_why(faulty: World):
    person = faulty.person()
    visit = faulty.visit()
    faulty.front.switch(Mode.REFUSE)
    visit.log_in(person)
    faulty.heal()
    visit.enter_code(person)
    (event,) = faulty.demo.events(person.name, type="LOGIN")
    assert event["details"]["risk_unavailable"] == "refused"


def test_after_some_failures_the_service_is_spared_and_asked_again_later(faulty: World):
    faulty.front.switch(Mode.ERROR)
    for _ in range(8):
        assert faulty.job.client_credentials().access_life_s == 60
    asked = len(faulty.front.calls)
    assert asked <= 5
    assert faulty.metric("risk_breaker_open") == 1
    time.sleep(BREAKER_OPEN_S + 0.1)
    faulty.heal()
    assert faulty.metric("risk_breaker_open") == 0
