"""Hostile telemetry, from its text to its types: bounded time, and nothing but a named rejection ever comes out."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters import jose
from idp_adapter.adapters.telemetry import MAX_BYTES, Opener
from idp_adapter.core.signals import parse_telemetry
from idp_adapter.core.types import Telemetry
from idp_adapter.errors import TelemetryRejected
from tests.adapters.face import EC_KEY
from tools.driver.telemetry import Device, DeviceKey, Hand, compact

REASONS = {
    "oversized", "malformed", "too_deep", "bad_number", "duplicate_key", "bad_signature", "bad_header", "bad_key",
    "version", "challenge", "fields", "keys", "times", "pointer", "device",
}  # fmt: skip
GOOD = Device(key=None).telemetry("c-1", [Hand(1).type("password", 9)])
SIGNED = Device().telemetry("c-1", [Hand(1).type("password", 9)])
KEY = DeviceKey()
SLOWEST_S = 0.25  # of processor time; what takes so long here takes some milliseconds where nothing else runs


def read(text: str) -> Telemetry:
    opened = Opener().open(text)
    return parse_telemetry(opened.payload, expected_challenge="c-1", key_id=opened.key_id)


def read_or_reason(text: str) -> Telemetry | str:
    """What was read, or the name of the rejection; any other exception goes through."""
    try:
        return read(text)
    except TelemetryRejected as rejected:
        reason = rejected.reason
    assert reason in REASONS
    return reason


def payload(**members: object) -> str:
    return json.dumps({"v": 1, "challenge": "c-1", **members}, separators=(",", ":"))


def password(**members: object) -> str:
    return payload(fields=[{"name": "password", **members}])


HOSTILE = {
    "more than 16 KiB": (GOOD[:-1] + " " * MAX_BYTES + "}", "oversized"),
    "a signature over more than 16 KiB": ("e30." + "A" * MAX_BYTES + ".AA", "oversized"),
    "nested deeper than anything is": (payload(fields=[[[[[[[]]]]]]]), "too_deep"),
    "nested as deep as fits": ('{"v":' + "[" * (MAX_BYTES - 9), "too_deep"),
    "presses out of order": (password(keys=[[0, 9], [200, 210], [100, 110]]), "times"),
    "a negative hold": (password(keys=[[0, 9], [200, 199]]), "times"),
    "a press before the first": (password(keys=[[-5, 9]]), "times"),
    "NaN": ('{"v":1,"challenge":"c-1","clock_step_ms":NaN}', "bad_number"),
    "infinity": (password(keys=[[0, 9]]).replace("9", "1e999"), "bad_number"),
    "a number of thousands of digits": (password(keys=[[0, 9]]).replace("9", "9" * 5000), "bad_number"),
    "10^9 events by their number": (payload(untrusted=10**9), "fields"),
    "10^9 corrections": (password(corrections=10**9), "fields"),
    "as many presses as fit": (password(keys=[[0, 0]] * 2700), "keys"),
    "as many samples as fit": (payload(pointer=[[0, 0, 0, "m"]] * 1200), "pointer"),
    "as many fields as fit": (payload(fields=[{"name": f"f{i}"} for i in range(1000)]), "fields"),
    "a trace that runs backwards": (payload(pointer=[[9, 0, 0, "m"], [8, 0, 0, "m"]]), "times"),
    "a pressure beyond any": (payload(pointer=[[0, 0, 0, "d", 2, 9, 9]]), "pointer"),
    "one field twice": (payload(fields=[{"name": "otp"}] * 2), "fields"),
    "a member twice": (GOOD[:-1] + ',"v":1}', "duplicate_key"),
    "half a character": (GOOD[:-1] + ',"x":"\\ud800"}', "malformed"),
    "another form's challenge": (GOOD.replace('"c-1"', '"c-2"'), "challenge"),
    "no challenge": (GOOD.replace('"challenge":"c-1",', ""), "challenge"),
    "a challenge that is a list of it": (GOOD.replace('"c-1"', '["c-1"]'), "challenge"),
    "another version": (GOOD.replace('"v":1', '"v":2'), "version"),
    "the payload of one with the signature of another": (
        SIGNED.rsplit(".", 1)[0] + "." + Device().telemetry("c-1", []).rsplit(".", 1)[1],
        "bad_signature",
    ),
    "a payload without a signature": (SIGNED.rsplit(".", 1)[0] + ".", "bad_signature"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hostile_is_rejected_by_name_in_bounded_time(kind: str) -> None:
    text, reason = HOSTILE[kind]
    start = time.process_time()
    assert read_or_reason(text) == reason
    assert time.process_time() - start < SLOWEST_S


def test_foreign_members_are_ignored_wherever_they_are() -> None:
    foreign = {"jwk": {"d": "x"}, "subject": "admin", "risk": {"level": "LOW"}, "__proto__": {"v": 2}}
    fields = [{"name": "password", "keys": [[0, 90]], **foreign}]
    with_them = payload(fields=fields, device={"languages": ["en"], **foreign}, **foreign)
    without = payload(fields=[{"name": "password", "keys": [[0, 90]]}], device={"languages": ["en"]})
    assert read(with_them) == read(without)


def test_the_largest_that_is_acceptable_takes_bounded_time() -> None:
    full = {"keys": [[7 * i, 7 * i + 5] for i in range(128)], "complete": True}
    fields = [{"name": name, **full} for name in ("username", "password", "otp", "totp")]
    text = payload(fields=fields, pointer=[[30 * i, 9 * i % 700, 7 * i % 300, "m"] for i in range(256)])
    text = text[:-1] + ',"x":"' + "x" * (MAX_BYTES - len(text) - 7) + '"}'
    assert len(text) == MAX_BYTES
    start = time.process_time()
    telemetry = read(text)
    assert time.process_time() - start < SLOWEST_S
    assert [len(typing.down_s) for typing in telemetry.fields] == [128] * 4
    assert len(telemetry.pointer) == 256


@given(st.text(max_size=600))
def test_no_text_raises_anything_but_a_rejection(text: str) -> None:
    read_or_reason(text)


@given(st.binary(max_size=600))
def test_no_bytes_signed_by_a_device_raise_anything_but_a_rejection(data: bytes) -> None:
    read_or_reason(KEY.sign(data))


@given(
    st.sampled_from([GOOD, SIGNED]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.text(max_size=6)), max_size=4),
)
def test_no_cut_and_patched_text_raises_anything_but_a_rejection(
    text: str, patches: list[tuple[int, int, str]]
) -> None:
    for place, length, patch in patches:
        at = place % (len(text) + 1)
        text = text[:at] + patch + text[at + length :]
    read_or_reason(text)


NUMBERS = (
    st.floats() | st.integers() | st.integers(-2, 300) | st.sampled_from([0, 1, -0.0, 1e308, 5e-324, 2**63, -(2**63)])
)
VALUES = st.recursive(
    NUMBERS | st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from([*"mduw", "password", "c-1"]),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=40,
)
SAMPLES = st.lists(
    st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from([*"mduw"])).map(list)
    | st.tuples(*[NUMBERS] * 3, st.sampled_from([*"mduw"]), *[NUMBERS] * 3).map(list),
    max_size=30,
)
FIELD = st.fixed_dictionaries(
    {"name": st.sampled_from(["username", "password", "otp"])},
    optional={
        "keys": st.lists(st.lists(NUMBERS | st.none(), max_size=3), max_size=20),
        **dict.fromkeys(("started_ms", "corrections", "untrusted", "complete", "virtual"), VALUES),
    },
)
PAYLOADS = st.fixed_dictionaries(
    {"v": st.just(1), "challenge": st.just("c-1")},
    optional={
        "fields": st.lists(FIELD | VALUES, max_size=4) | VALUES,
        "pointer": SAMPLES | SAMPLES.map(lambda trace: sorted(trace, key=lambda one: float(one[0]))) | VALUES,
        "device": st.dictionaries(st.sampled_from(["languages", "screen", "ua_data", "touch_points"]), VALUES) | VALUES,
        "clock_step_ms": VALUES,
        "untrusted": VALUES,
    },
)


@given(PAYLOADS, st.booleans())
def test_no_payload_raises_anything_but_a_rejection(body: dict[str, object], signed: bool) -> None:
    text = compact(body)
    read_or_reason(KEY.sign(text) if signed else text.decode())


@given(PAYLOADS, st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit", "b64"]), VALUES))
def test_no_header_raises_anything_but_a_rejection(body: dict[str, object], header: dict[str, object]) -> None:
    good = {"typ": "telemetry+jwt", "alg": "ES256", "jwk": jose.ec_jwk(EC_KEY.public_key())}
    read_or_reason(KEY.sign(compact(body), header={**good, **header}))
