"""Keycloak and the real service under the policy that ships: people become known, then something changes."""

from __future__ import annotations

import time

import requests

from tests.e2e.front import OUTCOMES
from tests.e2e.world import ACR_BASIC, ACR_MFA, World
from tools.demo_geoip import DATA_CENTRE, LISBON_HOME, SINGAPORE
from tools.driver.application import TokenAnswer
from tools.driver.browser import Browser, Person
from tools.driver.pages import Kind
from tools.driver.telemetry import PHONE, WINDOWS, Device, Hand, by_script

LOGINS = 5


def known(world: World, *, otp: bool = True) -> tuple[Person, Browser]:
    """Somebody who has logged in a few times at home, and the browser there."""
    person = world.person(otp=otp, hand=Hand(7))
    browser = world.browser(ip=LISBON_HOME.address())
    for _ in range(LOGINS):
        visit = world.visit(browser=browser, prompt="login").log_in(person)
        assert visit.page.kind is Kind.CODE, visit.page
    settle(world)
    return person, browser


def settle(world: World) -> None:
    """Wait until the outcomes of what was done have reached the service."""
    seen = -1
    while seen != len(world.front.outcomes):
        seen = len(world.front.outcomes)
        time.sleep(0.4)


def _abroad(world: World) -> Browser:
    return world.browser(ip=SINGAPORE.address(), device=Device(user_agent=PHONE, timezone="Asia/Singapore"))


def _service_metric(world: World, name: str, label: str) -> float:
    text = requests.get(f"{world.plan.service_url}/metrics", timeout=5).text
    lines = [line for line in text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.split()[-1]) for line in lines)


def test_a_familiar_login_stays_at_basic(real: World):
    person, browser = known(real)
    assert real.visit(browser=browser, prompt="login").log_in(person).tokens().acr == ACR_BASIC


def test_a_new_device_and_place_must_give_a_code(real: World):
    person, _home = known(real)
    visit = real.visit(browser=_abroad(real)).log_in(person)
    assert visit.page.kind is Kind.OTP
    assert visit.enter_code(person).tokens().acr == ACR_MFA


def test_a_new_device_and_place_without_a_second_factor_is_refused_and_enrols_nothing(real: World):
    person, _home = known(real, otp=False)
    visit = real.visit(browser=_abroad(real)).log_in(person)
    assert visit.page.kind is Kind.ERROR
    assert real.demo.credential_types(person.name) == ["password"]


def test_a_refresh_from_a_far_country_is_short_and_loses_its_class(real: World):
    person, home = known(real)
    first = real.visit(browser=home, prompt="login", acr_values=ACR_MFA).log_in(person).enter_code(person).tokens()
    assert first.acr == ACR_MFA
    again = real.spa.refresh(first.refresh_token, _abroad(real))
    assert again.acr == ACR_BASIC
    assert again.access_life_s < first.access_life_s


def _raised_abroad(world: World, code_by: str) -> tuple[Browser, TokenAnswer]:
    """Somebody known steps up abroad; the code is typed by their hand or by a program."""
    person, _home = known(world)
    phone = _abroad(world)
    visit = world.visit(browser=phone).log_in(person)
    typed = by_script("otp", 6) if code_by == "script" else Hand(7).type("otp", 6)
    visit.enter_code(person, telemetry=phone.device.telemetry(visit.page.challenge, [typed]))
    tokens = visit.tokens()
    assert tokens.acr == ACR_MFA
    settle(world)
    return phone, tokens


def test_a_code_that_a_program_typed_speaks_against_the_session_at_its_next_refresh(real: World):
    phone, tokens = _raised_abroad(real, "script")
    again = real.spa.refresh(tokens.refresh_token, phone)
    assert "step_up_scripted" in real.reasons()
    other_phone, other = _raised_abroad(real, "hand")
    undoubted = real.spa.refresh(other.refresh_token, other_phone)
    assert not {code for code in real.reasons() if code.startswith("step_up_")}
    assert again.access_life_s < undoubted.access_life_s


