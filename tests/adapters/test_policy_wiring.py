"""A policy in a running service: what it publishes, how its alarms sound, how long it lets rows live."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from werkzeug.test import Client

from idp_adapter import app, config
from idp_adapter.adapters import policy_file
from idp_adapter.adapters.metrics import Metrics
from tests.adapters.face import make_face, question
from tests.adapters.test_metrics import value
from tests.core.test_policy_schema import VALID

REALM = "http://127.0.0.1:8080/realms/demo"


def settings(tmp_path, **variables):
    given = {"ISSUERS": REALM, "DATA_DIR": str(tmp_path), **variables}
    return config.load(environment={f"IDP_ADAPTER_{name}": item for name, item in given.items()})


def test_what_enforcers_should_do_without_us_is_published_and_a_candidate_is_a_note_of_readiness(tmp_path):
    candidate = tmp_path / "candidate.toml"
    candidate.write_text(VALID, encoding="utf-8")
    service = app.build(settings(tmp_path, SHADOW_POLICY=str(candidate)))
    try:
        client = Client(service)
        metadata = client.get("/.well-known/authzen-configuration").json
        notes = client.get("/readyz").json["dependencies"]["policy"]["notes"]
    finally:
        service.close()
    assert metadata["on_unavailable"] == {"login": "step-up", "refresh": "limit", "machine": "limit"}
    assert any(note.startswith("in the shadow: t 1+") for note in notes)


@pytest.mark.parametrize("several", [False, True], ids=["alone", "among several"])
def test_the_use_of_a_break_glass_account_is_a_warning_that_names_the_account_and_no_person(tmp_path, several):
    policy = tmp_path / "policy.toml"
    asked = question()
    glass = f'[[break_glass]]\nname = "emergency"\nsubject = "{asked["subject"]["id"]}"\n'
    policy.write_text(VALID + glass, encoding="utf-8")
    face = make_face(tmp_path, policy=policy)
    if several:
        (answer,) = face.post("/access/v1/evaluations", {**asked, "evaluations": [{}]}).json["evaluations"]
    else:
        answer = face.ask(asked).json
    decision_id = answer["context"]["decision_id"]
    lines = [json.loads(line) for line in face.log.getvalue().decode().splitlines()]
    alarm = next(line for line in lines if line["event"] == "break_glass")
    assert (alarm["level"], alarm["account"], alarm["decision_id"]) == ("warning", "emergency", decision_id)
    assert asked["subject"]["id"] not in face.log.getvalue().decode()
    assert value(face.metrics, "idp_adapter_break_glass_total", action="login") == 1
    face.store.close()


def test_differences_of_a_shadow_are_counted():
    metrics = Metrics()
    metrics.shadowed("refused")
    assert value(metrics, "idp_adapter_shadow_total", difference="refused") == 1


def test_rows_live_for_the_shorter_of_the_settings_and_the_policy(tmp_path):
    text = VALID + "[retention]\ndecisions_days = 30\noutcomes_days = 3000\n"
    kept = app.retention(settings(tmp_path), policy_file.parse(text, name="t.toml"))
    assert (kept.decisions, kept.outcomes, kept.failures) == tuple(timedelta(days=days) for days in (30, 90, 7))
