"""Untrusted telemetry: what is understood, and what is rejected by which name."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.signals import MAX_KEYS, MAX_POINTS, parse_telemetry, without_behaviour
from idp_adapter.core.types import BrowserFacts, Pointer, Signals, Telemetry
from idp_adapter.errors import TelemetryRejected
from tests.core import builders as b

PAYLOAD = {
    "v": 1,
    "challenge": "c-1",
    "clock_step_ms": 0.1,
    "fields": [
        {"name": "username", "keys": [[0, 80.5], [120, None]], "corrections": 1, "complete": True},
        {"name": "password", "keys": [[0, 300], [100, 180]], "untrusted": 2, "virtual": True},
        {"name": "otp", "ime": True},
    ],
    "pointer": [[12.5, 410, 220, "m"], [20, 1, 2, "d", 0.5, 11, 12]],
    "device": {
        "ua_data": {"platform": "Linux", "mobile": False},
        "languages": ["en", "fr"],
        "timezone": "Europe/Paris",
        "screen": [1920, 1080, 1.0],
        "touch_points": 0,
        "webdriver": True,
    },
    "unknown": {"ignored": True},
}


def parse(payload, challenge="c-1"):
    return parse_telemetry(payload, expected_challenge=challenge, key_id="k")


def changed(path, value):
    payload = copy.deepcopy(PAYLOAD)
    target = payload
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return payload


def test_a_payload_is_typed_in_seconds():
    telemetry = parse(PAYLOAD)
    user, password, otp = telemetry.fields
    assert user.down_s == (0.0, 0.12)
    assert user.up_s == (0.0805, None)
    assert user.complete
    assert not password.complete
    assert otp.virtual
    assert user.corrections == 1
    assert password.virtual
    assert password.untrusted == 2
    assert telemetry.pointer[1] == Pointer(0.02, 1, 2, "d", 0.5, (11, 12))
    assert telemetry.clock_step_s == 0.0001
    assert telemetry.facts.webdriver
    assert telemetry.facts.platform == "Linux"
    assert telemetry.key_id == "k"


def test_rollover_is_human():
    assert parse(PAYLOAD).fields[1].up_s[0] > parse(PAYLOAD).fields[1].up_s[1]


def test_what_is_missing_is_none():
    telemetry = parse({"v": 1, "challenge": "c-1"})
    assert telemetry.fields == ()
    assert telemetry.clock_step_s is None


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["v"], 2, "version"),
        (["challenge"], "of another form", "challenge"),
        (["fields"], {}, "fields"),
        (["fields"], [{"name": "username"}] * 9, "fields"),
        (["fields"], [{"name": "username"}] * 2, "fields"),
        (["fields"], ["username"], "fields"),
        (["fields", 0, "name"], "no te", "fields"),
        (["fields", 0, "name"], [], "fields"),
        (["pointer"], [[0, 0, 0, []]], "pointer"),
        (["fields", 0, "corrections"], -1, "fields"),
        (["fields", 0, "corrections"], True, "fields"),
        (["fields", 0, "keys"], None, "keys"),
        (["fields", 0, "keys"], [[0, 1]] * (MAX_KEYS + 1), "keys"),
        (["fields", 0, "keys"], [[0]], "keys"),
        (["fields", 0, "keys"], [[5, 6], [4, 9]], "times"),
        (["fields", 0, "keys"], [[5, 4]], "times"),
        (["fields", 0, "keys"], [[-1, 4]], "times"),
        (["fields", 0, "keys"], [["0", 4]], "times"),
        (["fields", 0, "keys"], [[True, 4]], "times"),
        (["fields", 0, "keys"], [[0, float("nan")]], "times"),
        (["fields", 0, "keys"], [[0, 10**400]], "times"),
        (["pointer"], "m", "pointer"),
        (["pointer"], [[0, 0, 0, "m"]] * (MAX_POINTS + 1), "pointer"),
        (["pointer"], [[0, 0, 0, "x"]], "pointer"),
        (["pointer"], [[0, 0, "m"]], "pointer"),
        (["pointer"], [[0, 0, 0, "m", 1]], "pointer"),
        (["untrusted"], "many", "fields"),
        (["pointer"], [[0, 1e7, 0, "m"]], "pointer"),
        (["pointer"], [[0, None, 0, "m"]], "pointer"),
        (["device"], [], "device"),
    ],
)
def test_what_is_wrong_is_rejected_by_name(path, value, reason):
    with pytest.raises(TelemetryRejected) as caught:
        parse(changed(path, value))
    assert caught.value.reason == reason


@pytest.mark.parametrize("challenge", [None, "", "c-2"])
def test_telemetry_of_another_form_is_a_replay(challenge):
    with pytest.raises(TelemetryRejected, match="challenge"):
        parse(PAYLOAD, challenge)


@pytest.mark.parametrize("step", [0, -1, 5000, "x", None, float("inf")])
def test_a_clock_step_that_makes_no_sense_is_unknown(step):
    assert parse(changed(["clock_step_ms"], step)).clock_step_s is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner, max_size=6),
    max_leaves=30,
)


@given(st.sampled_from(["fields", "pointer", "device", "clock_step_ms", "v", "challenge"]), JSON)
def test_no_payload_does_worse_than_to_be_rejected(member, value):
    try:
        parse({**PAYLOAD, member: value})
    except TelemetryRejected:
        return


@given(st.dictionaries(st.sampled_from(["name", "keys", "corrections", "untrusted", "pasted"]), JSON))
def test_no_field_does_worse_than_to_be_rejected(field):
    try:
        parse({**PAYLOAD, "fields": [{"name": "otp", **field}]})
    except TelemetryRejected:
        return


def test_without_behaviour_the_device_and_the_network_still_speak():
    telemetry = replace(b.telemetry(b.typing()), untrusted=3, facts=BrowserFacts(webdriver=True))
    seen = Signals(origin=b.HOME, cookie_id="c", telemetry=telemetry)
    left = without_behaviour(seen)
    assert left.telemetry == Telemetry(clock_step_s=0.0001, key_id="key-1", facts=BrowserFacts(webdriver=True))
    assert replace(left, telemetry=telemetry) == seen
    assert without_behaviour(Signals(cookie_id="c")) == Signals(cookie_id="c")
