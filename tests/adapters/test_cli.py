"""The command line: one sentence per error, an exit code for each kind."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from base64 import b64encode
from pathlib import Path

import pytest
from werkzeug.test import Client

from idp_adapter import app, config
from idp_adapter.adapters.http import wire
from idp_adapter.adapters.sealing_keys import TemplateKeyFolder
from idp_adapter.adapters.sql import SqlStore
from idp_adapter.core.types import SubjectId
from tests.adapters.face import CONTRACT, question
from tests.support.sealing import TEMPLATE, lesson

DEFAULT_POLICY = Path(app.__file__).parent / "policies" / "default.toml"


def test_help_names_every_command(run):
    shown = run("--help").output
    for command in ("serve", "check-config", "policy", "keys", "subject"):
        assert command in shown
    for command in ("rotate", "rotate-templates", "retire-templates", "forget-templates"):
        assert command in run("keys", "--help").output


def test_check_config_says_what_it_read_and_makes_nothing(run, tmp_path):
    ran = run("check-config")
    assert ran.exit_code == 0
    assert "http://127.0.0.1:8080/realms/demo" in ran.output
    assert "valid" in ran.output
    assert not (tmp_path / "data").exists()


def test_check_config_reads_the_shadow_policy_and_the_feeds_as_the_service_will(run, tmp_path, monkeypatch):
    candidate, feed = tmp_path / "candidate.toml", tmp_path / "tor.txt"
    candidate.write_text(DEFAULT_POLICY.read_text(encoding="utf-8").replace('id = "default"', 'id = "next"'), "utf-8")
    monkeypatch.setenv("IDP_ADAPTER_SHADOW_POLICY", str(candidate))
    monkeypatch.setenv("IDP_ADAPTER_FEED_TOR", str(feed))
    shown = run("check-config").output
    assert "in the shadow   next 2+" in shown
    assert f"network feed    tor: {feed}" in shown
    assert "note            " in shown.split("network feed")[1], "the file is not there"
    candidate.write_text("id = 1", encoding="utf-8")
    assert run("check-config").exit_code == 2


def test_check_config_says_how_long_rows_live_under_settings_and_policy_together(run, tmp_path, monkeypatch):
    policy = tmp_path / "policy.toml"
    policy.write_text(DEFAULT_POLICY.read_text(encoding="utf-8") + "\n[retention]\ndecisions_days = 30\n", "utf-8")
    monkeypatch.setenv("IDP_ADAPTER_POLICY", str(policy))
    monkeypatch.setenv("IDP_ADAPTER_RETENTION_OUTCOMES_DAYS", "20")
    assert "decisions 30, outcomes 20, failures 7" in run("check-config").output


def test_a_data_folder_that_can_not_be_made_is_said_in_one_sentence(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IDP_ADAPTER_DATA_DIR", str(tmp_path / "file" / "data"))
    ran = run("subject", "show", *about("carol"))
    assert ran.exit_code == 3
    assert ran.output.startswith("Error: the data folder ")
    assert ran.output.endswith("Name a folder that this user may write, by IDP_ADAPTER_DATA_DIR.\n")


def test_bad_settings_are_all_named_with_exit_code_2(run, monkeypatch):
    monkeypatch.setenv("IDP_ADAPTER_THREADS", "many")
    monkeypatch.setenv("IDP_ADAPTER_BIND", "x")
    for command in ("check-config", "serve"):
        ran = run(command)
        assert ran.exit_code == 2
        assert "IDP_ADAPTER_THREADS" in ran.output
        assert "IDP_ADAPTER_BIND" in ran.output
        assert "Traceback" not in ran.output


def test_a_good_policy_is_named_with_its_version(run):
    ran = run("policy", "check", DEFAULT_POLICY)
    assert ran.exit_code == 0
    assert "is valid" in ran.output


def test_a_bad_policy_is_named_with_its_lines(run, tmp_path):
    bad = tmp_path / "policy.toml"
    bad.write_text(DEFAULT_POLICY.read_text(encoding="utf-8").replace("high = 0.10", 'high = "x"'), encoding="utf-8")
    ran = run("policy", "check", bad)
    assert ran.exit_code == 2
    assert "line " in ran.output
    assert run("policy", "check", tmp_path / "nowhere.toml").exit_code == 2


def test_explain_lists_contributions_that_sum_to_the_score(run):
    ran = run("policy", "explain", DEFAULT_POLICY, CONTRACT / "evaluation-request.json")
    assert ran.exit_code == 0
    table = ran.output.split("reason\n")[1].split("\n\n")[0].splitlines()
    *parts, total = [
        float(line.split()[0]) for line in table if line.strip()[0] in "+-0123456789" and "  -   " not in line
    ]
    assert sum(parts) == pytest.approx(total, abs=0.01)
    assert "abstains" in ran.output


def test_explain_says_that_roles_could_not_all_be_told(run, tmp_path):
    asked = json.loads((CONTRACT / "evaluation-request.json").read_text("utf-8"))
    asked["subject"]["properties"]["roles_cut"] = True
    file = tmp_path / "request.json"
    file.write_text(json.dumps(asked), "utf-8")
    ran = run("policy", "explain", DEFAULT_POLICY, file)
    assert "cut          roles: " in ran.output
    assert "groups: " not in ran.output
    assert "roles_cut" in ran.output


@pytest.mark.parametrize("content", [b"", b"[]", b"{}"])
def test_explain_refuses_a_bad_request_in_one_sentence(run, tmp_path, content):
    file = tmp_path / "request.json"
    file.write_bytes(content)
    ran = run("policy", "explain", DEFAULT_POLICY, file)
    assert ran.exit_code == 2
    assert ran.output.startswith("Error: ")
    assert run("policy", "explain", DEFAULT_POLICY, tmp_path / "nowhere.json").exit_code == 2


def test_keys_rotate_adds_a_key(run):
    assert run("keys", "rotate").exit_code == 0
    rotated = run("keys", "rotate")
    assert rotated.exit_code == 0
    assert "signs now; 3 keys are published" in rotated.output


# --- template keys --------------------------------------------------------------------------------


def ids_of(tmp_path):
    return list(TemplateKeyFolder(tmp_path / "data" / "template-keys").read())


def grow_old(tmp_path):
    for path in (tmp_path / "data" / "template-keys").glob("*.key"):
        os.utime(path, (time.time() - 120, time.time() - 120))


def teach(subject_id):
    with app.opened_store(config.load()) as store:
        assert store.teach(lesson(f"outcome-{subject_id}", issuer=REALM, subject=SubjectId("user", subject_id)))


def templates_of(run, subject_id):
    exported = json.loads(run("subject", "export", *about(subject_id)).output)
    return [row["body"] for row in exported["profiles"] if row["kind"] == "template"]


def test_template_keys_are_rotated_and_retired_and_every_template_stays(run, tmp_path):
    for name in ("carol", "dave"):
        teach(name)
    (old,) = ids_of(tmp_path)
    rotated = run("keys", "rotate-templates")
    assert rotated.exit_code == 0
    _, new = ids_of(tmp_path)
    assert "2 of 2 data keys rewrapped" in rotated.stderr
    assert rotated.stdout == f"{new} wraps now; 2 data keys rewrapped\n"
    assert run("keys", "rotate-templates", "--no-new-key").stdout == f"{new} wraps now; 0 data keys rewrapped\n"
    refused = run("keys", "retire-templates")
    assert (refused.exit_code, "under a minute" in refused.stderr) == (2, True)
    grow_old(tmp_path)
    retired = run("keys", "retire-templates")
    assert (retired.exit_code, old in retired.stdout) == (0, True)
    assert ids_of(tmp_path) == [new]
    assert templates_of(run, "carol") == [b64encode(TEMPLATE).decode()]
    (key,) = (tmp_path / "data" / "template-keys").glob("*.key")
    told = [
        rotated.output,
        retired.output,
        run("subject", "export", *about("carol")).output,
        run("check-config").output,
    ]
    assert not any(key.read_text().strip() in output for output in told)


def test_a_template_key_that_is_still_needed_is_not_retired(run, tmp_path):
    teach("carol")
    TemplateKeyFolder(tmp_path / "data" / "template-keys").rotate(app.now())
    grow_old(tmp_path)
    refused = run("keys", "retire-templates")
    assert refused.exit_code == 2
    assert "still wrapped" in refused.stderr
    assert "keys rotate-templates --no-new-key" in refused.stderr
    assert len(ids_of(tmp_path)) == 2


def test_without_the_right_template_key_commands_say_so_and_a_lost_one_can_be_given_up(run, tmp_path):
    teach("carol")
    (lost,) = ids_of(tmp_path)
    shutil.rmtree(tmp_path / "data" / "template-keys")
    exported = run("subject", "export", *about("carol"))
    assert exported.exit_code == 3
    assert "isn't here" in exported.stderr
    rotated = run("keys", "rotate-templates")
    assert rotated.exit_code == 3
    assert f"1 by {lost}" in rotated.stderr
    assert run("keys", "forget-templates", "unknown").exit_code == 5
    assert "wrapped by -unknown" in run("keys", "forget-templates", "-unknown").stderr
    assert run("keys", "forget-templates", lost, input="n\n").exit_code == 1
    assert run("keys", "forget-templates", lost, "--yes").stdout == "1 data keys deleted\n"
    assert run("keys", "rotate-templates", "--no-new-key").exit_code == 0
    assert templates_of(run, "carol") == [None]
    teach("dave")
    assert run("keys", "forget-templates", ids_of(tmp_path)[-1], "--yes").exit_code == 2


def test_check_config_says_which_template_key_wraps(run, tmp_path):
    assert "none yet, the first start makes one" in run("check-config").output
    teach("carol")
    (key,) = ids_of(tmp_path)
    assert f"1, of which {key} wraps" in run("check-config").output
    (path,) = (tmp_path / "data" / "template-keys").glob("*.key")
    path.chmod(0o644)
    refused = run("check-config")
    assert refused.exit_code == 3
    assert "can be read by others" in refused.stderr


def test_a_service_under_the_wrong_template_key_is_not_ready_and_says_why(run, tmp_path):
    teach("carol")
    (lost,) = ids_of(tmp_path)
    shutil.rmtree(tmp_path / "data" / "template-keys")
    service = app.build(config.load())
    try:
        answer = Client(service).get("/readyz")
    finally:
        service.close()
    assert answer.status_code == 503
    assert lost in answer.json["dependencies"]["template_keys"]["problem"]


def test_readiness_asked_again_and_again_has_the_database_write_once_a_second(run, monkeypatch):
    looks = []
    monkeypatch.setattr(SqlStore, "ping", lambda self: looks.append(time.monotonic()))
    service = app.build(config.load())
    try:
        for _ in range(50):
            assert Client(service).get("/readyz").status_code == 200
    finally:
        service.close()
    assert looks
    assert all(later - earlier >= 0.9 for earlier, later in itertools.pairwise(looks))


# --- subjects -------------------------------------------------------------------------------------

REALM = "http://127.0.0.1:8080/realms/demo"


def remember(subject_id, type_="user"):
    """One decision about a subject, in the store of the settings."""
    body = question(subject={"type": type_, "id": subject_id})
    service = app.build(config.load())
    try:
        request = wire.read_question(wire.read_body(json.dumps(body).encode()), issuer=REALM)
        from idp_adapter.adapters.feeds import FeedFiles
        from idp_adapter.adapters.geoip import GeoFiles
        from idp_adapter.adapters.metrics import Metrics
        from idp_adapter.adapters.policy_file import load
        from idp_adapter.adapters.pseudonyms import Pseudonyms
        from idp_adapter.adapters.telemetry import Opener
        from idp_adapter.services.decide import Decider

        policy = load(None)
        places, feeds = GeoFiles(city=None, asn=None), FeedFiles({})
        pseudonyms = Pseudonyms(bytes(32))
        decider = Decider(service.store, places, feeds, pseudonyms, Opener(), Metrics(), lambda _: policy)
        decider.decide(request, now=app.now(), decision_id=app.new_id())
    finally:
        service.close()


def about(subject_id):
    return ("--issuer", REALM, "--type", "user", "--id", subject_id)


def test_a_subject_can_be_shown_exported_and_erased(run):
    remember("carol")
    shown = run("subject", "show", *about("carol"))
    assert shown.exit_code == 0
    assert "decisions" in shown.output
    exported = json.loads(run("subject", "export", *about("carol")).output)
    assert len(exported["decisions"]) == 1
    assert run("subject", "erase", *about("carol"), input="n\n").exit_code == 1
    assert run("subject", "show", *about("carol")).exit_code == 0
    erased = run("subject", "erase", *about("carol"), "--yes")
    assert erased.exit_code == 0
    assert "deleted" in erased.output
    assert run("subject", "show", *about("carol")).exit_code == 5


@pytest.mark.parametrize("command", [("show",), ("export",), ("erase", "--yes")])
def test_a_subject_of_whom_nothing_is_stored_is_exit_code_5(run, command):
    ran = run("subject", *command, *about("nobody"))
    assert ran.exit_code == 5
    assert ran.output.startswith("Error: nothing is stored")


def test_of_a_realm_that_is_not_set_the_error_names_those_that_are(run):
    ran = run("subject", "show", "--issuer", REALM + "x", "--id", "carol")
    assert ran.exit_code == 5
    assert ran.output == f"Error: nothing is stored of user carol of {REALM}x. The realms that are set: {REALM}.\n"


def test_a_subject_of_a_type_that_another_caller_names_can_be_erased(run):
    remember("press-7", type_="robot")
    of = ("--issuer", REALM, "--type", "robot", "--id", "press-7")
    assert run("subject", "show", *of).exit_code == 0
    assert run("subject", "erase", *of, "--yes").exit_code == 0
    assert run("subject", "show", *of).exit_code == 5


@pytest.mark.parametrize(("given", "meant"), [("service-account", "service_account"), ("User", "user")])
def test_a_type_of_subject_that_is_almost_keycloaks_is_refused(run, given, meant):
    ran = run("subject", "erase", "--issuer", REALM, "--id", "carol", "--type", given, "--yes")
    assert ran.exit_code == 2
    assert f"did you mean '{meant}'?" in ran.output


def test_a_database_that_is_not_there_is_exit_code_3(run, monkeypatch):
    monkeypatch.setenv("IDP_ADAPTER_DATABASE_URL", "sqlite:////nowhere/risk.sqlite3")
    ran = run("subject", "show", *about("carol"))
    assert ran.exit_code == 3
    assert ran.output.startswith("Error: ")
