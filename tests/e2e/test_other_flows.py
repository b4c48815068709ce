"""The other ways in: another identity provider, a forgotten password."""

from __future__ import annotations

from tests.e2e.front import ACR_MFA, ALLOW, DENY, STEP_UP
from tests.e2e.world import PASSWORD, Visit, World
from tools.driver.admin import Admin
from tools.driver.browser import Person
from tools.driver.pages import Kind
from tools.keycloak import ADMIN
from tools.realms import password_credential


def _stranger(world: World, name: str) -> Person:
    partner = Admin(world.plan.keycloak_url, "partner", ADMIN)
    partner.add_user(name, [password_credential(PASSWORD)])
    return Person(name, PASSWORD)


def _by_the_partner(world: World, person: Person) -> Visit:
    visit = world.visit()
    way = next(url for name, url in visit.page.links.items() if "partner" in name or "/broker/partner/" in url)
    visit.page = visit.browser.open(way)
    world.front.forget()
    return visit.log_in(person)


def _demo_logins(world: World) -> list[str]:
    issuer = world.spa.issuer
    return [call.action for call in world.front.calls if call.action == "login" and call.caller.get("iss") == issuer]


def test_a_login_by_another_provider_passes_the_risk_step_once(world: World):
    person = _stranger(world, "broker-quiet")
    visit = _by_the_partner(world, person)
    assert visit.page.kind is Kind.CODE, visit.page
    assert len(_demo_logins(world)) == 1
    assert visit.tokens().ok
    assert "token" not in world.asks  # the login's decision answered


def test_a_risky_login_by_another_provider_without_a_second_factor_here_is_refused(world: World):
    person = _stranger(world, "broker-risky")
    world.answer(lambda call: STEP_UP if call.caller.get("iss") == world.spa.issuer else ALLOW)
    visit = _by_the_partner(world, person)
    assert visit.page.kind is Kind.ERROR
    assert world.demo.sessions(person.name) == []
    assert "otp" not in world.demo.credential_types(person.name)


def test_a_refused_login_by_another_provider_opens_no_session(world: World):
    person = _stranger(world, "broker-refused")
    world.answer(lambda call: DENY if call.caller.get("iss") == world.spa.issuer else ALLOW)
    visit = _by_the_partner(world, person)
    assert (visit.page.kind, visit.page.status) == (Kind.ERROR, 403)
    assert world.demo.sessions(person.name) == []


def _reset(world: World, person: Person) -> Visit:
    visit = world.visit()
    way = next(url for url in visit.page.links.values() if "reset-credentials" in url)
    visit.page = visit.browser.submit(visit.browser.open(way), username=person.name)
    mail = world.stack.mailbox.wait_for(f"{person.name}@example.org")
    world.front.forget()
    visit.page = visit.browser.open(mail.link)
    return visit


def _new_password(visit: Visit, password: str) -> Visit:
    visit.page = visit.browser.submit(
        visit.page, "kc-passwd-update-form", **{"password-new": password, "password-confirm": password}
    )
    return visit


def test_a_forgotten_password_is_reset_after_one_evaluation(world: World):
    person = world.person()
    visit = _reset(world, person)
    assert visit.page.kind is Kind.NEW_PASSWORD, visit.page
    assert _new_password(visit, "another horse battery").page.kind is Kind.CODE
    assert visit.tokens().ok
    assert world.asks == ["login"]


def test_a_forgotten_password_at_high_risk_needs_the_second_factor_first(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = _reset(world, person)
    assert visit.page.kind is Kind.OTP, visit.page
    visit.enter_code(person)
    assert visit.page.kind is Kind.NEW_PASSWORD
    assert _new_password(visit, "another horse battery").tokens().acr == ACR_MFA


def test_a_forgotten_password_is_not_reset_at_high_risk_without_a_second_factor(world: World):
    person = world.person(otp=False)
    world.answer(STEP_UP)
    visit = _reset(world, person)
    assert visit.page.kind is Kind.ERROR
    assert world.demo.credential_types(person.name) == ["password"]
    world.answer(ALLOW)
    assert world.visit().log_in(person).page.kind is Kind.CODE
