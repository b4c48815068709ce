"""`idp-adapter policy`: what it prints, what it writes, and its errors in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from idp_adapter import app, config
from idp_adapter.adapters import replay_plot
from idp_adapter.adapters.http import wire
from idp_adapter.core.differences import Difference
from idp_adapter.core.replay import Report
from tests.adapters.face import question
from tests.core.test_policy_schema import VALID
from tests.core.test_replay import group

REALM = "http://127.0.0.1:8080/realms/demo"
DEFAULT = Path(app.__file__).parent / "policies" / "default.toml"
STRICT = """
[[layer]]
name = "teller app"
hook = "login"
may_loosen = true
risk = { refuse = 0.99 }
[[break_glass]]
name = "emergency"
subject = "nobody"
[[rule]]
name = "everybody proves more"
when = { hook = "login", role = "auditor" }
unless = { role = "secretary" }
effect = { require_acr = "mfa" }
[[rule]]
name = "nobody"
effect = "deny"
"""


@pytest.fixture
def candidate(tmp_path):
    file = tmp_path / "candidate.toml"
    file.write_text(VALID + STRICT, encoding="utf-8")
    return file


@pytest.fixture
def asked(tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(question()), encoding="utf-8")
    return file


def decide_some(count: int) -> None:
    service = app.build(config.load())
    try:
        endpoint = service.wsgi.__self__.view_functions["evaluation"].__self__  # the decider that the endpoints use
        for number in range(count):
            body = json.dumps(question()).encode()
            request = wire.read_question(wire.read_body(body), issuer=REALM)
            endpoint._parts.decider.decide(request, now=app.now(), decision_id=f"d{number}")
    finally:
        service.close()


def test_check_names_what_may_loosen_and_whom_nothing_stops(run, candidate):
    output = run("policy", "check", candidate).output
    assert "2 rules" in output
    assert "layer `teller app` may loosen: refuse" in output
    assert "break-glass account `emergency`" in output


def test_explain_goes_through_the_policy_part_by_part(run, candidate, asked):
    output = run("policy", "explain", candidate, asked).output
    assert "answer      refuse" in output
    assert "rule         everybody proves more: does not apply: `when.role`" in output
    assert "rule         nobody: applies: refuse = True" in output
    assert "layer        teller app: applies: refuse = 0.99, may_loosen = True" in output
    assert "thresholds   medium 0.05" in output


def test_a_stored_decision_is_explained_under_any_policy(run, candidate):
    decide_some(1)
    output = run("policy", "explain", candidate, "--decision", "d0", "--issuer", REALM).output
    assert "answer      refuse" in output
    assert "policy      t 1+" in output
    live = run("policy", "explain", DEFAULT, "--decision", "d0", "--issuer", REALM).output
    assert "answer      permit" in live
    missing = run("policy", "explain", DEFAULT, "--decision", "d9", "--issuer", REALM)
    assert (missing.exit_code, missing.stderr.startswith("Error: no decision d9")) == (5, True)


def test_the_realm_of_a_stored_decision_is_told_where_there_are_several(run, monkeypatch):
    decide_some(1)
    assert "answer      permit" in run("policy", "explain", DEFAULT, "--decision", "d0").output
    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", f"{REALM},{REALM}2")
    ran = run("policy", "explain", DEFAULT, "--decision", "d0")
    assert (ran.exit_code, f"which realm decided: {REALM} or {REALM}2" in ran.output) == (2, True)


def test_a_realm_of_which_nothing_can_be_replayed_is_named(run, candidate):
    ran = run("policy", "replay", "--policy", candidate, "--since", "2026-01-01T00:00:00Z", "--issuer", REALM + "x")
    assert ran.exit_code == 5
    assert f"no decision of {REALM}x is stored of that time. The realms that are set: {REALM}." in ran.output


def test_explain_wants_one_of_request_and_decision(run, asked):
    for arguments in ((), (asked, "--decision", "d0")):
        ran = run("policy", "explain", DEFAULT, *arguments)
        assert ran.exit_code == 2
        assert "either REQUEST.json or --decision ID" in ran.output


def test_a_replay_says_whom_a_candidate_would_refuse_with_progress_and_a_picture(run, candidate, tmp_path):
    decide_some(3)
    picture = tmp_path / "replay.svg"
    ran = run("policy", "replay", "--policy", candidate, "--since", "2020-01-01T00:00:00Z", "--plot", picture)
    assert ran.exit_code == 0, ran.output
    assert "3 decisions of" in ran.stdout
    (row,) = [line for line in ran.stdout.splitlines() if line.startswith("all ")]
    assert row.split() == ["all", "3", "3"]
    assert "3 of 3 decisions judged again (100 %)" in ran.stderr
    assert "asks about role auditor, which the live policy does not record" in ran.stderr
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")
    written = json.loads(
        run("policy", "replay", "--policy", candidate, "--since", "2020-01-01T00:00:00Z", "--json").stdout
    )
    assert written["realms"][REALM]["changes"] == {"decisions": 3, "refused": 3}
    none = run(
        "policy", "replay", "--policy", DEFAULT, "--since", "2020-01-01T00:00:00Z", "--until", "2021-01-01T00:00:00Z"
    )
    assert "Nothing would change." in none.stdout
    assert run("policy", "replay", "--policy", candidate, "--since", "yesterday").exit_code == 2


def test_a_picture_that_can_not_be_written_costs_no_replay(run, candidate, tmp_path):
    decide_some(1)
    ran = run(
        "policy", "replay", "--policy", candidate, "--since", "2020-01-01T00:00:00Z", "--plot", tmp_path / "none/a.svg"
    )
    assert ran.exit_code == 2
    assert "1 decisions of" in ran.stdout
    assert "a.svg has 1 problem:\n  - can't be written: No such file" in ran.stderr


@pytest.mark.parametrize("until", [(), ("--until", "2030-01-01T00:00:00+01:00")])
def test_a_replay_of_no_time_at_all_is_refused(run, candidate, until):
    ran = run("policy", "replay", "--policy", candidate, "--since", "2031-01-01T00:00:00Z", *until)
    assert ran.exit_code == 2
    assert "--since must be before --until" in ran.stderr


def test_a_picture_and_a_table_hold_hostile_names_and_sum_up_the_many():
    report = Report()
    report.add(group(), Difference.REFUSED)
    for number in range(60):
        report.by_client[f'<script x="{number}">&'] = type(report.changes)({Difference.REFUSED: number + 1})
    report.without_facts, report.unreadable = 7, 8
    found = replay_plot.document(report, seconds=0.0)
    assert found["per_second"] == 0
    assert len(found["by_client"]) == replay_plot.MOST_ROWS + 1
    ElementTree.fromstring(replay_plot.svg("<&>", {REALM: found}))
    text = "\n".join(replay_plot.lines("p", REALM, found))
    assert "21 others" in text
    assert "7 more were stored before" in text
    assert "8 more are damaged" in text


def test_a_picture_says_in_words_what_its_colours_say():
    report = Report()
    report.add(group(), Difference.CHALLENGED)
    drawn = ElementTree.fromstring(replay_plot.svg("next 2", {REALM: replay_plot.document(report, seconds=1.0)}))
    told = [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")]
    count = report.judged
    assert told[0] == "What next 2 would change"
    assert f"challenged: {count} of {count}" in told[1:]
    assert "full width: 100 % of a row's decisions" in [text.text for text in drawn.iter() if text.text]
