"""What somebody tries who has the password of another."""

from __future__ import annotations

from urllib.parse import parse_qsl

from tests.e2e.front import ALLOW, DENY, STEP_UP
from tests.e2e.world import World
from tools.driver.pages import Kind


def test_reloading_the_page_of_a_refusal_neither_asks_again_nor_lets_in(world: World):
    person = world.person()
    world.answer(DENY)
    visit = world.visit().log_in(person)
    assert visit.page.kind is Kind.ERROR
    world.answer(ALLOW)
    assert visit.reload().page.kind is Kind.ERROR
    assert world.asks == []
    assert world.demo.sessions(person.name) == []


def test_going_back_to_the_authorisation_request_after_a_refusal_asks_for_the_password_anew(world: World):
    person = world.person()
    world.answer(DENY)
    visit = world.visit().log_in(person)
    world.answer(ALLOW)
    again = world.visit(browser=visit.browser)
    assert again.page.kind in (Kind.LOGIN, Kind.ERROR)
    assert world.demo.sessions(person.name) == []


def test_an_unenrolled_victim_is_neither_let_in_nor_enrolled_by_any_way_back(world: World):
    person = world.person(otp=False)
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    pages = [visit.page.kind, visit.reload().page.kind, world.visit(browser=visit.browser).page.kind]
    assert Kind.CODE not in pages
    assert Kind.ENROL not in pages
    assert world.demo.sessions(person.name) == []
    assert world.demo.credential_types(person.name) == ["password"]


def test_an_unenrolled_user_with_a_session_is_not_enrolled_when_risk_rises(world: World):
    person = world.person(otp=False)
    visit = world.logged_in(person)
    world.answer(STEP_UP)
    risen = world.visit(world.second, visit.browser)
    assert risen.page.kind is Kind.ERROR
    assert world.demo.credential_types(person.name) == ["password"]


def test_refused_logins_never_lock_the_account(world: World):
    person = world.person()
    world.answer(DENY)
    for _ in range(4):
        assert world.visit().log_in(person).page.kind is Kind.ERROR
    world.answer(ALLOW)
    assert world.visit().log_in(person).page.kind is Kind.CODE


def test_a_code_asked_for_by_risk_is_not_skipped_by_opening_another_application(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    assert visit.page.kind is Kind.OTP
    assert world.visit(world.second, visit.browser).page.kind is not Kind.CODE
    assert world.demo.sessions(person.name) == []


def test_a_login_form_sent_twice_with_its_telemetry_is_asked_about_once(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit()
    form, typed = visit.page, {"username": person.name, "password": person.password}
    telemetry = visit.browser.collect(form, person, typed)
    assert visit.log_in(person, telemetry=telemetry).page.kind is Kind.OTP
    visit.page = form
    visit.log_in(person, telemetry=telemetry)
    assert [call.action for call in world.front.calls] == ["login"]
    assert world.demo.sessions(person.name) == []


def test_a_form_shown_again_after_a_wrong_password_has_a_challenge_of_its_own(world: World):
    person = world.person()
    visit = world.visit()
    first = visit.page.challenge
    visit.log_in(person, password="wrong")
    assert visit.page.challenge not in ("", first)
    assert visit.log_in(person).page.kind is Kind.CODE
    (call,) = world.front.calls
    assert call.context["telemetry_challenge"] != first


def test_an_old_forms_telemetry_is_not_heard_at_the_authorisation_endpoint(world: World):
    person = world.person()
    visit = world.visit()
    form = visit.page
    old = visit.browser.collect(form, person, {"username": person.name, "password": person.password})
    assert visit.log_in(person, telemetry=old).page.kind is Kind.CODE
    world.front.forget()
    login = world.second.login()
    endpoint, _, asked = login.url.partition("?")
    page = visit.browser.send(
        f"{endpoint}?session_code={form.challenge}", {**dict(parse_qsl(asked)), "risk_telemetry": old}
    )
    assert page.kind is Kind.CODE
    (call,) = world.front.calls
    assert not call.context.get("telemetry")
    assert not call.context.get("telemetry_challenge")
