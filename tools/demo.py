"""`make demo`: the stack, then a narrated run of each kind of decision on a real Keycloak; then the stack stays up.

Each step says what is done and what should come of it, then looks. ONCE=1 ends after the run; the exit status is 0 only
when every step went as told. People and their hands are simulated; the decisions are the service's, under the policy
that ships.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.console import Stop, cross, note, progress, say, style, tick, title
from tools.demo_geoip import AUCKLAND, DATA_CENTRE, LISBON_HOME, SINGAPORE, Network
from tools.driver.admin import Admin
from tools.driver.application import Application, TokenAnswer
from tools.driver.browser import Browser, Person
from tools.driver.pages import Kind, Page
from tools.driver.telemetry import PHONE, WINDOWS, Device, Hand
from tools.keycloak import ADMIN
from tools.processes import terminate_like_interrupt
from tools.realms import ACR_BASIC, ACR_MFA, CLIENT_SECRETS, OTP_SECRET_BASE32, PARTNER_USERS, USERS
from tools.stack import Plan, Stack, stay

FAMILIAR_LOGINS = 6
REUSE_S = 5  # of the policy that ships: so long a quiet decision about a workload stands
FAIL_MODE_WITHIN_S = 1.5  # 250 ms of budget, and what Keycloak itself takes
_HANDS = {user.name: Hand(100 + place) for place, user in enumerate(USERS)}


class WentOtherwise(Exception):
    """A step did not go as told; the message is the reason."""


@dataclass(frozen=True)
class Step:
    """One thing to show: what is said of it beforehand, and the look at it."""

    name: str
    told: str
    look: Callable[[], None]


def expect(holds: bool, what: str, saw: object) -> None:
    """Tick `what` when it holds; else end the step with what was seen instead."""
    if not holds:
        raise WentOtherwise(f"expected: {what}; saw: {saw}")
    tick(what)


class Demo:
    """The people, their devices, and what happens to them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.plan = stack.plan
        self.admin = Admin(self.plan.keycloak_url, "demo", ADMIN)
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.people = {
            user.name: Person(user.name, user.password, OTP_SECRET_BASE32 if user.otp else None, _HANDS[user.name])
            for user in USERS
        }
        self.homes = {
            user.name: Browser(self.plan.app_url, ip=LISBON_HOME.address(place + 10))
            for place, user in enumerate(USERS)
        }

    # --- shorthand ----------------------------------------------------------------------------------------------------

    def app(self, client_id: str, place: Network | None = None) -> Application:
        """Return a client of the demo realm."""
        ip = place.address() if place else None
        issuer = f"{self.plan.keycloak_url}/realms/demo"
        return Application(issuer, client_id, f"{self.plan.app_url}/callback", CLIENT_SECRETS.get(client_id), ip)

    def elsewhere(self, place: Network, user_agent: str, browser: Browser | None = None) -> Browser:
        """Return a new device at a place; with `browser`, one that has its cookies."""
        device = Device(user_agent=user_agent, timezone="Asia/Singapore", languages=("en-US",), screen=(1366, 768, 1.0))
        away = Browser(self.plan.app_url, ip=place.address(), device=device)
        if browser:
            away.session.cookies.update(browser.session.cookies)
        return away

    def log_in(
        self, person: Person, browser: Browser, client: str = "spa", **parameters: str
    ) -> tuple[Page, Callable[[Page], TokenAnswer]]:
        """Open an application and log in where a form is shown; return the page, and how to redeem its code."""
        app = self.app(client)
        login = app.login(**parameters)
        page = browser.open(login.url)
        if page.kind is Kind.LOGIN:
            page = browser.log_in(page, person)
        return page, lambda page: app.redeem(login, page, browser)

    def at_home(self, name: str, **parameters: str) -> TokenAnswer:
        """Log somebody in at home with an empty session, giving a code where asked."""
        person, browser = self.people[name], self.homes[name]
        page, redeem = self.log_in(person, browser, prompt="login", **parameters)
        if page.kind is Kind.OTP:
            page = browser.enter_code(page, person)
        return redeem(page)

    def fail_logins(self, name: str, times: int) -> None:
        """Guess somebody's password from far away."""
        guesser = self.elsewhere(AUCKLAND, WINDOWS)
        for guess in range(times):
            page = guesser.open(self.app("spa").login(prompt="login").url)
            guesser.log_in(page, self.people[name], password=f"guess-{guess}")

    # --- the run ------------------------------------------------------------------------------------------------------

    def history(self) -> None:
        """Let everybody become known: a few logins at home, on the same device, by the same hand."""
        title("Before: everybody becomes known")
        with progress(f"{FAMILIAR_LOGINS} familiar logins each of {', '.join(self.people)}, and of payments-job"):
            job = self.app("payments-job", DATA_CENTRE)
            for _ in range(FAMILIAR_LOGINS):
                job.client_credentials()
                for name in self.people:
                    self._become_known(name)

    def _become_known(self, name: str) -> None:
        """Log in once more at home. The first logins after a start are slow, and some may end in the fail mode."""
        for _ in range(5):
            with contextlib.suppress(AssertionError):
                self.at_home(name)
                return
            time.sleep(0.5)
        raise Stop(f"{name} could not log in at home; see {self.stack.folder}")

    def unavailable(self) -> float:
        """Return how often Keycloak had to do without a decision so far."""
        return self.stack.keycloak.metric("risk_unavailable_total")

    def familiar(self) -> None:
        """Step: nothing changed."""
        alice = self.people["alice"]
        page, redeem = self.log_in(alice, self.homes["alice"], prompt="login")
        expect(page.kind is Kind.CODE, "Keycloak asks for the password only", page)
        tokens = redeem(page)
        expect(tokens.acr == ACR_BASIC, f"the tokens say {ACR_BASIC}", tokens)
        note(f"{tokens}, amr {tokens.identity.get('amr')}")

    def new_device_and_place(self) -> None:
        """Step: somebody types alice's password on a phone in Singapore."""
        alice = self.people["alice"]
        phone = self.elsewhere(SINGAPORE, PHONE)
        page, redeem = self.log_in(alice, phone)
        expect(page.kind is Kind.OTP, "Keycloak demands a one-time code", page)
        tokens = redeem(phone.enter_code(page, alice))
        expect(tokens.acr == ACR_MFA, f"the tokens say {ACR_MFA}", tokens)
        note(f"{tokens}, amr {tokens.identity.get('amr')}")

    def unenrolled(self) -> None:
        """Step: bob has no second factor."""
        page, _ = self.log_in(self.people["bob"], self.elsewhere(SINGAPORE, PHONE))
        expect(page.kind is Kind.ERROR, "Keycloak refuses", page)
        note(f'the page says: "{page.message}"')
        types = self.admin.credential_types("bob")
        expect(types == ["password"], "nothing was enrolled", types)

    def single_sign_on(self) -> None:
        """Step: carol's cookies travel."""
        carol = self.people["carol"]
        self.at_home("carol")
        self.fail_logins("carol", 6)
        thief = self.elsewhere(SINGAPORE, WINDOWS, self.homes["carol"])
        page, redeem = self.log_in(carol, thief, "second-app")
        expect(page.kind is Kind.OTP, "no password, but a one-time code is demanded", page)
        tokens = redeem(thief.enter_code(page, carol))
        expect(tokens.acr == ACR_MFA, f"the tokens say {ACR_MFA}", tokens)

    def rising_refresh(self) -> None:
        """Step: erin's refresh token travels."""
        first = self.at_home("erin", acr_values=ACR_MFA)
        expect(first.acr == ACR_MFA, f"at home: {first}", first)
        away = self.elsewhere(SINGAPORE, WINDOWS)
        again = self.app("spa").refresh(first.refresh_token, away)
        expect(again.ok and again.access_life_s < first.access_life_s, f"in Singapore: {again}", again)
        expect(again.acr == ACR_BASIC, f"the class fell to {ACR_BASIC}", again)

    def refused_refresh(self) -> None:
        """Step: and then everything points to a thief."""
        first = self.at_home("dave")
        self.fail_logins("dave", 8)
        for name in self.people:
            self.fail_logins(name, 1)
        time.sleep(1)  # until the failures are reported
        refused = self.app("spa").refresh(first.refresh_token, self.elsewhere(AUCKLAND, WINDOWS))
        expect(not refused.ok and refused.body.get("error") == "invalid_grant", "Keycloak refuses the refresh", refused)
        note(str(refused))

    def machine(self) -> None:
        """Step: a workload's secret is used elsewhere."""
        usual = self.app("payments-job", DATA_CENTRE).client_credentials()
        note(f"in its data centre: access token {usual.access_life_s} s")
        away = self.app("payments-job", SINGAPORE).client_credentials()
        shorter = not away.ok or away.access_life_s < usual.access_life_s
        seen = f"access token {away.access_life_s} s" if away.ok else str(away)
        expect(shorter, f"in Singapore: {seen}", seen)

    def service_stopped(self) -> None:
        """Step: nobody answers."""
        erin = self.at_home("erin")
        page = self.homes["alice"].open(self.app("spa").login(prompt="login").url)
        self.stack.stop_service()
        try:
            begun = time.monotonic()
            page = self.homes["alice"].log_in(page, self.people["alice"])
            took_s = time.monotonic() - begun
            expect(page.kind is Kind.OTP, "a login demands a one-time code", page)
            expect(took_s < FAIL_MODE_WITHIN_S, f"after {took_s * 1000:.0f} ms in all", f"{took_s * 1000:.0f} ms")
            short = self.app("spa").refresh(erin.refresh_token, self.homes["erin"])
            expect(short.ok and short.access_life_s <= 60, f"a refresh gives: {short}", short)
            with progress("waiting until the workload's last decision stands no longer"):
                time.sleep(REUSE_S)
            job = self.app("payments-job", DATA_CENTRE).client_credentials()
            expect(job.ok and job.access_life_s <= 60, f"a machine gets: {job}", job)
        finally:
            self.stack.start_service()

    def steps(self) -> list[Step]:
        """Return all steps in their order."""
        return [
            Step(
                "A familiar login",
                "alice, at home in Lisbon, on her laptop, by her own hand: nothing more is asked.",
                self.familiar,
            ),
            Step(
                "A new device and place",
                "alice's password on a phone in Singapore, minutes after Lisbon: a one-time code is demanded.",
                self.new_device_and_place,
            ),
            Step(
                "No second factor",
                "bob's password in Singapore; bob has no authenticator app: refused, and nobody may enrol one now.",
                self.unenrolled,
            ),
            Step(
                "Single sign-on while risk is high",
                "carol's session in Singapore on another system, after guessed passwords: a second app wants a code.",
                self.single_sign_on,
            ),
            Step(
                "Refresh while risk rises",
                "erin gave a code at home; her refresh token is used in Singapore: shorter tokens, lower acr.",
                self.rising_refresh,
            ),
            Step(
                "Refresh at very high risk",
                "dave's refresh token is used in Auckland, where his and others' passwords are being guessed: refused.",
                self.refused_refresh,
            ),
            Step(
                "A service account from a new network",
                "payments-job's secret, so far used in a data centre, now in Singapore: a shorter token, or none.",
                self.machine,
            ),
            Step(
                "The risk service is stopped",
                "Keycloak goes by its fail modes, in time: a code at login, short tokens at refresh.",
                self.service_stopped,
            ),
        ]

    def run(self) -> bool:
        """Run every step; return whether all went as told."""
        self.history()
        for number, step in enumerate(self.steps(), 1):
            title(f"{number}. {step.name}")
            note(step.told)
            reason = self._look(step)
            if reason:
                cross(reason)
            (self.failed if reason else self.passed).append(step.name)
        return not self.failed

    def _look(self, step: Step) -> str | None:
        """Take a step; return why it did not go as told. One for which the service had no time is taken again, once."""
        before = self.unavailable()
        try:
            step.look()
        except (WentOtherwise, AssertionError) as first:
            if self.unavailable() == before or self.stack.service_stopped:
                return str(first)
            note(f"the machine was too busy for a decision in time ({first}); once more")
            try:
                step.look()
            except (WentOtherwise, AssertionError) as second:
                return str(second)
        return None


