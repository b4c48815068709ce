"""The commands about devices: list, rename, remove, and a connector's token."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from idp_adapter import app, config
from idp_adapter.core.types import ComplianceStatus, Device, Outcome, OutcomeType, Posture, SubjectId
from idp_adapter.services.ports import Lesson

REALM = "http://127.0.0.1:8080/realms/demo"
CAROL = SubjectId("user", "carol")
ABOUT = ("--issuer", REALM, "--id", "carol")
OLD = timedelta(days=200)
DASHED = ("--id-1", "-yes")


@pytest.fixture
def now(run):
    """Carol has a trusted key with a posture, an old cookie, and a key that no login confirmed."""
    now = app.now()
    devices = (
        Device("key-1", "key", now - OLD, now, 9, "Firefox/145 on Linux", confirmed=True),
        Device("cookie-1", "cookie", now - OLD, now - OLD, 2, "", confirmed=True),
        Device("key-2", "key", now - OLD, now - OLD, 1, "Chrome/140 on Windows"),
        *(Device(id_, "key", now - OLD, now - OLD, 1, "") for id_ in DASHED),
    )
    with app.opened_store(config.load()) as store:
        outcome = Outcome("o", REALM, OutcomeType.LOGIN_SUCCEEDED, now, subject=CAROL)
        store.teach(Lesson(outcome, devices=devices))
        store.devices.report(REALM, Posture("key-1", "mdm", ComplianceStatus.COMPLIANT, now, now))
    return now


def test_devices_are_listed_with_sight_trust_and_posture(run, now):
    shown = run("subject", "devices", *ABOUT)
    assert shown.exit_code == 0
    assert "key key-1: Firefox/145 on Linux" in shown.output
    assert "cookie cookie-1: no name" in shown.output
    assert "9 times" in shown.output
    assert f"trusted until {(now + timedelta(days=90)).isoformat(timespec='seconds')}\n" in shown.output
    assert "trusted until never confirmed: not trusted" in shown.output
    assert "compliant since" in shown.output
    told = json.loads(run("subject", "devices", *ABOUT, "--json").output)
    assert [item["id"] for item in told] == ["key-1", "cookie-1", *DASHED, "key-2"]
    assert [item["is_trusted"] for item in told] == [True, False, False, False, False]
    assert told[0]["posture"][0]["status"] == "compliant"


def test_a_device_is_renamed_and_removed(run, now):
    assert run("subject", "rename-device", *ABOUT, "key", "key-1", "Laptop").exit_code == 0
    assert "key key-1: Laptop" in run("subject", "devices", *ABOUT).output
    assert "without a name" in run("subject", "rename-device", *ABOUT, "key", "key-1", " ").output
    assert run("subject", "remove-device", *ABOUT, "key", "key-1").exit_code == 0
    assert "key-1" not in run("subject", "devices", *ABOUT).output


@pytest.mark.parametrize("id_", DASHED)
def test_a_device_whose_id_begins_with_a_dash_is_no_option(run, now, id_):
    assert run("subject", "rename-device", *ABOUT, "key", id_, "-Laptop-").exit_code == 0
    assert f"key {id_}: -Laptop-" in run("subject", "devices", *ABOUT).output
    assert run("subject", "remove-device", *ABOUT, "key", id_).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("devices", "--issuer", REALM, "--id", "nobody"),
        ("remove-device", *ABOUT, "key", "key-9"),
        ("rename-device", *ABOUT, "cookie", "key-1", "x"),
    ],
)
def test_what_is_not_there_is_exit_code_5(run, now, command):
    ran = run("subject", *command)
    assert ran.exit_code == 5
    assert ran.output.startswith("Error: ")


def test_a_name_that_the_configuration_would_refuse_gets_no_token(run):
    ran = run("keys", "connector-token", "a|b")
    assert ran.exit_code == 2
    assert "Invalid value for NAME: must be 1 to 32 letters" in ran.output


def test_a_connectors_token_is_shown_with_the_digest_that_the_configuration_holds(run, monkeypatch):
    shown = run("keys", "connector-token", "mdm").output.splitlines()
    token = shown[0].split()[-1]
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert len(token) == 43
    assert shown[1].split()[2].startswith(f"mdm|{digest}|")
    monkeypatch.setenv("IDP_ADAPTER_CONNECTORS", f"mdm|{digest}|{REALM}")
    assert f"posture by      mdm, for {REALM}" in run("check-config").output
    assert token != run("keys", "connector-token", "mdm").output.split()[3]
