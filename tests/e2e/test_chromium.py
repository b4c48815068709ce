"""A real Chromium: the collector's signature, the code form, and the demo application."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.e2e.front import DENY, STEP_UP
from tests.e2e.world import ACR_BASIC, ACR_MFA, World, opened
from tools.driver.browser import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def page(engine: Chromium, world: World, demo_app: str) -> Iterator[Page]:
    context = engine.new_context()
    page = context.new_page()
    yield page
    context.close()


def _type_in(page: Page, person: Person) -> None:
    page.locator("#username").press_sequentially(person.name, delay=30)
    page.locator("#password").press_sequentially(person.password, delay=30)
    page.locator("#kc-login").click()


def _telemetry(world: World) -> tuple[dict[str, Any], dict[str, Any], str]:
    (call,) = [call for call in world.front.calls if call.action == "login"]
    return *opened(call.context["telemetry"]), call.context["telemetry_challenge"]


def test_a_person_who_types_is_heard_by_position_and_signed_for_by_the_device(world: World, page: Page):
    person = world.person()
    page.goto(world.spa.login().url)
    _type_in(page, person)
    page.wait_for_url(re.compile("/callback"))
    header, payload, challenge = _telemetry(world)
    assert header["typ"] == "telemetry+jwt"
    assert "d" not in header["jwk"]
    assert payload["challenge"] == challenge
    typed = {field["name"]: len(field["keys"]) for field in payload["fields"]}
    assert typed == {"username": len(person.name), "password": len(person.password)}
    assert person.password not in json.dumps(payload)


def test_the_same_browser_signs_with_the_same_key_next_time(world: World, page: Page):
    person = world.person()
    thumbprints = []
    for _ in range(2):
        world.front.forget()
        page.goto(world.spa.login(prompt="login").url)
        if page.locator("#username").count():
            page.locator("#username").fill(person.name)
        page.locator("#password").press_sequentially(person.password, delay=10)
        page.locator("#kc-login").click()
        page.wait_for_url(re.compile("/callback"))
        thumbprints.append(_telemetry(world)[0]["jwk"]["x"])
    assert thumbprints[0] == thumbprints[1]


def test_a_code_asked_for_by_risk_is_given_in_a_browser_and_heard_by_position(world: World, page: Page):
    person = world.person()
    world.answer(STEP_UP)
    page.goto(world.spa.login().url)
    _type_in(page, person)
    code = person.otp()
    page.locator("#otp").press_sequentially(code, delay=30)
    page.locator("#kc-login").click()
    page.wait_for_url(re.compile("/callback.*code="))
    (outcome,) = world.outcomes_of(person)
    _header, payload = opened(outcome["telemetry"])
    assert payload["challenge"] == outcome["telemetry_challenge"]
    assert [(field["name"], len(field["keys"])) for field in payload["fields"]] == [("otp", len(code))]
    assert code not in json.dumps(payload)


def test_whoever_is_refused_finds_the_way_back_to_the_application(world: World, page: Page, demo_app: str):
    world.answer(DENY)
    page.goto(f"{demo_app}/login")
    _type_in(page, world.person())
    page.get_by_role("link", name="Back to Application").click()
    page.wait_for_url(f"{demo_app}/")
    assert page.get_by_role("link", name="Log in").is_visible()


def test_a_login_works_when_the_script_can_not_be_had(world: World, page: Page):
    person = world.person()
    page.route(re.compile(r"risk.*\.js"), lambda route: route.abort())
    page.goto(world.spa.login().url)
    _type_in(page, person)
    page.wait_for_url(re.compile("/callback.*code="))


def test_the_demo_application_shows_what_a_quiet_login_is_worth(world: World, page: Page, demo_app: str):
    person = world.person()
    page.goto(f"{demo_app}/login")
    _type_in(page, person)
    page.wait_for_url(f"{demo_app}/")
    assert ACR_BASIC in page.content()
    assert "LOW" in page.content()


def test_the_demo_application_sends_a_payout_through_a_second_factor(world: World, page: Page, demo_app: str):
    person = world.person()
    page.goto(f"{demo_app}/login")
    _type_in(page, person)
    page.wait_for_url(f"{demo_app}/")
    page.goto(f"{demo_app}/payout")
    page.locator("#otp").press_sequentially(person.otp(), delay=30)
    page.locator("#kc-login").click()
    page.wait_for_url(f"{demo_app}/payout")
    page.get_by_role("button", name="Pay out").click()
    assert "Paid out" in page.content()


def test_the_demo_application_challenges_an_api_call_whose_token_is_too_weak(world: World, demo_app: str):
    person = world.person()
    weak = world.tokens_of(person, world.web)
    refused = requests.get(f"{demo_app}/payout", headers={"Authorization": f"Bearer {weak.access_token}"}, timeout=10)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{ACR_MFA}"' in challenge
    visit = world.visit(world.web, acr_values=ACR_MFA).log_in(person).enter_code(person)
    strong = {"Authorization": f"Bearer {visit.tokens().access_token}"}
    assert requests.get(f"{demo_app}/payout", headers=strong, timeout=10).status_code == 200