def _introduce(stack: Stack) -> None:
    plan = stack.plan
    title("Try it in a browser; Ctrl-C ends everything")
    say(f"  demo application   {plan.app_url}")
    say(f"  accounts           {plan.keycloak_url}/realms/demo/account")
    say(f"  Keycloak           {plan.keycloak_url}/admin   {ADMIN[0]} / {ADMIN[1]}")
    say(f"  risk service       {plan.service_url}/readyz, /metrics, /openapi.json")
    say()
    for user in USERS:
        code = f"one-time codes from {OTP_SECRET_BASE32}" if user.otp else "no second factor"
        say(f"  {user.name:<8} {user.password:<16} {code}")
    for user in PARTNER_USERS:
        say(f"  {user.name:<8} {user.password:<16} at the identity provider “Partner”")
    say(f"\n  elsewhere: have the browser send X-Forwarded-For: {SINGAPORE.address()}, which is Singapore")
    say(f"  the code now: {Person('', '', OTP_SECRET_BASE32).otp()}")


def _summary(demo: Demo, seconds: float) -> str:
    total = len(demo.passed) + len(demo.failed)
    if not demo.failed:
        return style(f"Demo: {total} of {total} steps went as told, in {seconds:.0f} s.", "green", "bold")
    failed = ", ".join(demo.failed)
    return style(
        f"Demo: {len(demo.passed)} of {total} steps went as told, in {seconds:.0f} s. Not: {failed}.", "red", "bold"
    )


def main() -> int:
    """Start, show, stay."""
    terminate_like_interrupt()
    begun = time.monotonic()
    once = os.environ.get("ONCE", "") not in ("", "0")
    told = False
    try:
        title("The stack")
        with Stack(Plan()) as stack:
            demo = Demo(stack)
            told = demo.run()
            summary = _summary(demo, time.monotonic() - begun)
            if not once:
                _introduce(stack)
                say(f"\n{summary}")
                stay(stack)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nEnded.")
        return 0 if told else 130
    say(f"\n{summary}")
    return 0 if told else 1


if __name__ == "__main__":
    raise SystemExit(main())
