"""The AuthZEN conformance cases for an evaluation endpoint, by name, on real services and a real store."""

from __future__ import annotations

import pytest

from idp_adapter.core.types import SubjectId
from tests.adapters.face import CONTRACT, REALM, make_face

ALICE = {"type": "user", "id": "alice"}
BOB = {"type": "user", "id": "bob"}
READ = {"name": "read"}
WRITE = {"name": "write"}
RECORD_1 = {"type": "record", "id": "record-1"}
RECORD_2 = {"type": "record", "id": "record-2"}


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    made = make_face(tmp_path_factory.mktemp("authzen"), policy=CONTRACT / "authzen-policy.toml")
    yield made
    made.store.close()


def body(subject=ALICE, action=READ, resource=RECORD_1, **more):
    return {"subject": subject, "action": action, "resource": resource, **more}


def without(member, of=None):
    whole = body()
    if of is None:
        return {name: value for name, value in whole.items() if name != member}
    whole[of] = {name: value for name, value in whole[of].items() if name != member}
    return whole


PERMITS = {
    "permit_fixture": body(),
    "permit_write_of_alice": body(action=WRITE),
    "permit_read_of_bob": body(subject=BOB),
    "optional_context_absent": body(),
    "optional_context_empty": body(context={}),
    "optional_context_with_members": body(
        context={"time": "2026-11-21T08:00-07:00", "ip": {"v": [1]}, "channel": "web"}
    ),
    "additional_subject_properties": body(subject={**ALICE, "properties": {"department": "Sales", "deep": {"a": [1]}}}),
    "additional_resource_properties": body(resource={**RECORD_1, "properties": {"owner": "alice", "tags": ["a", "b"]}}),
    "additional_action_properties": body(action={**READ, "properties": {"method": "GET", "dry": True}}),
    "unknown_top_level_field_ignored": body(extra={"a": 1}),
    "unknown_subject_field_ignored": body(subject={**ALICE, "extra": "x"}),
    "unknown_resource_field_ignored": body(resource={**RECORD_1, "extra": "x"}),
    "unknown_action_field_ignored": body(action={**READ, "extra": "x"}),
}
DENIES = {
    "deny_fixture": body(subject=BOB, action=WRITE),
    "deny_on_resource": body(subject=BOB, resource=RECORD_2),
    "deny_on_resource_properties": body(action=WRITE, resource={**RECORD_1, "properties": {"archived": True}}),
    "deny_on_subject_properties": body(subject={**ALICE, "properties": {"status": "suspended"}}),
    "deny_on_action_properties": body(action={**READ, "properties": {"method": "force"}}),
}
REFUSED = {
    "missing_subject": without("subject"),
    "missing_action": without("action"),
    "missing_resource": without("resource"),
    "missing_subject_type": without("type", of="subject"),
    "missing_subject_id": without("id", of="subject"),
    "missing_resource_type": without("type", of="resource"),
    "missing_resource_id": without("id", of="resource"),
    "missing_action_name": without("name", of="action"),
    "subject_is_a_string": body(subject="alice"),
    "action_name_is_a_number": body(action={"name": 7}),
    "top_level_array": [body()],
    "malformed_json": b'{"subject": {"type": "user"',
    "empty_body": b"",
}


@pytest.mark.parametrize("case", PERMITS)
def test_permits(face, case):
    response = face.ask(PERMITS[case])
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.json["decision"] is True


@pytest.mark.parametrize("case", DENIES)
def test_denies_with_200(face, case):
    response = face.ask(DENIES[case])
    assert response.status_code == 200
    assert response.json["decision"] is False


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_400(face, case):
    response = face.ask(REFUSED[case])
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert "decision" not in response.json
    assert response.json["detail"]
    assert response.json["hint"]


def test_the_refusal_names_the_member_at_fault(face):
    assert "`subject.id`" in face.ask(without("id", of="subject")).json["detail"]
    assert "`action.name`" in face.ask(body(action={"name": 7})).json["detail"]


def test_echoes_the_request_id(face):
    assert face.ask(body(), X_Request_ID="bfe9eb29-ab87-4ca3-be83-a1d5d8305716").headers["X-Request-ID"] == (
        "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"
    )


def test_echoes_the_request_id_on_refusals_too(face):
    response = face.ask([], X_Request_ID="abc")
    assert response.headers["X-Request-ID"] == response.json["request_id"] == "abc"


def test_makes_a_request_id_where_none_or_a_bad_one_came(face):
    for sent in ("", "two words", "x" * 200, "<script>"):
        made = face.ask(body(), X_Request_ID=sent).headers["X-Request-ID"]
        assert made != sent
        assert made.startswith("id-")