def test_a_code_replayed_from_another_form_is_counted_and_holds_nothing_against_anybody(real: World):
    person, _home = known(real)
    phone = _abroad(real)
    visit = real.visit(browser=phone).log_in(person)
    rejected = _service_metric(real, "idp_adapter_telemetry_rejected", "challenge")
    visit.enter_code(person, telemetry=phone.device.telemetry("another-form", [by_script("otp", 6)]))
    tokens = visit.tokens()
    settle(real)
    assert _service_metric(real, "idp_adapter_telemetry_rejected", "challenge") == rejected + 1
    real.spa.refresh(tokens.refresh_token, phone)
    assert not {code for code in real.reasons() if code.startswith("step_up_")}


def test_telemetry_of_another_form_is_a_replay_and_vouches_for_nothing(real: World):
    person, home = known(real)
    before = real.visit(browser=home, prompt="login")
    stolen = home.collect(before.page, person, {"username": person.name, "password": person.password})
    rejected = _service_metric(real, "", "challenge")
    visit = real.visit(browser=_abroad(real)).log_in(person, telemetry=stolen)
    assert visit.page.kind is Kind.OTP
    assert _service_metric(real, "", "challenge") == rejected + 1


def test_a_wrong_password_teaches_nothing_and_speaks_against_the_next_attempt(real: World):
    person, home = known(real)
    for _ in range(6):
        real.visit(browser=_abroad(real)).log_in(person, password="guess")
    settle(real)
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.CODE
    thief = real.browser(ip=SINGAPORE.address(), device=Device(user_agent=WINDOWS))
    thief.session.cookies.update(home.session.cookies)
    assert real.visit(real.second, thief).page.kind is not Kind.CODE


def test_a_workload_in_a_new_network_gets_a_shorter_token(real: World):
    usual = real.app("payments-job", ip=DATA_CENTRE.address())
    for _ in range(LOGINS):
        token = usual.client_credentials()
        settle(real)
    away = real.app("payments-job", ip=SINGAPORE.address()).client_credentials()
    assert not away.ok or away.access_life_s < token.access_life_s


def _ask(world: World, bearer: str, body: dict[str, object]) -> requests.Response:
    headers = {"Authorization": f"Bearer {bearer}"}
    return requests.post(f"{world.plan.service_url}/access/v1/evaluation", json=body, headers=headers, timeout=5)


def test_a_user_can_not_call_the_service_with_an_access_token(real: World):
    _person, home = known(real)
    visit = real.visit(browser=home)
    body = real.front.calls[-1].body
    assert _ask(real, visit.tokens().access_token, body).status_code == 401


def test_a_realms_token_reaches_nothing_of_another_realm(real: World):
    person, home = known(real)
    question = next(call.body for call in reversed(real.front.calls) if call.action == "login")
    other = real.app("admin-cli", realm="plain").password_grant("bob", "bob-demo-pw")
    assert other.ok
    bearer = next(call.bearer for call in real.front.calls if str(call.caller["iss"]).endswith("/realms/plain"))
    answer = _ask(real, bearer, question)
    codes = {reason["code"] for reason in answer.json()["context"]["reason_admin"]}
    assert not {code for code in codes if code.startswith(("network_address", "device_key_known"))}
    outcome = {
        "id": "forged",
        "type": "step_up_succeeded",
        "time": "2026-01-01T00:00:00Z",
        "decision_id": real.front.outcomes[-1].get("decision_id"),
        "subject": question["subject"],
    }
    headers = {"Authorization": f"Bearer {bearer}"}
    told = requests.post(f"{real.plan.service_url}{OUTCOMES}", json={"outcomes": [outcome]}, headers=headers, timeout=5)
    assert told.status_code < 500
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.CODE


def test_a_service_that_hangs_costs_its_budget_and_recovers(real: World):
    person, home = known(real)
    service = real.stack.service
    assert service is not None
    visit = real.visit(browser=home, prompt="login")
    service.pause()
    try:
        begun = time.monotonic()
        visit.log_in(person)
        assert visit.page.kind is Kind.OTP
        assert time.monotonic() - begun < 1.0
    finally:
        service.resume()
    time.sleep(1.2)
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.CODE
