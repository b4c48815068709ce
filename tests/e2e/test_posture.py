"""What a trusted proxy says of the device: Keycloak hands it on, the service judges it, the user is told what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.device_management import HEADER, DeviceManagement
from tests.e2e.front import ACR_MFA, Answer, Call
from tests.e2e.world import World
from tools.driver.application import thumbprint_of
from tools.driver.browser import Browser
from tools.driver.pages import Kind
from tools.driver.telemetry import Device, DeviceKey

ASSERTION = "eyJ0b2tlbiI6Im9mIGEgcHJveHkifQ.YQ.Yg"


def _proxied(world: World, assertion: str) -> Browser:
    browser = world.browser()
    browser.proxied[HEADER] = assertion
    return browser


def _handed_on(world: World) -> list[tuple[str, str | None]]:
    return [(call.action, call.context["device"]["posture"]) for call in world.front.calls]


def test_the_proxys_header_is_handed_on_at_a_login_and_at_a_refresh_and_is_in_no_log(world: World):
    browser = _proxied(world, ASSERTION)
    tokens = world.visit(browser=browser).log_in(world.person()).tokens()
    world.spa.refresh(tokens.refresh_token, browser)
    assert _handed_on(world) == [("login", ASSERTION), ("refresh", ASSERTION)]
    log = Path(world.stack.folder / "keycloak" / "keycloak.log").read_text("utf-8", "replace")
    assert ASSERTION not in log


def test_a_request_without_the_header_has_no_posture(world: World):
    world.visit().log_in(world.person())
    assert _handed_on(world) == [("login", None)]


def test_a_decision_does_not_answer_for_another_posture(world: World):
    browser = _proxied(world, ASSERTION)
    tokens = world.visit(browser=browser).log_in(world.person()).tokens()
    world.answer(Answer(obligations={"optional": {"reuse_s": 30}}))
    again = world.spa.refresh(tokens.refresh_token, browser)
    browser.proxied[HEADER] = "another"
    assert world.spa.refresh(again.refresh_token, browser).ok
    assert _handed_on(world) == [("refresh", ASSERTION), ("refresh", "another")]


@pytest.fixture
def languages(world: World) -> Iterator[None]:
    world.demo.call("PUT", "", json={"internationalizationEnabled": True, "supportedLocales": ["en", "de", "fr"]})
    yield
    world.demo.call("PUT", "", json={"internationalizationEnabled": False})


@pytest.mark.usefixtures("languages")
@pytest.mark.parametrize(
    ("language", "told"), [("en", "Your device needs attention"), ("de", "Ihr Gerät braucht"), ("fr", "Votre appareil")]
)
def test_who_is_asked_for_more_because_of_the_device_is_told_so(world: World, language: str, told: str):
    person = world.person()
    world.answer(Answer(False, "HIGH", 0.7, (ACR_MFA,), reason_user=("device_posture",)))
    visit = world.visit(ui_locales=language).log_in(person)
    assert visit.page.kind is Kind.OTP
    assert told in str(visit.page.message)


def _codes(world: World, call: Call) -> set[str]:
    return {code for code in world.reasons(call) if "posture" in code}


def _asked_with(world: World, assertion: str, key: DeviceKey, *, shows_key: bool = True) -> Call:
    """Somebody logs in on the device that holds a key, through the proxy."""
    browser = world.browser(device=Device(key=key))
    browser.proxied[HEADER] = assertion
    world.front.forget()
    visit = world.visit(browser=browser)
    visit.log_in(world.person()) if shows_key else visit.log_in(world.person(), telemetry=None)
    (call,) = [call for call in world.front.calls if call.action == "login"]
    return call


def _known_keys(world: World, call: Call) -> Call:
    """Wait until the service has fetched the issuer's keys, beside the first request that wanted them."""
    end = time.monotonic() + 10
    while time.monotonic() < end and not _codes(world, call):
        time.sleep(0.1)
    return call


def test_a_compliant_device_reassures_a_forged_or_copied_assertion_speaks_against_and_an_unbound_one_says_nothing(
    real: World, mdm: DeviceManagement
):
    own, audience = DeviceKey(), real.front.url
    good = mdm.says("compliant", thumbprint_of(own), audience=audience)
    assert _codes(real, _known_keys(real, _asked_with(real, good, own))) == {"posture_compliant"}
    bad = mdm.says("not-compliant", thumbprint_of(own), audience=audience)
    assert _codes(real, _asked_with(real, bad, own)) == {"posture_not_compliant"}
    forged = mdm.says("compliant", thumbprint_of(own), audience=audience, forged=True)
    assert _codes(real, _asked_with(real, forged, own)) == {"posture_assertion_forged"}
    assert _codes(real, _asked_with(real, good, DeviceKey())) == {"posture_assertion_forged"}
    assert _codes(real, _asked_with(real, good, own, shows_key=False)) == set()
