"""One Keycloak with everything around it, and short ways to put people, applications and answers into it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import requests

from tests.e2e.front import ALLOW, Answer, Call, Front
from tools.driver.admin import Admin
from tools.driver.application import Application, Login, TokenAnswer
from tools.driver.browser import COLLECT, Browser, Person
from tools.driver.pages import Kind, Page
from tools.driver.telemetry import Device, Hand
from tools.keycloak import ADMIN
from tools.realms import CLIENT_SECRETS, OTP_SECRET, OTP_SECRET_BASE32, otp_credential, password_credential
from tools.stack import Plan, Stack

ACR_BASIC = "urn:idp-adapter:acr:basic"
ACR_MFA = "urn:idp-adapter:acr:mfa"
PASSWORD = "correct horse battery"
LOGIN_BUDGET_S = 0.5  # more than the defaults: the machine may be busy with other things
TOKEN_BUDGET_S = 0.4
BREAKER_OPEN_S = 1.0
_NUMBERS = itertools.count(1)


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verify telemetry by the key that it names; return its header and what it says."""
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK(header["jwk"] | {"alg": "ES256"})
    return header, json.loads(jwt.api_jws.decode(token, key.key, algorithms=["ES256"]))


@dataclass
class Visit:
    """Somebody's way from an application through Keycloak, and the page that is shown now."""

    browser: Browser
    app: Application
    login: Login
    page: Page

    def log_in(self, person: Person, *, password: str | None = None, telemetry: str | None = COLLECT) -> Visit:
        """Fill in the login form."""
        self.page = self.browser.log_in(self.page, person, password=password, telemetry=telemetry)
        return self

    def enter_code(self, person: Person, code: str | None = None, *, telemetry: str | None = COLLECT) -> Visit:
        """Fill in the one-time code."""
        self.page = self.browser.enter_code(self.page, person, code, telemetry=telemetry)
        return self

    def reload(self) -> Visit:
        """Press F5."""
        self.page = self.browser.reload(self.page)
        return self

    def tokens(self) -> TokenAnswer:
        """Redeem the code."""
        return self.app.redeem(self.login, self.page, self.browser)


class World:
    """The stack under test."""

    def __init__(self, plan: Plan, stack: Stack, front: Front) -> None:
        self.plan = plan
        self.stack = stack
        self.front = front
        self.demo = Admin(plan.keycloak_url, "demo", ADMIN)
        self.spa = self.app("spa")
        self.second = self.app("second-app")
        self.web = self.app("web-app")
        self.legacy = self.app("legacy-app")
        self.job = self.app("payments-job")

    def app(self, client_id: str, *, realm: str = "demo", ip: str | None = None) -> Application:
        """Return a client of a realm."""
        redirect = f"{self.plan.app_url}/callback"
        issuer = f"{self.plan.keycloak_url}/realms/{realm}"
        return Application(issuer, client_id, redirect, CLIENT_SECRETS.get(client_id), ip)

    def browser(self, *, ip: str | None = "192.0.2.10", device: Device | None = None) -> Browser:
        """Return a browser nobody has used."""
        return Browser(self.plan.app_url, ip=ip, device=device)

    def person(self, *, otp: bool = True, hand: Hand | None = None) -> Person:
        """Add somebody to the demo realm."""
        name = f"person-{next(_NUMBERS)}-{int(time.time())}"
        self.demo.add_user(name, [password_credential(PASSWORD), *([otp_credential(OTP_SECRET)] if otp else [])])
        return Person(name, PASSWORD, OTP_SECRET_BASE32 if otp else None, hand)

    def visit(self, app: Application | None = None, browser: Browser | None = None, **parameters: str) -> Visit:
        """Send a browser to log in for an application."""
        app, browser = app or self.spa, browser or self.browser()
        login = app.login(**parameters)
        return Visit(browser, app, login, browser.open(login.url))

    def logged_in(self, person: Person, app: Application | None = None, **parameters: str) -> Visit:
        """Log somebody in quietly; afterwards nothing counts as asked."""
        self.front.answer(ALLOW)
        visit = self.visit(app, None, **parameters).log_in(person)
        if visit.page.kind is Kind.LOGIN:  # Keycloak has not yet let go of the same person's login just before
            visit.log_in(person)
        assert visit.page.code
        self.front.forget()
        return visit

    def tokens_of(self, person: Person, app: Application | None = None, **parameters: str) -> TokenAnswer:
        """Log somebody in quietly and redeem the code; afterwards nothing counts as asked."""
        tokens = self.logged_in(person, app, **parameters).tokens()
        assert tokens.ok, tokens
        self.front.forget()
        return tokens

    def outcomes_of(self, person: Person, timeout_s: float = 5, *, fewest: int = 1) -> list[dict[str, Any]]:
        """Wait until so many outcomes of somebody are reported; return them, none where they don't come."""
        subject, end = self.demo.user_id(person.name), time.monotonic() + timeout_s
        while time.monotonic() < end:
            found = [item for item in self.front.outcomes if item.get("subject", {}).get("id") == subject]
            if len(found) >= fewest:
                return found
            time.sleep(0.05)
        return []

    def answer(self, answer: Answer | Callable[[Call], Answer]) -> None:
        """Have the double give this decision, or what the function finds."""
        self.front.answer(answer)

    def heal(self) -> None:
        """Answer normally again, and wait until Keycloak has noticed."""
        self.front.answer(ALLOW)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self.job.client_credentials().ok and self.front.calls:
                self.front.forget()
                return
            time.sleep(0.1)
        raise AssertionError("Keycloak does not ask any more")

    def reasons(self, call: Call | None = None) -> set[str]:
        """Return what the real service finds in a question of Keycloak's, the last; asking again changes nothing."""
        call = call or self.front.calls[-1]
        answer = requests.post(
            f"{self.plan.service_url}/access/v1/evaluation",
            json=call.body,
            headers={"Authorization": f"Bearer {call.bearer}"},
            timeout=5,
        )
        return {reason["code"] for reason in answer.json()["context"]["reason_admin"]}

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric of Keycloak."""
        return self.stack.keycloak.metric(name, **labels)

    @property
    def asks(self) -> list[str]:
        """What Keycloak asked since the last switch, by action."""
        return self.front.actions()
