"""Who may call: every way to pretend to be a realm is refused with 401, and an unreachable realm is 503, never 200."""

from __future__ import annotations

import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idp_adapter.adapters import jose
from idp_adapter.core.types import SubjectId
from tests.adapters.face import (
    EC384_KEY,
    EC_KEY,
    ED_KEY,
    NOW,
    OTHER,
    OTHER_RSA_KEY,
    REALM,
    RSA_KEY,
    claims,
    jwk,
    make_face,
    question,
    token,
)


@pytest.fixture
def face(tmp_path):
    made = make_face(tmp_path)
    yield made
    made.store.close()


def hand_made(header, payload, signature=b""):
    """A token that no honest library would make."""
    parts = [jose.b64(json.dumps(part).encode()) for part in (header, payload)]
    return ".".join([*parts, jose.b64(signature)])


GOOD = {"typ": "pep+jwt", "alg": "RS256", "kid": "rsa"}
NOW_S = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [
        (RSA_KEY, "RS256", "rsa"),
        (RSA_KEY, "RS384", "rsa"),
        (RSA_KEY, "RS512", "rsa"),
        (RSA_KEY, "PS256", "rsa"),
        (EC_KEY, "ES256", "ec"),
        (EC384_KEY, "ES384", "ec384"),
        (ED_KEY, "EdDSA", "ed"),
    ],
)
def test_every_algorithm_of_a_realm_is_accepted(face, key, alg, kid):
    assert face.ask(question(), bearer=token(key, alg=alg, kid=kid)).status_code == 200


