"""Signed posture: whatever an assertion claims, only a trusted issuer's about the proved device is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idp_adapter.adapters.jose_jwks import KeySets, fetch_from_file_or_net
from idp_adapter.adapters.jose_posture import Assertions
from idp_adapter.core.types import ComplianceStatus
from idp_adapter.errors import PostureRejected
from tests.adapters.face import EC_KEY, OTHER, OTHER_RSA_KEY, REALM, RSA_KEY, SERVICE, jwk
from tests.core import builders as b

MDM = "https://mdm.example"
NOW_S = int(b.NOW.timestamp())
ASKED = replace(b.request(), issuer=REALM, telemetry_challenge="c-1")
PROVED = {"key-1"}


def keys(tmp_path, *jwks):
    """A source that reads a file, as it is after its first use."""
    file = tmp_path / "mdm keys.json"
    file.write_text(json.dumps({"keys": jwks or [jwk(EC_KEY, "ec"), jwk(RSA_KEY, "rsa")]}))
    sets = KeySets({MDM: file.as_uri()}, timer=lambda: 100.0, fetch=fetch_from_file_or_net)
    sets.find(MDM, "ec")
    return sets


@pytest.fixture
def verify(tmp_path):
    assertions = Assertions(audience=SERVICE, realms={MDM: {REALM}}, keys=keys(tmp_path))
    return lambda text, asked=ASKED, proved=PROVED, now=b.NOW: assertions.verify(text, asked, proved, now=now)


def claims(**changes):
    good = {
        "iss": MDM,
        "aud": SERVICE,
        "iat": NOW_S - 60,
        "exp": NOW_S + 3600,
        "compliance_status": "compliant",
        "cnf": {"jkt": "key-1"},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(key=EC_KEY, alg="ES256", *, header=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm=alg, headers=header or {"typ": "posture+jwt", "kid": "ec"})


def forged(header, signature=b"", **changes):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    text = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims(**changes)).encode())
    made = signature(text) if callable(signature) else signature
    return (text + b"." + part(made)).decode()


def reason(verify, text, **more):
    with pytest.raises(PostureRejected) as rejected:
        verify(text, **more)
    return rejected.value.reason


@pytest.mark.parametrize("status", ["compliant", "not-compliant"])
def test_a_good_assertion_says_what_it_says_and_when(verify, status):
    said = verify(signed(compliance_status=status, nonce="c-1", aud=[SERVICE, "another"]))
    assert (said.status, said.time) == (ComplianceStatus(status), datetime.fromtimestamp(NOW_S - 60, UTC))


def test_a_certificate_names_the_device_as_well_as_a_key(verify):
    assert verify(signed(cnf={"x5t#S256": "cert-1"}), proved={"cert-1"})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iat": NOW_S - 7200, "exp": NOW_S - 61}, "expired"),
        ({"iat": NOW_S + 120}, "expired"),
        ({"exp": NOW_S + 25 * 3600}, "expired"),
        ({"iat": NOW_S, "exp": NOW_S}, "expired"),
        ({"exp": None}, "expired"),
        ({"iat": "now"}, "expired"),
        ({"exp": True}, "expired"),
        ({"aud": "https://another.example"}, "other_audience"),
        ({"aud": None}, "other_audience"),
        ({"iss": "https://evil.example"}, "unknown_issuer"),
        ({"iss": None}, "unknown_issuer"),
        ({"cnf": {"jkt": "key-2"}}, "other_device"),
        ({"cnf": None}, "other_device"),
        ({"cnf": "key-1"}, "other_device"),
        ({"nonce": "c-0"}, "other_form"),
        ({"compliance_status": "fine"}, "bad_status"),
        ({"compliance_status": None}, "bad_status"),
        ({"compliance_status": ["compliant"]}, "bad_status"),
    ],
)
def test_a_claim_that_does_not_hold_rejects_by_name(verify, changes, why):
    assert reason(verify, signed(**changes)) == why


def test_an_assertion_beside_a_request_that_proves_nothing_is_of_no_use_and_no_forgery(verify):
    assert reason(verify, signed(), proved=set()) == "nothing_proved"


def test_an_issuer_speaks_for_its_own_realms_alone(verify):
    assert reason(verify, signed(), asked=replace(ASKED, issuer=OTHER)) == "unknown_issuer"


def test_an_assertion_of_yesterday_is_of_no_use_today(verify):
    later = datetime.fromtimestamp(NOW_S + 3600 + 61, UTC)
    assert reason(verify, signed(), now=later) == "expired"


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES512", "", 7, None])
def test_an_algorithm_that_is_no_signature_is_no_header(verify, alg):
    assert reason(verify, forged({"typ": "posture+jwt", "alg": alg, "kid": "ec"})) == "bad_header"


def test_the_public_key_is_no_shared_secret(verify):
    """The classic confusion: HMAC under the bytes of the published key, and an algorithm of another kind of key."""
    public = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hs256 = forged(
        {"typ": "posture+jwt", "alg": "HS256", "kid": "ec"}, lambda text: hmac.digest(public, text, hashlib.sha256)
    )
    assert reason(verify, hs256) == "bad_header"
    assert reason(verify, signed(OTHER_RSA_KEY, "RS256")) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "kid": "ec"},
        {"kid": "ec"},
        {"typ": "posture+jwt"},
        {"typ": "posture+jwt", "kid": "ec", "jwk": {}},
        {"typ": "posture+jwt", "kid": "ec", "jku": "https://evil.example"},
        {"typ": "posture+jwt", "kid": "ec", "crit": ["exp"]},
    ],
)
def test_a_header_of_another_type_or_with_its_own_key_is_refused(verify, header):
    assert reason(verify, signed(header=header)) == "bad_header"


def test_another_key_or_a_changed_claim_is_no_signature(verify):
    assert reason(verify, signed(ec.generate_private_key(ec.SECP256R1()))) == "bad_signature"
    header, payload, signature = signed(compliance_status="not-compliant").split(".")
    better = signed().split(".")[1]
    assert reason(verify, f"{header}.{better}.{signature}") == "bad_signature"
    assert payload != better


@pytest.mark.parametrize(
    ("text", "why"), [("x", "malformed"), ("a.b.c", "malformed"), ("x" * 9000, "oversized"), ("🙂", "malformed")]
)
def test_what_is_no_token_is_rejected_by_name(verify, text, why):
    assert reason(verify, text) == why


def test_a_key_that_is_not_at_hand_is_asked_for_beside_and_never_waited_for(tmp_path):
    waits = []

    def slow(url):
        waits.append(url)
        raise OSError("down")

    sets = KeySets({MDM: "https://mdm.example/keys"}, timer=lambda: 100.0, fetch=slow)
    assertions = Assertions(audience=SERVICE, realms={MDM: {REALM}}, keys=sets)
    for _ in range(50):
        with pytest.raises(PostureRejected, match="keys_unknown"):
            assertions.verify(signed(), ASKED, PROVED, now=b.NOW)
    assert len(waits) <= 1


def test_an_unknown_kid_is_rejected(verify):
    assert reason(verify, signed(header={"typ": "posture+jwt", "kid": "other"})) == "keys_unknown"


def test_a_set_of_keys_in_a_file_is_bounded_and_must_be_there(tmp_path):
    file = tmp_path / "big.json"
    file.write_bytes(b" " * 300_000)
    with pytest.raises(OSError, match="over"):
        fetch_from_file_or_net(file.as_uri())
    with pytest.raises(OSError, match="No such file"):
        fetch_from_file_or_net((tmp_path / "none.json").as_uri())
