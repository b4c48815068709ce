"""Telemetry that can't be used is counted by name, and the login goes on with behaviour abstaining."""

from __future__ import annotations

import pytest

from idp_adapter.core.types import Hook
from tests.services.conftest import HOME_IP, login, telemetry
from tools.driver.telemetry import Device, DeviceKey, Hand

BEHAVIOURAL = {"keystroke", "automation"}
HOSTILE = {
    "oversized": "x" * 20_000,
    "malformed": "not JSON",
    "too_deep": '{"v":' + "[" * 9 + "]" * 9 + "}",
    "bad_number": '{"v":1,"challenge":"c-1","clock_step_ms":NaN}',
    "duplicate_key": '{"v":1,"v":1}',
    "bad_header": DeviceKey().sign(b"{}", header={"alg": "none"}),
    "version": "{}",
    "challenge": telemetry("c-2"),
    "fields": telemetry(fields="x"),
    "keys": telemetry(fields=[{"name": "password", "keys": [[0, 1]] * 1000}]),
    "times": telemetry(fields=[{"name": "password", "keys": [[0, 90], [150, 149]]}]),
    "pointer": telemetry(pointer=[[0, 0, 0, "d", 2, 9, 9]]),
    "device": telemetry(device="x"),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_it_is_counted_by_name_and_the_login_goes_on(house, reason):
    house.familiar()
    without = house.ask()
    decision = house.ask(login(telemetry=HOSTILE[reason], telemetry_challenge="c-1"))
    assert decision.permitted
    assert decision.risk.nats >= without.risk.nats, "nothing is gained by it"
    assert all(item.abstains for item in decision.risk.contributions if item.source in BEHAVIOURAL)
    assert {name for name in house.tally.counts if name.startswith("rejected ")} == {f"rejected {reason}"}


def test_signed_telemetry_of_one_form_is_refused_for_every_other(house):
    device = Device()
    text = device.telemetry("c-1", [Hand(1).type("password", 9)])
    house.tell(house.ask(login(telemetry=text, telemetry_challenge="c-1")))
    again = house.ask(login(telemetry=text, telemetry_challenge="c-2"))
    assert house.tally.counts["rejected challenge"] == 1
    assert all(item.abstains for item in again.risk.contributions if item.source in BEHAVIOURAL)
    first, second = (house.store.decision(login().issuer, f"d{number}").device_ids for number in (1, 2))
    assert second == first[1:], "the key that signed it vouches for nothing"


@pytest.mark.parametrize("challenge", [None, ""])
def test_telemetry_without_a_form_of_its_own_is_refused(house, challenge):
    house.ask(login(telemetry=telemetry(challenge or ""), telemetry_challenge=challenge))
    assert house.tally.counts["rejected challenge"] == 1


@pytest.mark.parametrize("hook", [Hook.PASSWORD_GRANT, Hook.REFRESH, Hook.TOKEN])
def test_where_no_form_is_sent_a_challenge_proves_nothing(house, hook):
    asked = login(HOME_IP, hook=hook, telemetry=Device().telemetry("c-1", []), telemetry_challenge="c-1")
    decision = house.ask(asked)
    assert house.tally.counts["rejected challenge"] == 1
    assert all(item.abstains for item in decision.risk.contributions if item.source in BEHAVIOURAL)