ATTACKS = {
    "none": hand_made({**GOOD, "alg": "none"}, claims()),
    "none in capitals": hand_made({**GOOD, "alg": "NONE"}, claims()),
    "no alg": hand_made({"typ": "pep+jwt", "kid": "rsa"}, claims()),
    "alg is a list": hand_made({**GOOD, "alg": ["RS256"]}, claims()),
    "empty signature": hand_made(GOOD, claims()),
    "another realm's key": token(OTHER_RSA_KEY),
    "another key type under a known kid": token(EC_KEY, alg="ES256", kid="rsa"),
    "kid unknown": token(kid="unknown"),
    "no kid": token(kid=None),
    "wrong typ": token(typ="JWT"),
    "typ of an access token": token(typ="at+jwt"),
    "expired": token(iat=NOW_S - 120, exp=NOW_S - 60),
    "expired beyond the leeway": token(iat=NOW_S - 60, exp=NOW_S - 5),
    "from the future": token(iat=NOW_S + 60, exp=NOW_S + 120),
    "not yet valid": token(nbf=NOW_S + 60),
    "lives too long": token(exp=NOW_S + 61),
    "lives for ever": token(exp=2**52),
    "ends before it begins": token(iat=NOW_S, exp=NOW_S - 1),
    "no exp": token(exp=None),
    "no iat": token(iat=None),
    "no jti": token(jti=None),
    "empty jti": token(jti=""),
    "exp is a text": hand_made(GOOD, claims(exp="9999999999")),
    "iat is true": hand_made(GOOD, claims(iat=True)),
    "wrong aud": token(aud="http://127.0.0.1:9999"),
    "aud is a prefix": token(aud="http://127.0.0.1:8181/"),
    "no aud": token(aud=None),
    "wrong sub": token(sub="somebody"),
    "no sub": token(sub=None),
    "iss not allowed": token(iss="http://127.0.0.1:8080/realms/evil"),
    "no iss": token(iss=None),
    "iss with a slash more": token(iss=REALM + "/"),
    "crit": jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt", "crit": ["x"]}),
    "own key in the header": jwt.encode(
        claims(),
        OTHER_RSA_KEY,
        algorithm="RS256",
        headers={"kid": "rsa", "typ": "pep+jwt", "jwk": jwk(OTHER_RSA_KEY, "rsa")},
    ),
    "own key set in the header": jwt.encode(
        claims(),
        OTHER_RSA_KEY,
        algorithm="RS256",
        headers={"kid": "rsa", "typ": "pep+jwt", "jku": "http://evil.example/jwks"},
    ),
    "path in the kid": token(kid="../../rsa"),
    "four parts": token() + ".x",
    "two parts": token().rpartition(".")[0],
    "padding": token() + "=",
    "a space within": token()[:-4] + " " + token()[-4:],
    "not base64": "!.!.!",
    "payload is a list": hand_made(GOOD, [1]),
    "header is deep": hand_made({**GOOD, "x": [[[[[[[[[[1]]]]]]]]]]}, claims()),
    "too long": token(extra="x" * 9000),
    "empty": "a",
    "not ASCII": "é.é.é",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_forged_or_stale_token_is_refused(face, name):
    response = face.ask(question(), bearer=ATTACKS[name])
    assert response.status_code == 401
    assert response.json["detail"]
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_an_hmac_under_the_public_key_is_refused(face):
    for alg in ("HS256", "HS384", "HS512"):
        pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = hand_made({**GOOD, "alg": alg}, claims()).rpartition(".")[0]
        mac = hmac.new(pem, signed.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
        assert face.ask(question(), bearer=f"{signed}.{jose.b64(mac)}").status_code == 401


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer ", "bearertoken", "DPoP x"])
def test_another_scheme_is_refused(face, authorization):
    response = face.client.post("/access/v1/evaluation", json=question(), headers={"Authorization": authorization})
    assert response.status_code == 401


def test_a_payload_changed_after_signing_is_refused(face):
    head, _, signature = token().split(".")
    changed = jose.b64(json.dumps(claims(iss=REALM, jti="two")).encode())
    assert face.ask(question(), bearer=f"{head}.{changed}.{signature}").status_code == 401


def test_the_leeway_of_clocks_is_five_seconds(face):
    assert face.ask(question(), bearer=token(iat=NOW_S + 5, exp=NOW_S + 65)).status_code == 200
    assert face.ask(question(), bearer=token(iat=NOW_S - 60, exp=NOW_S - 4)).status_code == 200


def test_an_audience_list_that_holds_the_service_is_accepted(face):
    assert face.ask(question(), bearer=token(aud=["http://x.example", "http://127.0.0.1:8181"])).status_code == 200


def test_one_token_is_verified_once_and_only_until_it_expires(face, monkeypatch):
    verified = []
    original = jose.PublicKey.verifies
    monkeypatch.setattr(jose.PublicKey, "verifies", lambda self, *given: verified.append(1) or original(self, *given))
    bearer = token()
    for _ in range(5):
        assert face.ask(question(), bearer=bearer).status_code == 200
    assert len(verified) == 1
    face.clock.pass_s(66)
    assert face.ask(question(), bearer=bearer).status_code == 401


def test_a_refused_token_is_not_remembered_as_good(face):
    forged = token(OTHER_RSA_KEY)
    for _ in range(3):
        assert face.ask(question(), bearer=forged).status_code == 401


# --- realms are apart -----------------------------------------------------------------------------


def test_the_realm_of_the_token_is_the_tenant_whatever_the_body_says(face):
    body = question(issuer=OTHER)
    body["context"]["issuer"] = OTHER
    face.ask(body)
    subject = body["subject"]
    key = SubjectId(subject["type"], subject["id"])
    assert any(rows for rows in face.store.export(REALM, key).values() if isinstance(rows, list))
    assert not any(rows for rows in face.store.export(OTHER, key).values() if isinstance(rows, list))


def test_a_realm_can_not_report_on_another_realms_decision(face):
    decision_id = face.ask(question()).json["context"]["decision_id"]
    outcome = {
        "id": "o-1", "type": "login_succeeded", "decision_id": decision_id, "time": "2026-11-21T08:00:01Z",
        "subject": {"type": "user", "id": question()["subject"]["id"]},
    }  # fmt: skip
    foreign = token(OTHER_RSA_KEY, iss=OTHER)
    assert face.post("/v1/outcomes", {"outcomes": [outcome]}, bearer=foreign).json["accepted"] == ["o-1"]
    assert face.store.decision(OTHER, decision_id) is None
    record = face.store.decision(REALM, decision_id)
    assert record is not None
    assert record.learnable is not None


# --- the realm's keys -----------------------------------------------------------------------------


def test_an_unreachable_realm_is_503_and_says_which(face):
    face.sets[REALM] = OSError("connection refused")
    response = face.ask(question())
    assert response.status_code == 503
    assert REALM in response.json["detail"]
    assert "connection refused" in response.json["detail"]
    assert response.headers["Retry-After"] == "1"
    assert b'dependency_unavailable_total{dependency="jwks"} 1.0' in face.metrics.exposition()[0]


def test_an_unreachable_realm_is_asked_again_after_a_while_only(face):
    face.sets[REALM] = OSError("connection refused")
    for _ in range(5):
        assert face.ask(question()).status_code == 503
    assert len(face.fetched) == 1
    face.clock.pass_s(3)
    face.sets[REALM] = [jwk(RSA_KEY, "rsa")]
    assert face.ask(question()).status_code == 200


def test_keys_that_are_known_outlive_an_unreachable_realm(face):
    assert face.ask(question()).status_code == 200
    face.sets[REALM] = OSError("connection refused")
    face.clock.pass_s(3600)
    assert face.ask(question()).status_code == 200


def test_a_new_key_of_the_realm_is_found_by_its_kid(face):
    assert face.ask(question()).status_code == 200
    face.sets[REALM] = [jwk(RSA_KEY, "rsa"), jwk(OTHER_RSA_KEY, "new")]
    face.clock.pass_s(3)
    now_s = int(face.clock().timestamp())
    fresh = token(OTHER_RSA_KEY, kid="new", iat=now_s, exp=now_s + 60)
    assert face.ask(question(), bearer=fresh).status_code == 200


def test_unknown_kids_do_not_make_the_service_hammer_the_realm(face):
    assert face.ask(question()).status_code == 200
    face.clock.pass_s(3)
    for number in range(50):
        assert face.ask(question(), bearer=token(kid=f"unknown-{number}")).status_code == 401
    assert len(face.fetched) == 2


def test_an_issuer_that_is_not_allowed_is_never_asked_for_keys(face):
    face.ask(question(), bearer=token(iss="http://evil.example/realms/x"))
    assert face.fetched == []


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"},
        jwk(RSA_KEY, "rsa", use="enc"),
        jwk(RSA_KEY, "rsa", alg="RS512"),
        jwk(RSA_KEY, "rsa", alg="HS256"),
        jwk(RSA_KEY, "rsa", d="AQAB"),
        {"kty": "RSA", "kid": "rsa"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa"},
        "nonsense",
    ],
)
def test_a_key_that_can_not_verify_this_signature_is_passed_over(face, entry):
    face.sets[REALM] = [entry, jwk(EC_KEY, "ec")]
    assert face.ask(question(), bearer=token()).status_code == 401
    assert face.ask(question(), bearer=token(EC_KEY, alg="ES256", kid="ec")).status_code == 200


def test_two_keys_of_one_kid_are_both_passed_over(face):
    face.sets[REALM] = [jwk(RSA_KEY, "rsa"), jwk(OTHER_RSA_KEY, "rsa")]
    assert face.ask(question()).status_code == 401
