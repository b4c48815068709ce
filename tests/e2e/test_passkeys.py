"""The third rung of the ladder, in a real Chromium with a virtual authenticator: basic, mfa, phishing-resistant.

Passkeys belong to a domain, and an address is none: so this realm's front is `localhost`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Dialog, Locator, Page

from tests.e2e.front import Answer
from tests.e2e.world import ACR_BASIC, ACR_MFA, PASSWORD, World
from tools import realms
from tools.driver.admin import Admin
from tools.driver.application import Application, Login, TokenAnswer
from tools.driver.browser import Browser, Person
from tools.driver.pages import Kind
from tools.driver.pages import Page as Seen
from tools.keycloak import ADMIN
from tools.realms import ACR_PHR, OTP_SECRET, otp_credential, password_credential

pytestmark = pytest.mark.browser

REALM = "passkeys"
_DOOR = re.compile("/callback.*code=")
PHISHABLE_IS_NOT_ENOUGH = Answer(False, "HIGH", 0.9, (ACR_PHR,))


@pytest.fixture(scope="module")
def realm(started: World) -> Admin:
    """The demo realm once more, under a domain."""
    plan = started.plan
    front = plan.keycloak_url.replace("127.0.0.1", "localhost")
    text = json.dumps(realms.demo() | {"realm": REALM, "users": [], "identityProviders": []})
    wanted = json.loads(text.replace(realms.APP_URL, plan.app_url))
    wanted["attributes"]["frontendUrl"] = front
    Admin(plan.keycloak_url, "", ADMIN).call("POST", "", json=wanted)
    return Admin(plan.keycloak_url, REALM, ADMIN)


@pytest.fixture
def app(world: World, realm: Admin) -> Application:
    front = world.plan.keycloak_url.replace("127.0.0.1", "localhost")
    return Application(f"{front}/realms/{REALM}", "spa", f"{world.plan.app_url}/callback")


@pytest.fixture
def page(engine: Chromium, world: World, demo_app: str) -> Iterator[Page]:
    """A tab whose device holds passkeys and has a finger on its sensor."""
    context = engine.new_context()
    page = context.new_page()
    authenticator = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    verified = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator | verified})
    page.on("dialog", _name_it)
    yield page
    context.close()


def _name_it(dialog: Dialog) -> None:
    dialog.accept("my laptop")


def _add(realm: Admin, name: str, factors: list[dict[str, Any]], **more: object) -> Person:
    found = realm.add_user(name, [password_credential(PASSWORD), *factors])
    realm.call("PUT", f"/users/{found}", json={**realm.call("GET", f"/users/{found}"), **more})
    return Person(name, PASSWORD)


def _begin(page: Page, app: Application, person: Person, **parameters: str) -> Login:
    page.context.clear_cookies()
    login = app.login(**parameters)
    page.goto(login.url)
    page.locator("#username").fill(person.name)
    page.locator("#password").fill(person.password)
    page.locator("#kc-login").click()
    return login


def _end(page: Page, app: Application, login: Login) -> TokenAnswer:
    page.wait_for_url(_DOOR)
    return app.redeem(login, Seen(page.url, 200, "", {}, at_application=True))


def _heard(page: Page, selector: str) -> Locator:
    """A button, once the page's script listens to it."""
    button = page.locator(selector)
    button.wait_for()
    page.wait_for_load_state()
    return button


def _show_passkey(page: Page) -> None:
    button = _heard(page, "#authenticateWebAuthnButton")
    with page.expect_navigation():
        button.click()


@pytest.fixture
def owner(page: Page, world: World, realm: Admin, app: Application) -> Person:
    """Somebody whose only second factor is a passkey on this device."""
    person = _add(realm, "owner", [], requiredActions=["webauthn-register"])
    _begin(page, app, person)
    _heard(page, "#registerWebAuthn").click()
    page.wait_for_url(_DOOR)
    assert "webauthn" in realm.credential_types(person.name)
    world.front.forget()
    return person


def test_the_ladder_ends_where_the_application_asks_or_the_decision_demands(
    world: World, page: Page, app: Application, owner: Person
):
    assert _end(page, app, _begin(page, app, owner)).acr == ACR_BASIC

    mfa = _begin(page, app, owner, acr_values=ACR_MFA)
    _show_passkey(page)
    assert _end(page, app, mfa).acr == ACR_MFA

    asked = _begin(page, app, owner, acr_values=ACR_PHR)
    _show_passkey(page)  # for the second rung
    _show_passkey(page)  # and for the third
    tokens = _end(page, app, asked)
    assert (tokens.acr, set(tokens.identity["amr"])) == (ACR_PHR, {"pwd", "rba", "hwk"})

    world.answer(PHISHABLE_IS_NOT_ENOUGH)
    demanded = _begin(page, app, owner)
    _show_passkey(page)
    _show_passkey(page)
    assert _end(page, app, demanded).acr == ACR_PHR
    assert world.asks == ["login"]


def test_a_user_without_a_passkey_is_refused_where_the_decision_demands_one_and_enrols_none(
    world: World, realm: Admin, app: Application
):
    person = _add(realm, "without-a-passkey", [otp_credential(OTP_SECRET)])
    world.answer(PHISHABLE_IS_NOT_ENOUGH)
    browser = Browser(world.plan.app_url)
    seen = browser.log_in(browser.open(app.login().url), person)
    assert (seen.kind, seen.status) == (Kind.ERROR, 403)
    assert realm.sessions(person.name) == []
    assert sorted(realm.credential_types(person.name)) == ["otp", "password"]
