"""Bodies: what is accepted, what is refused and how it is named; nothing a browser sends can choose the fail mode."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters.http import wire
from idp_adapter.core.types import Hook, Request
from idp_adapter.errors import RequestInvalid
from tests.adapters.face import REALM, make_face, question


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    made = make_face(tmp_path_factory.mktemp("bodies"))
    yield made
    made.store.close()


def read(body) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.read_question(wire.read_body(data), issuer=REALM)


def changed(path, value):
    """The contract's question with one member set."""
    whole = question()
    node = whole
    *parents, last = path.split(".")
    for name in parents:
        node = node.setdefault(name, {})
    node[last] = value
    return whole


def nested(depth):
    return b"[" * depth + b"]" * depth


# --- what is read ---------------------------------------------------------------------------------


def test_the_contracts_request_is_read_whole():
    request = read(question())
    assert request.issuer == REALM
    assert (request.subject.key.type, request.subject.key.id) == ("user", "9f6b3c1e-2d0a-4c6e-8c57-4a1f7d1b0c11")
    assert request.subject.roles == ("offline_access", "teller")
    assert request.subject.factors == ("otp",)
    assert request.subject.created_at is not None
    assert request.action == Hook.LOGIN
    assert request.resource.id == "demo-app"
    assert request.resource.public is True
    assert request.resource.access_token_lifespan_s == 300
    assert request.resource.refresh_token_lifespan_s == 1800
    assert request.session.auth_time is not None
    assert request.session.auth_time.timestamp() == 1795248000
    assert request.session.amr == ("pwd",)
    assert request.network.ip == "203.0.113.7"
    assert request.cookie_id == "2a6f5d0c9e6b4f0f8b1d"
    assert request.telemetry_challenge == "Zm9ybS1zZXNzaW9uLWNvZGU"
    assert request.txn == "b7a1d9f0-6a1e-4c36-9a2e-3f7a1f6f9a10"


def test_as_many_roles_and_groups_as_the_contract_says_are_read_and_that_there_are_more(face):
    assert (read(question()).subject.roles_cut, read(question()).subject.groups_cut) == (False, False)
    for kind in ("roles", "groups"):
        body = changed(f"subject.properties.{kind}", [f"/name-{i}" for i in range(512)])
        body["subject"]["properties"][f"{kind}_cut"] = True
        subject = read(body).subject
        assert (len(getattr(subject, kind)), getattr(subject, f"{kind}_cut")) == (512, True)
        answered = face.ask(body)
        assert f"{kind}_cut" in [reason["code"] for reason in answered.json["context"]["reason_admin"]]


def test_an_auth_time_of_zero_is_never():
    assert read(changed("context.session.auth_time", 0)).session.auth_time is None


def test_an_address_is_of_the_end_user_unless_said_otherwise():
    assert read(changed("context.network.of_end_user", None)).network.of_end_user is True
    assert read(changed("context.network.of_end_user", False)).network.of_end_user is False


def test_scalar_properties_are_kept_and_deeper_ones_passed_over():
    properties = {"a": 1, "b": "x", "c": True, "d": ["p", "q"], "e": {"deep": 1}, "f": [1], "g": None, "h": 1.5}
    request = read(changed("subject.properties", properties))
    assert request.subject.properties == {"a": 1, "b": "x", "c": True, "d": ("p", "q"), "h": 1.5}


def test_another_vocabularys_resource_properties_mean_what_its_own_rules_say():
    body = changed("resource", {"type": "document", "id": "7", "properties": {"public": "maybe", "scope": ["a"]}})
    assert read(body).resource.properties == {"public": "maybe", "scope": ("a",)}
    assert read(body).resource.public is None


def test_what_a_browser_chose_is_cut_and_cleaned_but_never_refused(face):
    assert read(changed("context.network.user_agent", "x" * 5000)).network.user_agent == "x" * 512
    assert read(changed("context.network.user_agent", "\0\n")).network.user_agent is None
    assert read(changed("context.device.cookie_id", "\0a\x7fb")).cookie_id == "ab"
    for telemetry in ("\0", "{", "x" * 40_000, "é" * 9000, '{"v": NaN}'):
        assert face.ask(changed("context.telemetry", telemetry)).status_code == 200
    assert b"idp_adapter_telemetry_rejected_total{" in face.metrics.exposition()[0]


def test_telemetry_that_the_enforcer_dropped_is_counted(face):
    face.ask(changed("context.telemetry_dropped", "oversized"))
    assert b'telemetry_rejected_total{reason="dropped"} 1.0' in face.metrics.exposition()[0]


# --- what is refused ------------------------------------------------------------------------------

