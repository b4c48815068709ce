"""What Keycloak reports after decisions."""

from __future__ import annotations

import pytest

from tests.e2e.front import DENY, STEP_UP
from tests.e2e.realm_parts import change_client, client_like
from tests.e2e.world import ACR_MFA, World, opened
from tools.driver.browser import Person
from tools.driver.pages import Kind
from tools.driver.telemetry import Hand


def _types(world: World, person: Person) -> list[str]:
    return [outcome["type"] for outcome in world.outcomes_of(person)]


def test_a_login_is_reported_with_its_decision_and_place(world: World):
    person = world.person()
    world.visit().log_in(person)
    (outcome,) = world.outcomes_of(person)
    assert outcome["type"] == "login_succeeded"
    assert outcome["decision_id"].startswith("dec-")
    assert outcome["network"]["ip"] == "192.0.2.10"


def test_a_second_factor_that_an_application_asked_for_is_a_step_up_and_a_class_proved_before_is_none(world: World):
    person = world.person()
    visit = world.visit(acr_values=ACR_MFA).log_in(person).enter_code(person)
    assert _types(world, person) == ["step_up_succeeded"]
    world.visit(world.second, visit.browser, acr_values=ACR_MFA)
    world.outcomes_of(person, fewest=2)
    assert _types(world, person) == ["step_up_succeeded", "login_succeeded"]


def test_a_passed_step_up_is_reported_as_such(world: World):
    person = world.person()
    world.answer(STEP_UP)
    world.visit().log_in(person).enter_code(person)
    assert _types(world, person) == ["step_up_succeeded"]


def test_how_the_code_of_a_step_up_was_typed_goes_with_its_outcome(world: World):
    person = world.person(hand=Hand(3))
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    challenge = visit.page.challenge
    visit.enter_code(person)
    (outcome,) = world.outcomes_of(person)
    _header, form = opened(outcome["telemetry"])
    assert outcome["telemetry_challenge"] == form["challenge"] == challenge
    assert [(field["name"], len(field["keys"])) for field in form["fields"]] == [("otp", 6)]


def test_a_code_that_an_application_asked_for_is_heard_as_well(world: World):
    person = world.person(hand=Hand(3))
    world.visit(acr_values=ACR_MFA).log_in(person).enter_code(person)
    (outcome,) = world.outcomes_of(person)
    _header, form = opened(outcome["telemetry"])
    assert [field["name"] for field in form["fields"]] == ["otp"]


def test_a_code_is_heard_where_the_login_ends_only_after_a_consent(world: World):
    app = client_like(world, "spa", "asking-app")
    change_client(world, app, consentRequired=True)
    person = world.person(hand=Hand(3))
    world.answer(STEP_UP)
    visit = world.visit(app).log_in(person)
    challenge = visit.page.challenge
    visit.enter_code(person)
    assert visit.page.kind is not Kind.CODE
    assert not world.outcomes_of(person, 1)
    assert visit.browser.submit(visit.page, accept="Yes").kind is Kind.CODE
    (outcome,) = world.outcomes_of(person)
    assert (outcome["type"], outcome["telemetry_challenge"]) == ("step_up_succeeded", challenge)


def test_of_several_attempts_at_the_code_only_the_right_ones_typing_is_reported(world: World):
    person = world.person(hand=Hand(3))
    world.answer(STEP_UP)
    visit = world.visit().log_in(person).enter_code(person, "000000")
    challenge = visit.page.challenge
    visit.enter_code(person)
    failed, passed = world.outcomes_of(person, fewest=2)
    assert (failed["type"], passed["type"]) == ("step_up_failed", "step_up_succeeded")
    assert "telemetry" not in failed
    assert passed["telemetry_challenge"] == challenge


@pytest.mark.parametrize("code_by", [None, "wrong"])
def test_a_code_that_came_without_telemetry_is_reported_without_even_after_one_with(world: World, code_by: str | None):
    person = world.person(hand=Hand(3))
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    if code_by:
        visit.enter_code(person, "000000")
    visit.enter_code(person, telemetry=None)
    assert "telemetry" not in world.outcomes_of(person, fewest=2 if code_by else 1)[-1]


def test_a_login_without_a_code_is_reported_without_telemetry(world: World):
    person = world.person(hand=Hand(3))
    world.visit().log_in(person)
    assert "telemetry" not in world.outcomes_of(person)[0]


def test_a_failed_step_up_is_reported_as_such(world: World):
    person = world.person()
    world.answer(STEP_UP)
    world.visit().log_in(person).enter_code(person, "000000")
    assert _types(world, person) == ["step_up_failed"]


def test_a_wrong_password_is_reported_as_a_failed_login(world: World):
    person = world.person()
    world.visit().log_in(person, password="wrong")
    assert _types(world, person) == ["login_failed"]


def test_a_refusal_is_reported_and_is_no_failed_login(world: World):
    person = world.person()
    world.answer(DENY)
    world.visit().log_in(person)
    assert _types(world, person) == ["refused"]


def test_outcomes_that_the_service_could_not_take_are_sent_again(world: World):
    person = world.person()
    world.front.lose_outcomes = 2
    world.visit().log_in(person)
    assert _types(world, person) == ["login_succeeded"]
    assert world.front.lose_outcomes == 0
