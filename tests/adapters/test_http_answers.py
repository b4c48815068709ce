"""Answers: the contract's members, the signed form, outcomes, probes, problems; and the description of it all."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import jwt
import pytest
from openapi_spec_validator import validate

from idp_adapter.adapters.http import api, wire
from idp_adapter.core.types import (
    Decision,
    Evidence,
    Level,
    Obligations,
    Reason,
    Risk,
    SessionFate,
    Unenrolled,
)
from idp_adapter.errors import Unavailable
from tests.adapters.face import CONTRACT, NOW, REALM, SERVICE, make_face, question, token
from tests.support.sealing import changed

JWT = "application/evaluation+jwt"
DECISION = Decision(
    id="d-1",
    txn="t-1",
    permitted=False,
    risk=Risk(
        nats=0.6,
        probability=1 / (1 + math.exp(-0.6)),
        level=Level.HIGH,
        prior_nats=-2.9,
        contributions=(
            Evidence("travel", 3.5, (Reason("travel_impossible", 3.5, {"km": 8450, "h": 1.5}, "new_place"),)),
            Evidence.abstain("keystroke", "telemetry_none", behavioural=True),
        ),
        without_behaviour=0.6,
    ),
    policy_id="default",
    policy_version="1+abc",
    acr_values=("urn:idp-adapter:acr:mfa",),
    obligations=Obligations(60, 600, "urn:idp-adapter:acr:basic", 900, SessionFate.KEEP, 5),
    unenrolled=Unenrolled.DENY,
    reasons=(Reason("rule", 0.0, {"name": "tellers"}),),
)


@pytest.fixture
def face(tmp_path):
    made = make_face(tmp_path)
    yield made
    made.store.close()


# --- the decision ---------------------------------------------------------------------------------


def test_a_decision_is_written_as_the_contracts_fixture_has_it():
    expected = json.loads((CONTRACT / "evaluation-response.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(wire.answer(DECISION))) == expected


def test_what_is_none_is_left_out():
    quiet = replace(DECISION, permitted=True, txn="", acr_values=(), obligations=Obligations(), reasons=())
    context = wire.answer(quiet)["context"]
    assert "txn" not in context
    assert "acr_values" not in context
    assert context["obligations"] == {"session": "keep"}


def test_the_reasons_for_admins_sum_to_the_score(face):
    for ip in ("203.0.113.7", "198.51.100.9"):
        body = question()
        body["context"]["network"]["ip"] = ip
        context = face.ask(body).json["context"]
        nats = sum(reason["nats"] for reason in context["reason_admin"])
        assert 1 / (1 + math.exp(-nats)) == pytest.approx(context["risk"]["score"], abs=1e-4)


def test_reasons_for_users_hold_no_figures():
    assert wire.answer(DECISION)["context"]["reason_user"] == ["new_place"]


# --- the signed form ------------------------------------------------------------------------------


def test_a_signed_answer_verifies_with_the_published_key_and_holds_the_plain_one(face):
    response = face.ask(question(), Accept=JWT)
    assert response.status_code == 200
    assert response.content_type == JWT
    assert response.headers["Vary"] == "Accept"
    signed = response.get_data(as_text=True)
    header = jwt.get_unverified_header(signed)
    assert (header["typ"], header["alg"]) == ("evaluation+jwt", "ES256")
    published = {key["kid"]: key for key in face.client.get("/.well-known/jwks.json").json["keys"]}
    claims = jwt.decode(
        signed,
        jwt.PyJWK(published[header["kid"]]),
        algorithms=["ES256"],
        audience=REALM,
        issuer=SERVICE,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["txn"] == question()["context"]["txn"]
    assert claims["iat"] == int(NOW.timestamp())
    assert 0 < claims["exp"] - claims["iat"] <= 60
    assert claims["evaluation"]["decision"] is True
    assert claims["evaluation"]["context"]["txn"] == claims["txn"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html", "application/json"),
        (f"{JWT};q=0", "application/json"),
        (f"application/json;q=0.5, {JWT}", JWT),
        (f"application/json, {JWT};q=0.5", "application/json"),
    ],
)
def test_the_accept_header_chooses_the_form(face, accept, media_type):
    assert face.ask(question(), Accept=accept).content_type == media_type


def test_a_signed_boxcar_holds_all_answers(face):
    body = {**question(), "evaluations": [{}, {}]}
    signed = face.post("/access/v1/evaluations", body, Accept=JWT).get_data(as_text=True)
    claims = jwt.decode(signed, options={"verify_signature": False})
    assert len(claims["evaluation"]["evaluations"]) == 2


def test_each_decision_of_a_boxcar_is_logged_and_measured(face):
    context = {**question()["context"], "telemetry_dropped": True}
    answered = face.post("/access/v1/evaluations", {**question(), "evaluations": [{}, {"context": context}, 7]})
    lines = [json.loads(line) for line in face.log.getvalue().splitlines()]
    logged = [line["decision_id"] for line in lines if line["event"] == "decided"]
    assert logged == [item["context"]["decision_id"] for item in answered.json["evaluations"][:2]]
    exposed = face.client.get("/metrics").data
    assert b'idp_adapter_decision_seconds_count{action="login"} 2.0' in exposed
    assert b'idp_adapter_telemetry_rejected_total{reason="dropped"} 1.0' in exposed


def test_a_question_of_a_boxcar_that_can_not_be_stored_loses_itself_only(face):
    unfit = {"type": "user", "id": "\u9577" * 256}
    answered = face.post("/access/v1/evaluations", {**question(), "evaluations": [{}, {"subject": unfit}, {}]})
    assert answered.status_code == 200
    (_, refused, _) = answered.json["evaluations"]
    assert refused["context"]["error"] == {"status": 400, "message": "`subject.id` is over 512 bytes"}
    assert not refused["decision"]


def test_the_published_keys_have_no_private_part(face):
    for key in face.client.get("/.well-known/jwks.json").json["keys"]:
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


# --- outcomes -------------------------------------------------------------------------------------


def outcome(id_="o-1", **changes):
    good = {
        "id": id_, "type": "login_succeeded", "time": "2026-11-21T08:00:02Z", "subject": {"type": "user", "id": "u"}
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def report(face, *outcomes):
    return face.post("/v1/outcomes", {"outcomes": list(outcomes)})


def test_outcomes_are_accepted_once(face):
    assert report(face, outcome()).json == {"accepted": ["o-1"], "duplicate": [], "rejected": []}
    assert report(face, outcome()).json == {"accepted": [], "duplicate": ["o-1"], "rejected": []}


def test_the_contracts_outcomes_are_accepted(face):
    batch = json.loads((CONTRACT / "outcomes-request.json").read_text(encoding="utf-8"))
    response = face.post("/v1/outcomes", batch)
    assert response.status_code == 200
    assert response.json["rejected"] == []
    assert len(response.json["accepted"]) == len(batch["outcomes"])


def test_one_bad_outcome_loses_itself_only(face):
    response = report(face, outcome("a"), outcome("b", type="whatever"), 7, outcome(None), outcome("c"), outcome("a"))
    assert response.status_code == 200
    assert response.json["accepted"] == ["a", "c"]
    assert response.json["duplicate"] == ["a"]
    assert [item["index"] for item in response.json["rejected"]] == [1, 2, 3]
    assert "`outcomes[1].type`" in response.json["rejected"][0]["reason"]


def test_an_outcome_that_can_not_be_stored_loses_itself_only(face):
    unfit = outcome("b", subject={"type": "user", "id": "\u9577" * 256})
    response = report(face, outcome("a"), unfit, outcome("c"))
    assert (response.status_code, response.json["accepted"]) == (200, ["a", "c"])
    (rejected,) = response.json["rejected"]
    assert (rejected["index"], rejected["id"]) == (1, "b")
    assert "`subject.id` is over 512 bytes" in rejected["reason"]


def test_an_outcome_of_a_decision_that_can_not_be_read_is_stored_and_loses_no_other(face):
    decision_id = face.ask(question()).json["context"]["decision_id"]
    changed(face.store, "UPDATE decision SET evidence = 'not JSON'")
    subject = question()["subject"]
    response = report(face, outcome("a", decision_id=decision_id, subject=subject), outcome("b"))
    assert response.json == {"accepted": ["a", "b"], "duplicate": [], "rejected": []}
    assert report(face, outcome("a")).json["duplicate"] == ["a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"time": None},
        {"time": "soon"},
        {"type": None},
        {"subject": "u"},
        {"subject": {"type": "user"}},
        {"resource": {"type": "oidc_client"}},
        {"methods": [7]},
        {"network": {"ip": 7}},
        {"decision_id": 7},
        {"id": "x" * 129},
        {"telemetry": {"v": 1}},
        {"telemetry_challenge": 7},
        {"telemetry_challenge": "c" * 513},
        {"type": "takeover_reported", "subject": None},
    ],
)
def test_a_bad_outcome_is_rejected_with_a_reason(face, changes):
    (rejected,) = report(face, outcome(**changes)).json["rejected"]
    assert "`outcomes[0]." in rejected["reason"]


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"outcomes": {}}, 400), ({"outcomes": [{}] * 101}, 413)])
def test_a_batch_of_the_wrong_shape_is_refused_whole(face, body, status):
    assert face.post("/v1/outcomes", body).status_code == status


def test_a_reported_takeover_is_taken_once_counted_and_logged_without_whose_it_is(face):
    takeover = outcome("case of u-4711", type="takeover_reported", subject={"type": "user", "id": "u-4711"})
    assert report(face, takeover).json["accepted"] == ["case of u-4711"]
    assert report(face, takeover).json["duplicate"] == ["case of u-4711"]
    lines = [json.loads(line) for line in face.log.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "rolled_back"]
    assert (line["issuer"], line["level"]) == (REALM, "warning")
    assert b"u-4711" not in face.log.getvalue()
    assert b'idp_adapter_rolled_back_total{what="reports"} 1.0' in face.client.get("/metrics").data


def test_outcomes_need_a_caller(face):
    assert face.post("/v1/outcomes", {"outcomes": []}, bearer=None).status_code == 401


def test_an_address_in_an_outcome_is_stored_as_a_pseudonym_only(face):
    report(face, outcome(type="login_failed", network={"ip": "198.51.100.23"}))
    files = [path.read_bytes() for path in face.folder.folder.parent.glob("risk.sqlite3*")]
    assert files
    assert not any(b"198.51.100" in data for data in files)


# --- failures -------------------------------------------------------------------------------------


class Fails:
    def __init__(self, error):
        self.error = error

    def decide(self, request, *, now, decision_id):
        raise self.error

    def report(self, outcome, *, now):
        raise self.error


def broken(face, error):
    parts = replace(face.parts, decider=Fails(error), reporter=Fails(error))
    return replace(face, client=api.create(parts).test_client())


def test_a_dependency_that_does_not_answer_is_503_and_counted(face):
    response = broken(face, Unavailable("database", "the database did not answer in 200 ms")).ask(question())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert "200 ms" in response.json["detail"]
    assert b'dependency_unavailable_total{dependency="database"} 1.0' in face.metrics.exposition()[0]


def test_a_dependency_that_fails_in_a_boxcar_fails_it_whole_rather_than_deny(face):
    failing = broken(face, Unavailable("database", "gone"))
    assert failing.post("/access/v1/evaluations", {**question(), "evaluations": [{}]}).status_code == 503


def test_an_unforeseen_failure_tells_the_caller_nothing_and_the_log_where(face):
    response = broken(face, ValueError("secret-value 203.0.113.7")).ask(question())
    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert "secret" not in response.get_data(as_text=True)
    assert "Traceback" not in response.get_data(as_text=True)
    lines = [json.loads(line) for line in face.log.getvalue().splitlines()]
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert failed["error"] == "ValueError"
    assert failed["request_id"] == response.json["request_id"]
    assert any("api.py:" in where for where in failed["where"])
    assert b"secret" not in face.log.getvalue()


# --- probes ---------------------------------------------------------------------------------------


def test_liveness_needs_nothing(face):
    assert face.client.get("/livez").json == {"live": True}
    assert face.client.head("/livez").status_code == 200


def test_readiness_gives_a_reason_per_dependency(face):
    states = (api.Dependency("database", problem="gone"), api.Dependency("geoip", notes=("no file",)))
    client = api.create(replace(face.parts, dependencies=lambda: states)).test_client()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json == {
        "ready": False,
        "dependencies": {
            "database": {"ready": False, "problem": "gone"},
            "geoip": {"ready": True, "notes": ["no file"]},
        },
    }


def test_notes_leave_the_service_ready(face):
    states = (api.Dependency("geoip", notes=("no file",)),)
    client = api.create(replace(face.parts, dependencies=lambda: states)).test_client()
    assert client.get("/readyz").status_code == 200


# --- every answer ---------------------------------------------------------------------------------


def test_every_answer_carries_security_headers(face):
    for response in (face.client.get("/livez"), face.client.get("/nowhere"), face.ask(question()), face.ask([])):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Server" not in response.headers


@pytest.mark.parametrize("path", ["/", "/nowhere", "//livez", "/access/v1/evaluation/", "/v1/../livez", "/static/x"])
def test_a_path_that_is_not_there_is_a_problem(face, path):
    response = face.client.get(path)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.json["status"] == 404


def test_options_says_what_is_allowed(face):
    response = face.client.options("/access/v1/evaluation")
    assert response.status_code == 204
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert response.data == b""


# --- the description ------------------------------------------------------------------------------


def described(face):
    return face.client.get("/openapi.json").json


def test_the_description_is_valid_openapi(face):
    validate(described(face))


def test_the_description_has_every_route_and_no_other(face):
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in face.client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    paths = {(path, method) for path, item in described(face)["paths"].items() for method in item}
    assert paths == routes


def test_answers_are_as_described(face):
    import jsonschema

    description = described(face)

    def check(name, instance):
        schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
        jsonschema.Draft202012Validator(schema).validate(instance)

    check("Question", question())
    check("Answer", face.ask(question()).json)
    check("Answer", wire.answer(DECISION))
    check("Answers", face.post("/access/v1/evaluations", {**question(), "evaluations": [{}, 7]}).json)
    check("OutcomeSummary", report(face, outcome(), 7).json)
    check("Problem", face.ask([]).json)
    check("Problem", face.ask(question(), bearer=token(kid="x")).json)
    check("Readiness", face.client.get("/readyz").json)
