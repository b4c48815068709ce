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
        (["pointer"], [[5, 0, 0, "m"], [4, 0, 0, "m"]], "times"),
        (["pointer"], [[-1, 0, 0, "m"]], "pointer"),
        (["pointer"], [[4e6, 0, 0, "m"]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", 1.01, 9, 9]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", -0.01, 9, 9]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", 0.5, -1, 9]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", 0.5, 9, 10_001]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", float("nan"), 9, 9]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", 0.5, 9, None]], "pointer"),
        (["pointer"], [[0, 0, 0, "d", [0.5], 9, 9]], "pointer"),
        (["fields", 0, "corrections"], 10**9, "fields"),
        (["untrusted"], 10**9, "fields"),
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


def test_a_fact_of_the_device_that_makes_no_sense_is_unknown():
    device = {
        "languages": ["en", 7, ["fr"], None, 10**5000, "x" * 99],
        "screen": [-1, 1e300, 1080],
        "touch_points": 1e300,
        "timezone": {"Europe": "Paris"},
        "ua_data": {"platform": 7, "mobile": "yes"},
        "webdriver": "no",
    }
    facts = parse(changed(["device"], device)).facts
    assert facts == BrowserFacts(languages=("en", "x" * 64), touch_points=64)


@pytest.mark.parametrize("step", [0, -1, 5000, "x", None, float("inf")])
def test_a_clock_step_that_makes_no_sense_is_unknown(step):
    assert parse(changed(["clock_step_ms"], step)).clock_step_s is None


# Each odd in a way of its own; `st.text` makes a table of all characters first, which takes longer than these tests.
LETTERS = 'aZ09 _-./:"\\\0\x7f\u00df\u0130\u202e\ufeff\ud800\U0001f600'
TEXT = st.sampled_from(["", *LETTERS, LETTERS, 9 * LETTERS, "name", "keys", "webdriver"])
JSON = st.recursive(
    st.sampled_from([None, False, True]) | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(TEXT, inner), max_size=4).map(dict),
    max_leaves=12,
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


# Nearly what the collector sends: whole numbers, lists and texts, or ones that are a little beside what they may be.
GAPS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=6)
KEYS = GAPS.map(lambda gaps: [[sum(gap for gap, _ in gaps[:i]), 2400 + hold] for i, (_, hold) in enumerate(gaps)])
ODD = st.sampled_from(
    [-1, -0.1, 1e-9, 1.01, 3_600_001, 1e6 + 1, 10**12, 1e308, float("inf"), float("nan"), None, True, "0", []]
)
FLAG = st.booleans() | st.none()
FIELD = st.fixed_dictionaries(
    {"name": st.sampled_from(["otp", "password", "username"]), "keys": KEYS},
    optional={"started_ms": st.integers(0, 9999), "corrections": st.integers(0, 9), "complete": FLAG, "ime": FLAG},
)
TRACE = st.lists(st.tuples(st.integers(0, 99), st.integers(-9, 2000), st.booleans()), max_size=6).map(
    lambda steps: [
        [100 * i + ms, x, x, "d", *([0.5, 11, x % 40] if touch else [])] for i, (ms, x, touch) in enumerate(steps)
    ]
)
WHOLE = st.fixed_dictionaries(
    {"fields": st.lists(FIELD, max_size=3, unique_by=lambda field: field["name"]), "pointer": TRACE},
    optional={"clock_step_ms": st.sampled_from([0.1, 5, 1000]), "untrusted": st.integers(0, 9)},
)


def leaves_of(value, path=()):
    """Paths of all that is in a payload."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, item in steps for found in leaves_of(item, (*path, step)))]


@given(WHOLE, st.none() | st.tuples(st.integers(0, 10**6), ODD))
def test_what_is_nearly_right_is_typed_within_bounds_or_rejected(whole, odd):
    payload = {"v": 1, "challenge": "c-1", **copy.deepcopy(whole)}
    if odd:
        paths = leaves_of(payload)[1:]
        *way, last = paths[odd[0] % len(paths)]
        target = payload
        for step in way:
            target = target[step]
        target[last] = odd[1]
    try:
        telemetry = parse(payload)
    except TelemetryRejected:
        assert odd, "what the collector sends is taken"
        return
    for typing in telemetry.fields:
        assert list(typing.down_s) == sorted(typing.down_s)
        assert all(0 <= down <= 3600 for down in typing.down_s)
        assert all(up is None or down <= up <= 3600 for down, up in zip(typing.down_s, typing.up_s, strict=True))
    times = [point.time_s for point in telemetry.pointer]
    assert times == sorted(times)
    for point in telemetry.pointer:
        assert 0 <= point.time_s <= 3600
        assert abs(point.x) <= 1e6
        assert abs(point.y) <= 1e6
        assert (point.pressure is None) == (point.contact_px is None)
        assert 0 <= (point.pressure or 0.0) <= 1
        assert all(0 <= size <= 10_000 for size in point.contact_px or ())
    assert telemetry.clock_step_s is None or 0 < telemetry.clock_step_s <= 1
