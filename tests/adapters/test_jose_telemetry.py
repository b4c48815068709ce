"""Telemetry is opened or rejected by name; nothing else ever comes out of it."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters import jose
from idp_adapter.adapters.telemetry import MAX_BYTES, Opener
from idp_adapter.errors import TelemetryRejected
from tests.adapters.face import EC384_KEY, EC_KEY, RSA_KEY, jwk

REASONS = {
    "oversized", "malformed", "too_deep", "bad_number", "duplicate_key", "bad_signature", "bad_header", "bad_key",
}  # fmt: skip
PAYLOAD = {"v": 1, "challenge": "abc", "fields": [{"name": "password", "keys": [[0.0, 81.2], [143.9, 220.1]]}]}
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def own_jwk(key=EC_KEY, **changes):
    members = {**jose.ec_jwk(key.public_key()), **changes}
    return {name: value for name, value in members.items() if value is not None}


def sign(payload=PAYLOAD, *, key=EC_KEY, signature=None, **header):
    head = {"typ": "telemetry+jwt", "alg": "ES256", "jwk": own_jwk(key), **header}
    head = {name: value for name, value in head.items() if value is not None}
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = f"{jose.b64(json.dumps(head).encode())}.{jose.b64(data)}"
    if signature is None:
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{signed}.{jose.b64(signature)}"


def reason(text):
    with pytest.raises(TelemetryRejected) as rejected:
        Opener().open(text)
    return rejected.value.reason


def test_plain_json_is_opened_unsigned():
    opened = Opener().open(json.dumps(PAYLOAD))
    assert opened.payload == PAYLOAD
    assert opened.key_id is None


def test_a_signed_one_is_opened_under_its_keys_thumbprint():
    opened = Opener().open(sign())
    assert opened.payload == PAYLOAD
    assert opened.key_id == jose.thumbprint(own_jwk())


def test_the_thumbprint_is_that_of_the_rfc():
    """RFC 7638 has an RSA example; this EC one is RFC 9449's `jkt`."""
    key = {
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    }
    assert jose.thumbprint(key) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_members_of_the_key_that_do_not_matter_leave_its_name_alone():
    assert Opener().open(sign(jwk=own_jwk(ext=True, key_ops=["verify"]))).key_id == jose.thumbprint(own_jwk())


