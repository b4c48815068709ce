"""Core scenarios of the pack (`benchmarks/scenarios`) that no other flow test drives, with the real service."""

from __future__ import annotations

from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from tests.e2e.front import Mode
from tests.e2e.test_real_service import known, settle
from tests.e2e.world import ACR_BASIC, World
from tools.demo_geoip import DATA_CENTRE, LISBON_HOME, SINGAPORE
from tools.driver.browser import Browser, Person
from tools.driver.pages import Kind
from tools.driver.telemetry import WINDOWS, Device, Hand

ELSEWHERE = "127.0.0.9"  # an address of this machine that Keycloak does not take for its proxy
DEMANDS = 10  # unmet step-ups that the shipped policy allows within the hour


class _From(HTTPAdapter):
    """Connects from an address of one's own choice."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, source_address=(ELSEWHERE, 0))


def stranger(world: World, *, ip: str = SINGAPORE.address()) -> Browser:
    return world.browser(ip=ip, device=Device(user_agent=WINDOWS))


def attempted(world: World, person: Person, browser: Browser) -> Kind:
    """What a stranger who knows the password is shown; his hand is not the owner's."""
    thief = Person(person.name, person.password, person.otp_secret, Hand(99))
    return world.visit(browser=browser).log_in(thief).page.kind


def test_a_header_that_claims_to_come_from_home_is_not_believed_of_a_peer_that_is_no_proxy(real: World):
    person, _home = known(real)
    thief = stranger(real, ip=LISBON_HOME.address())
    thief.session.mount("http://", _From())
    assert attempted(real, person, thief) is Kind.OTP
    assert real.front.calls[-1].context["network"]["ip"] == ELSEWHERE


def test_a_header_of_the_trusted_proxy_is_believed(real: World):
    person, home = known(real)
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.CODE
    assert real.front.calls[-1].context["network"]["ip"] == LISBON_HOME.address()


def test_step_ups_asked_for_again_and_again_end_in_refusals_that_do_not_shut_the_owner_out(real: World):
    person, home = known(real)
    shown = [attempted(real, person, stranger(real)) for _ in range(DEMANDS)]
    assert shown == [Kind.OTP] * DEMANDS
    assert attempted(real, person, stranger(real)) is Kind.ERROR
    assert real.visit(browser=home, prompt="login").log_in(person).tokens().acr == ACR_BASIC


@pytest.mark.parametrize("otp", [True, False], ids=["enrolled", "unenrolled"])
def test_an_entry_of_a_stuffed_list_that_is_right_must_give_a_code_or_is_refused(real: World, otp: bool):
    person, _home = known(real, otp=otp)
    server = stranger(real, ip=DATA_CENTRE.address())
    for _ in range(8):
        assert real.visit(browser=server).log_in(real.person(), password="leaked").page.kind is Kind.LOGIN
    settle(real)
    assert attempted(real, person, server) in ((Kind.OTP, Kind.ERROR) if otp else (Kind.ERROR,))
    assert "failures_spray" in real.reasons()
    assert set(real.demo.credential_types(person.name)) == ({"otp", "password"} if otp else {"password"})


def test_a_quiet_decision_that_is_replayed_for_another_login_is_no_decision(real: World):
    person, home = known(real)
    real.front.switch(Mode.REPLAY)
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.CODE
    before = real.metric("risk_unavailable_total", hook="login", mode="step-up")
    assert real.visit(browser=home, prompt="login").log_in(person).page.kind is Kind.OTP
    assert real.metric("risk_unavailable_total", hook="login", mode="step-up") == before + 1
    real.heal()