@pytest.mark.parametrize("subject", [ALICE, BOB], ids=["permit", "deny"])
def test_idempotency_the_same_question_has_the_same_answer(face, subject):
    answers = {face.ask(body(subject=subject, action=WRITE)).json["decision"] for _ in range(5)}
    assert len(answers) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_rejected(face, method):
    response = face.client.open("/access/v1/evaluation", method=method)
    assert response.status_code == 405
    assert response.content_type == "application/problem+json"
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_content_type_that_is_not_json_is_rejected(face, media_type):
    assert face.ask(body(), Content_Type=media_type).status_code == 415


@pytest.mark.parametrize("parameters", ["; charset=utf-8", ";charset=UTF-8", '; charset="utf-8"'])
def test_a_content_type_with_charset_is_accepted(face, parameters):
    assert face.ask(body(), Content_Type=f"application/json{parameters}").status_code == 200


def test_401_without_credentials(face):
    response = face.ask(body(), bearer=None)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="idp-adapter"'


def test_401_with_bad_credentials(face):
    response = face.ask(body(), bearer="not-a-token")
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_nothing_is_evaluated_or_stored_for_a_refused_request(face):
    before = face.metrics.exposition()[0].count(b"idp_adapter_decisions_total{")
    for case in REFUSED.values():
        face.ask(case)
    face.ask(body(subject={"type": "user", "id": "mallory"}), bearer=None)
    assert face.metrics.exposition()[0].count(b"idp_adapter_decisions_total{") == before
    stored = face.store.export(REALM, SubjectId("user", "mallory"))
    assert not any(rows for rows in stored.values() if isinstance(rows, list))


# --- several at once ------------------------------------------------------------------------------


def several(face, body_):
    return face.post("/access/v1/evaluations", body_)


def decisions(response):
    assert response.status_code == 200, response.json
    return [item["decision"] for item in response.json["evaluations"]]


def test_a_boxcar_answers_each_question_in_order_with_defaults(face):
    response = several(face, {
        "subject": BOB, "action": READ,
        "evaluations": [{"resource": RECORD_1}, {"resource": RECORD_2}, {"resource": RECORD_1, "action": WRITE}],
    })  # fmt: skip
    assert decisions(response) == [True, False, False]


def test_a_boxcar_item_replaces_a_default_whole(face):
    response = several(face, {
        "subject": {**ALICE, "properties": {"status": "suspended"}}, "action": READ, "resource": RECORD_1,
        "evaluations": [{}, {"subject": ALICE}],
    })  # fmt: skip
    assert decisions(response) == [False, True]


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_a_boxcar_stops_as_its_semantic_says(face, semantic, expected):
    items = [{"subject": ALICE}, {"subject": BOB}, {"subject": ALICE}, {"subject": BOB}]
    response = several(face, {
        "action": WRITE, "resource": RECORD_1, "evaluations": items, "options": {"evaluations_semantic": semantic}
    })  # fmt: skip
    assert decisions(response) == expected


def test_permit_on_first_permit_goes_past_denials(face):
    response = several(face, {
        "action": WRITE, "resource": RECORD_1, "evaluations": [{"subject": BOB}, {"subject": ALICE}, {"subject": BOB}],
        "options": {"evaluations_semantic": "permit_on_first_permit"},
    })  # fmt: skip
    assert decisions(response) == [False, True]


def test_a_bad_item_of_a_boxcar_is_a_denial_that_says_why_and_spares_the_others(face):
    response = several(face, {
        "subject": ALICE, "action": READ,
        "evaluations": [{"resource": RECORD_1}, {"resource": {"type": "record"}}, 7, {"resource": RECORD_2}],
    })  # fmt: skip
    assert decisions(response) == [True, False, False, True]
    error = response.json["evaluations"][1]["context"]["error"]
    assert error["status"] == 400
    assert "`evaluations[1].resource.id`" in error["message"]


@pytest.mark.parametrize("items", [{}, {"evaluations": []}, {"evaluations": None}], ids=["absent", "empty", "null"])
def test_a_boxcar_without_items_is_one_evaluation(face, items):
    response = several(face, body(**items))
    assert response.status_code == 200
    assert response.json["decision"] is True


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"evaluations": {}}, 400),
        ({"evaluations": [{}] * 51}, 413),
        ({"evaluations": [{}], "options": {"evaluations_semantic": "whatever"}}, 400),
        ({"evaluations": [{}], "options": []}, 400),
    ],
)
def test_a_boxcar_of_the_wrong_shape_is_refused_whole(face, changes, status):
    assert several(face, body(**changes)).status_code == status


# --- metadata -------------------------------------------------------------------------------------


def test_the_metadata_names_endpoints_that_are_there(face):
    configuration = face.client.get("/.well-known/authzen-configuration").json
    assert configuration["policy_decision_point"] == "http://127.0.0.1:8181"
    for name in ("access_evaluation_endpoint", "access_evaluations_endpoint", "outcomes_endpoint"):
        path = configuration[name].removeprefix("http://127.0.0.1:8181")
        assert face.client.get(path).status_code == 405
    assert face.client.get("/.well-known/jwks.json").status_code == 200