REJECTED = {
    "": "malformed",
    "x": "malformed",
    "[]": "malformed",
    "{": "malformed",
    " {}": "malformed",
    "{}{}": "malformed",
    '{"a": NaN}': "bad_number",
    '{"a": 1e400}': "bad_number",
    '{"a": -Infinity}': "bad_number",
    '{"a": ' + "1" * 5000 + "}": "bad_number",
    '{"a": 1, "a": 2}': "duplicate_key",
    '{"a": {"b": 1, "b": 2}}': "duplicate_key",
    '{"a": ' + "[" * 6 + "]" * 6 + "}": "too_deep",
    '{"a": ' + "[" * 8000 + "]" * 8000 + "}": "too_deep",
    '{"a": "' + "x" * MAX_BYTES + '"}': "oversized",
    '{"a": "' + "é" * (MAX_BYTES // 2) + '"}': "oversized",
    '{"a": "\\ud800"}': "malformed",
    '{"a": "\ud800"}': "malformed",
    sign() + ".x": "malformed",
    sign() + "=": "malformed",
    sign().replace(".", ". "): "malformed",
    "a.b": "malformed",
    "." * 20_000: "oversized",
    sign(b"[]"): "malformed",
    sign(b"\xff"): "malformed",
    sign(b'{"a": 1, "a": 2}'): "duplicate_key",
    sign(b'{"a": 1e999}'): "bad_number",
    sign(b'{"a": ' + b"[" * 6 + b"]" * 6 + b"}"): "too_deep",
    sign(typ="JWT"): "bad_header",
    sign(typ=None): "bad_header",
    sign(alg="none"): "bad_header",
    sign(alg="HS256"): "bad_header",
    sign(alg="ES384"): "bad_header",
    sign(alg=["ES256"]): "bad_header",
    sign(jwk=None): "bad_header",
    sign(jwk="x"): "bad_header",
    sign(crit=["exp"]): "bad_header",
    sign(b64=False): "bad_header",
    sign(x5c=["x"]): "bad_header",
    sign(jwk=own_jwk(d="AQAB")): "bad_key",
    sign(jwk=jwk(RSA_KEY, "rsa")): "bad_key",
    sign(jwk=jwk(EC384_KEY, "ec")): "bad_key",
    sign(jwk=own_jwk(crv="secp256k1")): "bad_key",
    sign(jwk=own_jwk(kty="oct", k="AQAB")): "bad_key",
    sign(jwk=own_jwk(x=None)): "bad_key",
    sign(jwk=own_jwk(x=7)): "bad_key",
    sign(jwk=own_jwk(x="AQAB")): "bad_key",
    sign(jwk=own_jwk(y=jose.b64(bytes(32)))): "bad_key",
    sign(jwk=own_jwk(x=jose.b64(bytes(32)), y=jose.b64(bytes(32)))): "bad_key",
    sign(jwk=own_jwk(x=jose.b64((P + 1).to_bytes(32, "big")))): "bad_key",
    sign(jwk=own_jwk(use="enc")): "bad_key",
    sign(jwk=own_jwk(ec.generate_private_key(ec.SECP256R1()))): "bad_signature",
    sign(signature=b""): "bad_signature",
    sign(signature=bytes(64)): "bad_signature",
    sign(signature=b"\xff" * 64): "bad_signature",
    sign(signature=EC_KEY.sign(b"x", ec.ECDSA(hashes.SHA256()))): "bad_signature",
}


@pytest.mark.parametrize("text", REJECTED, ids=range(len(REJECTED)))
def test_what_can_not_be_used_is_rejected_by_name(text):
    assert reason(text) == REJECTED[text]


def test_a_changed_payload_is_a_bad_signature():
    head, _, signature = sign().split(".")
    assert reason(f"{head}.{jose.b64(json.dumps({'v': 2}).encode())}.{signature}") == "bad_signature"


def test_the_longest_and_deepest_that_are_acceptable_are_opened():
    filler = '{"a": "' + "x" * (MAX_BYTES - 9) + '"}'
    assert len(filler) == MAX_BYTES
    assert Opener().open(filler).key_id is None
    assert Opener().open('{"a": ' + "[" * 5 + "]" * 5 + "}").key_id is None


def outcome_of(text):
    """The name of the rejection, "" for none; any other exception goes through."""
    try:
        Opener().open(text)
    except TelemetryRejected as rejected:
        return rejected.reason
    return ""


def only_rejections(text):
    assert outcome_of(text) in REASONS | {""}


@given(st.text(max_size=400) | st.text(alphabet='{}[]",:0123456789.eE+-\\untrfalse ', max_size=400).map("{".__add__))
def test_no_text_raises_anything_but_a_rejection(text):
    only_rejections(text)


@given(st.lists(st.binary(max_size=80).map(jose.b64) | st.text(max_size=20), min_size=1, max_size=5).map(".".join))
def test_no_dotted_text_raises_anything_but_a_rejection(text):
    only_rejections(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit", "zip"]), json_values),
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d", "use", "alg", "kid"]), json_values),
    st.binary(max_size=70),
    st.booleans(),
)
def test_no_header_key_or_signature_raises_anything_but_a_rejection(header, key, signature, whole):
    good = {"typ": "telemetry+jwt", "alg": "ES256", "jwk": own_jwk(**key)}
    only_rejections(sign(signature=signature, **({**good, **header} if whole else {**header, "jwk": own_jwk(**key)})))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_keeps_a_signature_good(position, change):
    text = bytearray(sign().encode())
    position %= len(text)
    text[position] ^= change
    assert outcome_of(text.decode("latin-1")) in REASONS
