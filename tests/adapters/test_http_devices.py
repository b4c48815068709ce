"""Devices over HTTP: connectors report posture for their own realms alone; a realm sees its own subjects' devices."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from idp_adapter.adapters.http.connectors import Connectors
from idp_adapter.config import Connector
from idp_adapter.core.types import Device, Outcome, OutcomeType, SubjectId
from idp_adapter.errors import CallerUnauthenticated
from idp_adapter.services.ports import HistoryQuery, Lesson
from tests.adapters.face import EDR, MDM, NOW, OTHER, REALM, make_face, token

ALICE = SubjectId("user", "alice")
KEY = "k" * 43
GOOD = {"issuer": REALM, "status": "compliant"}


@pytest.fixture
def face(tmp_path):
    """Alice has a key in each of two realms."""
    made = make_face(tmp_path)
    for issuer, id_ in ((REALM, KEY), (OTHER, "o" * 43)):
        devices = (Device(id_, "key", NOW, NOW, 1, "Firefox/145 on Linux", True),)
        made.store.teach(Lesson(Outcome("o", issuer, OutcomeType.LOGIN_SUCCEEDED, NOW, subject=ALICE), devices=devices))
    yield made
    made.store.close()


def put(face, body=GOOD, *, id_=KEY, bearer=MDM, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    if bearer is not None:
        sent["Authorization"] = f"Bearer {bearer}"
    return face.client.put(f"/v1/devices/{id_}/posture", data=data, headers=sent)


def stored(face, issuer=REALM, id_=KEY):
    return face.store.load(HistoryQuery(issuer, ALICE, None, NOW, device_ids=(id_,))).postures


def test_a_report_is_stored_under_the_connectors_name(face):
    answer = put(face, {**GOOD, "status": "not-compliant", "time": "2026-11-21T07:59:00Z", "ticket": 7})
    assert (answer.status_code, answer.json) == (200, {"stored": True})
    found = stored(face)[0]
    assert (found.source, found.status, found.seen) == ("mdm", "not-compliant", NOW - timedelta(minutes=1))


def test_a_repeated_or_replayed_report_is_taken_and_changes_nothing(face):
    bad = {**GOOD, "status": "not-compliant", "time": "2026-11-21T07:59:00Z"}
    assert put(face, bad).json == {"stored": True}
    assert put(face, {**GOOD, "time": "2026-11-21T07:58:00Z"}).json == {"stored": False}
    assert put(face, bad).json == {"stored": False}
    assert stored(face)[0].status == "not-compliant"


@pytest.mark.parametrize(
    ("bearer", "issuer", "status"),
    [
        (MDM, OTHER, 403),
        (EDR, REALM, 403),
        (MDM, "https://elsewhere.example/realms/x", 403),
        ("x" * 43, REALM, 401),
        ("", REALM, 401),
        ("x" * 600, REALM, 401),
        (hashlib.sha256(MDM.encode()).hexdigest(), REALM, 401),
        (None, REALM, 401),
    ],
)
def test_a_token_writes_for_its_own_realms_alone(face, bearer, issuer, status):
    for id_ in (KEY, "o" * 43):
        answer = put(face, {**GOOD, "issuer": issuer}, id_=id_, bearer=bearer)
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
    assert stored(face) == stored(face, OTHER, "o" * 43) == ()


def test_a_realms_own_token_reports_no_posture_and_a_connectors_reads_no_device(face):
    assert put(face, bearer=token()).status_code == 401
    answer = face.client.get("/v1/subjects/user/alice/devices", headers={"Authorization": f"Bearer {MDM}"})
    assert answer.status_code == 401


def test_another_realms_device_is_refused_as_if_there_were_none(face):
    for id_ in ("o" * 43, "z" * 43):
        answer = put(face, id_=id_)
        assert (answer.status_code, answer.json["type"]) == (404, "urn:idp-adapter:problem:not_found")
        assert id_ not in answer.text


@pytest.mark.parametrize("id_", ["a b", "%27%20OR%201=1", "..%2f..%2fetc", "x" * 129, "%F0%9F%99%82", "a%00b", "key.1"])
def test_an_id_that_is_none_is_refused(face, id_):
    assert put(face, id_=id_).status_code in (400, 404)
    assert stored(face) == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "compliant"}, 400),
        ({"issuer": REALM}, 400),
        ({**GOOD, "status": "COMPLIANT"}, 400),
        ({**GOOD, "status": None}, 400),
        ({**GOOD, "time": "yesterday"}, 400),
        ({**GOOD, "time": "2026-11-21T08:06:00Z"}, 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"issuer": "a", "issuer": "b"}', 400),
        (b" " * 70_000, 413),
    ],
)
def test_a_report_that_is_none_is_a_problem_and_nothing_is_stored(face, body, status):
    answer = put(face, body)
    assert answer.status_code == status
    assert stored(face) == ()


def test_a_body_that_is_not_json_is_refused(face):
    assert put(face, **{"Content-Type": "text/plain"}).status_code == 415


def test_a_report_from_a_clock_a_little_ahead_is_taken(face):
    assert put(face, {**GOOD, "time": "2026-11-21T08:04:00Z"}).json == {"stored": True}


def test_no_token_and_no_device_is_ever_logged(face):
    put(face)
    put(face, bearer="x" * 43)
    log = face.log.getvalue().decode()
    assert log
    assert not any(secret in log for secret in (MDM, "x" * 43, KEY, "alice"))


def test_a_connector_is_known_by_its_token_wherever_it_stands_in_the_list():
    one, two = (Connector(name, hashlib.sha256(name.encode()).hexdigest(), frozenset()) for name in ("one", "two"))
    for order in ((one, two), (two, one)):
        assert Connectors(order).authenticate("Bearer two") == two
    with pytest.raises(CallerUnauthenticated):
        Connectors(()).authenticate("Bearer two")
    with pytest.raises(CallerUnauthenticated):
        Connectors((one,)).authenticate("Basic b25lOm9uZQ==")


# --- the list ---------------------------------------------------------------------------------------------


def ask(face, method="get", path="/v1/subjects/user/alice/devices", **claims):
    return getattr(face.client, method)(path, headers={"Authorization": f"Bearer {token(**claims)}"})


def test_a_realm_lists_its_subjects_devices_with_trust_and_posture(face):
    put(face)
    listed = ask(face).json["devices"]
    assert [(item["kind"], item["id"], item["is_trusted"]) for item in listed] == [("key", KEY, True)]
    assert listed[0]["trusted_until"] == "2027-02-19T08:00:00+00:00"
    assert listed[0]["posture"] == [
        {"source": "mdm", "status": "compliant", "since": NOW.isoformat(), "time": NOW.isoformat()}
    ]
    assert ask(face, path="/v1/subjects/user/nobody/devices").json == {"devices": []}


def test_a_realm_removes_its_own_subjects_devices_alone(face):
    path = "/v1/subjects/user/alice/devices/key/"
    assert ask(face, "delete", path + "o" * 43).status_code == 404
    assert ask(face, "delete", "/v1/subjects/user/bob/devices/key/" + KEY).status_code == 404
    assert ask(face, "delete", path + "a%20b").status_code == 400
    assert face.client.delete(path + KEY).status_code == 401
    assert ask(face, "delete", path + KEY).status_code == 204
    assert ask(face).json == {"devices": []}
    assert len(face.store.devices.devices(OTHER, ALICE)) == 1
