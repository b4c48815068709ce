"""Tokens in the front channel (implicit and hybrid flow): the decision of the login holds, and none comes unasked."""

from __future__ import annotations

import pytest

from tests.e2e.front import ACR_MFA, DENY, SHORT, STEP_UP, Answer
from tests.e2e.realm_parts import bind_browser_flow, client_like, send_past_the_risk_step
from tests.e2e.world import World
from tools.driver.application import Application, claims_of
from tools.driver.pages import Kind, Page

IMPLICIT, HYBRID = "id_token token", "code id_token token"


@pytest.fixture(scope="module")
def app(started: World) -> Application:
    return client_like(started, "spa", "front-app", implicit=True)


def _life_s(page: Page) -> int:
    claims = claims_of(page.query["access_token"])
    return int(claims["exp"]) - int(claims["iat"])


@pytest.mark.parametrize("response_type", [IMPLICIT, HYBRID])
def test_the_decision_of_the_login_holds_for_tokens_in_the_front_channel(
    world: World, app: Application, response_type: str
):
    world.answer(SHORT)
    page = world.visit(app, response_type=response_type).log_in(world.person()).page
    assert _life_s(page) == 60
    assert world.asks == ["login"]


@pytest.mark.parametrize("response_type", [IMPLICIT, HYBRID])
def test_tokens_of_a_login_past_the_risk_step_are_asked_about_in_the_front_channel(
    world: World, past: Application, response_type: str
):
    world.answer(SHORT)
    page = world.visit(past, response_type=response_type).log_in(world.person(otp=False)).page
    assert _life_s(page) == 60
    assert world.asks == ["token"]
    (call,) = world.front.calls
    assert call.context["network"]["of_end_user"] is True


@pytest.mark.parametrize("answer", [DENY, STEP_UP], ids=["deny", "step-up"])
@pytest.mark.parametrize("response_type", [IMPLICIT, HYBRID])
def test_refused_tokens_do_not_come_by_the_front_and_the_session_is_over(
    world: World, past: Application, response_type: str, answer: Answer
):
    person = world.person(otp=False)
    world.answer(answer)
    visit = world.visit(past, response_type=response_type).log_in(person)
    assert visit.page.at_application
    assert not {"access_token", "id_token"} & visit.page.query.keys()
    assert world.demo.sessions(person.name) == []
    assert world.visit(past, visit.browser, response_type=response_type).page.kind is Kind.LOGIN


def test_the_decision_of_an_earlier_login_does_not_answer_in_the_front_channel(world: World, app: Application):
    visit = world.visit(app).log_in(world.person())  # nobody redeems its code
    send_past_the_risk_step(world, app)
    try:
        world.answer(SHORT)
        again = world.visit(app, visit.browser, response_type=IMPLICIT)
        assert _life_s(again.page) == 60
        assert world.asks == ["token"]
    finally:
        bind_browser_flow(world, app, "")


def test_an_application_that_requires_mfa_gets_it_in_the_front_channel(world: World, app: Application):
    person = world.person()
    visit = world.visit(app, response_type=IMPLICIT, acr_values=ACR_MFA).log_in(person).enter_code(person)
    assert claims_of(visit.page.query["access_token"])["acr"] == ACR_MFA
