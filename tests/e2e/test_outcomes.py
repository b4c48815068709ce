"""What Keycloak reports after decisions."""

from __future__ import annotations

from tests.e2e.front import DENY, STEP_UP
from tests.e2e.world import World


def _types(world: World, count: int) -> list[str]:
    return [outcome["type"] for outcome in world.front.wait_for_outcomes(count)]


def test_a_login_is_reported_with_its_decision_and_methods(world: World):
    person = world.person()
    world.visit().log_in(person)
    (outcome,) = [item for item in world.front.wait_for_outcomes(1) if item["type"] == "login_succeeded"]
    assert outcome["decision_id"].startswith("dec-")
    assert outcome["subject"]["id"] == world.demo.user_id(person.name)
    assert outcome["network"]["ip"] == "192.0.2.10"


def test_a_passed_step_up_is_reported_as_such(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    world.front.outcomes.clear()
    visit.enter_code(person)
    assert "step_up_succeeded" in _types(world, 1)


def test_a_failed_step_up_is_reported_as_such(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    world.front.outcomes.clear()
    visit.enter_code(person, "000000")
    assert "step_up_failed" in _types(world, 1)


def test_a_wrong_password_is_reported_as_a_failed_login(world: World):
    person = world.person()
    world.visit().log_in(person, password="wrong")
    assert "login_failed" in _types(world, 1)


def test_a_refusal_is_reported_and_is_no_failed_login(world: World):
    person = world.person()
    world.answer(DENY)
    world.visit().log_in(person)
    types = _types(world, 1)
    assert "refused" in types
    assert "login_failed" not in types
