"""What Keycloak reports after decisions."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.front import DENY, STEP_UP
from tests.e2e.world import World
from tools.driver.browser import Person


def _outcomes(world: World, person: Person, timeout_s: float = 5) -> list[dict[str, Any]]:
    """What is reported of one person, waiting for something."""
    subject, end = world.demo.user_id(person.name), time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := [item for item in world.front.outcomes if item.get("subject", {}).get("id") == subject]:
            return found
        time.sleep(0.05)
    return []


def _types(world: World, person: Person) -> list[str]:
    return [outcome["type"] for outcome in _outcomes(world, person)]


def test_a_login_is_reported_with_its_decision_and_place(world: World):
    person = world.person()
    world.visit().log_in(person)
    (outcome,) = _outcomes(world, person)
    assert outcome["type"] == "login_succeeded"
    assert outcome["decision_id"].startswith("dec-")
    assert outcome["network"]["ip"] == "192.0.2.10"


def test_a_passed_step_up_is_reported_as_such(world: World):
    person = world.person()
    world.answer(STEP_UP)
    world.visit().log_in(person).enter_code(person)
    assert _types(world, person) == ["step_up_succeeded"]


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
