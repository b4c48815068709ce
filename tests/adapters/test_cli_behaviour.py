"""`idp-adapter behaviour fit`: from stored profiles of those who agreed to a file that the service starts with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter import app, config
from idp_adapter.core.evidence import any_text
from idp_adapter.core.types import Outcome, OutcomeType, SubjectId
from idp_adapter.core.types.facts import Facts
from idp_adapter.errors import Invalid
from idp_adapter.services.ports import Lesson
from tests.core import typists
from tests.core.builders import template
from tests.support.records import record

REALM = "http://127.0.0.1:8080/realms/demo"


@pytest.fixture
def place(tmp_path, monkeypatch, run):
    """Settings whose policy says who agreed."""
    shipped = (config.Path(app.__file__).parent / "policies" / "default.toml").read_text("utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(shipped.replace("background_groups = []", 'background_groups = ["/givers"]'), "utf-8")
    monkeypatch.setenv("IDP_ADAPTER_POLICY", str(policy))
    return tmp_path


def stored(people: int) -> None:
    """Subjects with a profile; all but two agreed: one never did, one is exempt by now."""
    now = app.now()
    with app.opened_store(config.load()) as store:
        for i, profile in enumerate(typists.profiles(202)[:people]):
            subject = SubjectId("user", f"s{i:03}")
            facts = Facts("login", REALM, "spa", subject, is_volunteer=i != 1, is_exempt=i == 1)
            login = record(f"d{i}", issuer=REALM, subject=subject, time=now)
            store.record(replace(login, facts=facts, learnable=None))
            told = Outcome(f"o{i}", REALM, OutcomeType.LOGIN_SUCCEEDED, now, subject=subject)
            store.teach(Lesson(told, templates={"any_text/otp//en": template(any_text.to_bytes(profile))}))
        login = record("later", issuer=REALM, subject=SubjectId("user", "s002"), time=now + timedelta(seconds=1))
        store.record(replace(login, facts=None, learnable=None))


def test_those_who_agreed_make_a_file_that_the_service_starts_with(place, monkeypatch, run):
    stored(202)
    out = place / "texts.json"
    result = run("behaviour", "fit", "--model", "any-text", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{out}: any-text of 200 subjects, made ")
    assert "200 of 200 subjects read" in result.stderr
    written = out.read_text("utf-8")
    assert not any(f"s{i:03}" in written for i in range(202))
    assert json.loads(written)["provenance"]["realms"] == [REALM]

    monkeypatch.setenv("IDP_ADAPTER_ANY_TEXT_BACKGROUND", str(out))
    assert "background      any-text of 200 subjects" in run("check-config").output
    service = app.build(config.load())
    try:
        answer = service.wsgi(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/readyz", "SERVER_NAME": "x", "SERVER_PORT": "80"}
            | {"wsgi.url_scheme": "http", "wsgi.input": None, "wsgi.errors": None},
            lambda status, headers: None,
        )
        assert b"any-text: of 200 subjects" in b"".join(answer)
    finally:
        service.close()

    out.write_text(written.replace("0.1", "0.2", 1), "utf-8")
    assert run("check-config").exit_code == 2
    with pytest.raises(Invalid, match="was changed or damaged"):
        app.build(config.load())


def test_below_two_hundred_it_refuses_in_one_sentence_and_writes_nothing(place, run):
    stored(5)
    for model in ("any-text", "pointer"):
        result = run("behaviour", "fit", "--model", model, "--out", str(place / "out.json"))
        assert result.exit_code == 5
        assert "a background needs 200 subjects who agreed" in result.output
    assert not (place / "out.json").exists()


def test_a_policy_under_which_nobody_agreed_is_told_so(place, monkeypatch, run):
    monkeypatch.delenv("IDP_ADAPTER_POLICY")
    result = run("behaviour", "fit", "--model", "pointer", "--out", str(place / "out.json"))
    assert result.exit_code == 5
    assert "behaviour.background_groups" in result.output


def test_a_realm_that_is_not_served_is_refused(place, run):
    result = run("behaviour", "fit", "--model", "pointer", "--out", str(place / "x"), "--realm", "http://x/realms/y")
    assert result.exit_code == 5
    assert "none of the realms" in result.output