WRONG = {
    "context": [1, "x"],
    "context.session": ["sid", 1],
    "context.session.offline": ["yes", 0, 1],
    "context.session.auth_time": ["now", -1, 1.5, True, 2**60],
    "context.session.age_s": [-1, "1"],
    "context.session.amr": [7, [7], {"a": 1}],
    "context.network": ["203.0.113.7"],
    "context.network.of_end_user": ["false", 0],
    "context.network.ip": [4, ["::1"], "a\0b", "unknown", "192.0.2.7:8080", "192.0.2.7, 10.0.0.1", "1.2.3", "[::1]"],
    "context.network.user_agent": [7],
    "context.time": ["yesterday", 7, "2026-13-01T00:00:00Z"],
    "context.txn": [7, "a\0b"],
    "context.telemetry": [{"v": 1}, 7],
    "context.reused": [-1, "1", 10**12],
    "context.device": ["cookie"],
    "context.device.cookie_id": [7],
    "context.binding.jkt": [7],
    "subject": [None, "alice", []],
    "subject.type": [None, 7, "", "a\0"],
    "subject.id": [None, 7, "", {}],
    "subject.properties": ["x", [1]],
    "subject.properties.roles": [7, [7]],
    "subject.properties.roles_cut": ["yes", 1],
    "subject.properties.groups_cut": ["yes", 1],
    "subject.properties.created_at": ["once"],
    "action.name": [None, 7, ""],
    "resource.id": [None, 7, ""],
    "resource.properties.public": ["yes"],
    "resource.properties.access_token_lifespan_s": [-1, "300", 1.5],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in WRONG.items() for value in values])
def test_a_member_of_the_wrong_kind_is_refused_by_its_path(path, value):
    with pytest.raises(RequestInvalid) as refused:
        read(changed(path, value))
    assert f"`{path}`" in refused.value.message
    assert refused.value.hint


LONG = {
    "subject.id": "x" * 257,
    "subject.type": "x" * 65,
    "action.name": "x" * 129,
    "resource.id": "x" * 257,
    "context.txn": "x" * 129,
    "context.session.sid": "x" * 257,
    "context.network.ip": "1" * 65,
    "context.telemetry_challenge": "x" * 513,
    "resource.properties.scope": "x" * 4097,
    "subject.properties.roles": ["x"] * 513,
    "subject.properties.groups": ["x"] * 513,
    "subject.properties.factors": ["x"] * 257,
    "subject.properties": {f"p{number}": 1 for number in range(65)},
}


@pytest.mark.parametrize("path", LONG)
def test_a_member_over_its_bound_is_413_by_its_path(face, path):
    response = face.ask(changed(path, LONG[path]))
    assert response.status_code == 413
    assert f"`{path}`" in response.json["detail"]


BODIES = {
    "nothing": (b"", 400),
    "spaces": (b"   ", 400),
    "half an object": (b'{"subject":', 400),
    "two objects": (b"{}{}", 400),
    "a scalar": (b"7", 400),
    "null": (b"null", 400),
    "a list": (b"[]", 400),
    "not a number": (b'{"a": NaN}', 400),
    "infinite": (b'{"a": Infinity}', 400),
    "overflowing": (b'{"a": 1e999}', 400),
    "an endless integer": (b'{"a": ' + b"9" * 5000 + b"}", 400),
    "an integer over 64 bits": (b'{"a": 9223372036854775808}', 400),
    "a member twice": (b'{"subject": {"type": "user", "id": "a", "id": "b"}}', 400),
    "deep": (b'{"a": ' + nested(8) + b"}", 400),
    "very deep": (b'{"a": ' + nested(20_000) + b"}", 400),
    "half a character": (b'{"a": "\\ud800"}', 400),
    "half a character as a name": (b'{"\\udc00": 1}', 400),
    "not UTF-8": (b'{"a": "\xff"}', 400),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "single quotes": (b"{'a': 1}", 400),
    "a comment": (b'{"a": 1} // x', 400),
    "over 64 KB": (b'{"a": "' + b"x" * 65_536 + b'"}', 413),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_acceptable_json_is_refused(face, name):
    body, status = BODIES[name]
    response = face.ask(body)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.json["type"].startswith("urn:idp-adapter:problem:")


def test_the_deepest_body_that_is_acceptable_is_read(face):
    whole = question()
    whole["extra"] = json.loads(nested(7))
    assert face.ask(whole).status_code == 200


def test_a_body_just_under_the_bound_is_read(face):
    whole = question()
    whole["extra"] = "x" * (64 * 1024 - len(json.dumps(whole)) - 20)
    assert face.ask(whole).status_code == 200


def test_a_charset_that_is_not_utf_8_is_refused(face):
    assert face.ask(question(), Content_Type="application/json; charset=latin-1").status_code == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_a_refusal(data):
    with suppress(RequestInvalid):
        read(data)


@given(st.sampled_from(sorted(WRONG)), json_values)
def test_no_member_raises_anything_but_a_refusal(path, value):
    with suppress(RequestInvalid):
        read(json.dumps(changed(path, value)).encode())
