"""The scenario pack: each scenario through the whole service, and the pack's own rules."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benchmarks.scenarios import __main__ as command
from benchmarks.scenarios import page, scenario, theatre
from benchmarks.scenarios.answers import Answer
from benchmarks.scenarios.cast import HANDS, cast
from benchmarks.scenarios.play import Played
from benchmarks.scenarios.reading import ScenarioInvalid
from benchmarks.scenarios.scenario import Expectation, Scenario, Step

ROOT = Path(__file__).parent.parent.parent
PACK = scenario.load_all()
GOOD = """
title = "Somebody logs in"
kind = "honest"
why = "It happens."

[[attempt]]
expect = { action = "permit" }
"""
# reasons that Keycloak's part adds: no factor to step up with, no answer, no good one
OF_THE_ENFORCER = {
    "unenrolled", "HTTP 401", "InvalidTokenError", "InvalidSignatureError", "InvalidAudienceError",
}  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[theatre.Theatre]:
    with theatre.opened() as opened:
        yield opened


def named(name: str) -> Scenario:
    return next(item for item in PACK if item.name == name)


@pytest.mark.parametrize("one", PACK, ids=lambda one: one.name)
def test_the_service_answers_a_scenario_as_expected(house: theatre.Theatre, one: Scenario):
    assert house.play(one).problems == ()


def steps() -> list[Step]:
    return [step for one in PACK for step in (*one.history, *one.attempts)] + list(scenario.realm_before())


def test_the_pack_has_scores_of_scenarios_of_both_kinds():
    kinds = [one.kind for one in PACK]
    assert kinds.count("honest") >= 30
    assert kinds.count("attack") >= 30


def test_a_scenario_that_expects_the_wrong_thing_fails_and_says_what_came(house: theatre.Theatre):
    one = named("honest/familiar_login")
    wrong = Expectation(("refuse",), "mfa", ("device_key_new",), ("device_key_known",))
    (attempt,) = one.attempts
    problems = " ".join(house.play(replace(one, attempts=(replace(attempt, expect=wrong),))).problems)
    assert "expected refuse, got permit" in problems
    assert "step-up to mfa" in problems
    assert "`device_key_new` is not given" in problems
    assert "`device_key_known` is given" in problems


def test_a_history_that_is_shared_is_played_once_and_left_as_it_was(house: theatre.Theatre):
    familiar, phished = named("honest/familiar_login"), named("attacks/phished_password_other_country")
    first = house.play(familiar).played[-1].answer
    house.play(phished)
    again = house.play(familiar).played[-1].answer
    assert (again.action, again.score, again.reasons) == (first.action, first.score, first.reasons)


def test_nothing_of_the_cast_and_no_word_of_the_format_is_idle():
    members, used = cast(), steps()
    people, browsers = {step.who for step in used}, {name for step in used for name in (*step.browsers, step.cookie_of)}
    assert set(members.people) == people
    assert set(members.browsers) <= browsers
    assert set(members.places) == {name for step in used for name in step.places}
    assert set(members.networks) == {place.network for place in members.places.values()}
    assert set(members.clients) == {step.client for step in used}
    hands = {name for step in used for name in step.hands} | {person.hand for person in members.people.values()}
    assert set(members.hands) == hands - {""}
    assert set(HANDS) == {hand.kind for hand in members.hands.values()}
    assert {step.do for step in used} == {*scenario.QUESTIONS, *scenario.EVENTS}
    assert {step.telemetry for step in used} == set(scenario.TELEMETRY)
    assert {step.caller for step in used} == set(scenario.CALLERS)
    assert {step.posture for step in used} == set(scenario.POSTURES)
    assert {step.answer for step in used} == set(scenario.ANSWERS)
    assert {step.then for step in used} == set(scenario.THEN)
    assert {action for step in used if step.expect for action in step.expect.actions} == set(scenario.ACTIONS)


@pytest.mark.parametrize("one", [one for one in PACK if one.kind == "attack"], ids=lambda one: one.name)
def test_an_attack_that_may_get_through_says_so_in_its_title(one: Scenario):
    asked = [step.expect.actions for step in one.attempts if step.expect and not step.is_honest]
    assert any("permit" in actions for actions in asked) == one.title.endswith("not stopped")


@cache
def texts_of_the_core() -> frozenset[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "idp_adapter" / "core").rglob("*.py")]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("one", PACK, ids=lambda one: one.name)
def test_the_reasons_that_a_scenario_names_are_the_services(one: Scenario):
    codes = {code for step in one.attempts if step.expect for code in (*step.expect.reasons, *step.expect.without)}
    assert codes <= texts_of_the_core() | OF_THE_ENFORCER


@pytest.mark.parametrize("one", [one for one in PACK if one.keycloak], ids=lambda one: one.name)
def test_the_flow_test_that_drives_a_scenario_through_keycloak_exists(one: Scenario):
    path, _, name = one.keycloak.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "honest").mkdir()
    return tmp_path / "honest"


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('kind = "honest"', 'kind = "attack"', "move the file or correct it"),
        ('kind = "honest"', 'kind = "friendly"', "one of honest, attack"),
        ('why = "It happens."', "", "`why`: is missing"),
        ('action = "permit"', 'action = "permitt"', "did you mean `permit`?"),
        ('action = "permit"', 'reasons = ["prior"]', "`action`: is missing"),
        ("expect =", 'form = "home"\nexpect =', "attempt[1]: `form`: is not a field here (did you mean `from`?)"),
        ("expect =", 'from = "hom"\nexpect =', "did you mean `home`?"),
        ("expect =", 'after = "soon"\nexpect =', "a time span such as"),
        ("expect =", 'at = "25:00"\nexpect =', "a time of day such as 09:30"),
        ("expect =", 'hours = "8 to 9"\nexpect =', "hours of the day such as 8-18"),
        ("expect =", "times = 0\nexpect =", "a whole number from 1 on"),
        ("expect =", 'nameless = "yes"\nexpect =', "must be true or false"),
        ("expect =", 'do = "mistype"\nexpect =', "which is answered by nothing"),
        ('expect = { action = "permit" }', "", "give at least one of them an `expect`"),
        ("[[attempt]]", "[attempt]", "must be a list of tables"),
        ("[[attempt]]", "[[attempt", "is no TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name_the_field_and_the_fix(folder: Path, written: str, instead: str, told: str):
    path = folder / "one.toml"
    path.write_text(GOOD.replace(written, instead, 1), encoding="utf-8")
    with pytest.raises(ScenarioInvalid) as refused:
        scenario.load(path)
    assert "honest/one.toml" in str(refused.value)
    assert told in str(refused.value)


def test_a_history_expects_nothing(folder: Path):
    path = folder / "one.toml"
    path.write_text(f'{GOOD}\n[[history]]\nexpect = {{ action = "permit" }}\n', encoding="utf-8")
    with pytest.raises(ScenarioInvalid, match="move that into an `attempt`"):
        scenario.load(path)


def test_rates_count_attempts_and_a_short_token_stops_no_login():
    (attempt,) = named("attacks/phished_password_other_country").attempts
    owner, refresh = replace(attempt, is_honest=True), replace(attempt, do="refresh")
    played = [
        Played(attempt, Answer("step-up")),
        Played(attempt, Answer("shorten")),
        Played(refresh, Answer("shorten")),
        Played(refresh, Answer("permit")),
        Played(owner, Answer("permit")),
        Played(owner, Answer("refuse")),
    ]
    told = theatre.rates([theatre.Result(PACK[0], tuple(played), ())])
    assert told == {
        "honest_attempts": 2,
        "honest_step_up_rate": 0.5,
        "attack_attempts": 4,
        "attack_stop_rate": 0.5,
    }


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["scenarios", *arguments])
    return command.main()


def test_the_command_prints_figures_as_json(monkeypatch, capsys):
    assert run(monkeypatch, "--json", "familiar_login") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["scenarios"], told["failed"], told["honest_step_up_rate"]) == (1, 0, 0.0)
    assert told["results"][0]["got"] == "permit"


def test_the_command_prints_a_table_and_what_each_reason_weighs(monkeypatch, capsys):
    assert run(monkeypatch, "--explain", "familiar_login") == 0
    told = capsys.readouterr().out
    assert "1 scenarios, 0 failed" in told
    assert "prior -4.60" in told


def test_the_commands_status_tells_of_a_failure(monkeypatch, capsys):
    one = named("honest/familiar_login")
    wrong = replace(one.attempts[0], expect=Expectation(("refuse",), "", (), ()))
    monkeypatch.setattr(scenario, "load_all", lambda: (replace(one, attempts=(wrong,)),))
    assert run(monkeypatch) == 1
    assert "expected refuse, got permit" in capsys.readouterr().out


def test_the_command_refuses_a_name_that_no_scenario_has(monkeypatch, capsys):
    assert run(monkeypatch, "no_such_scenario") == 2
    assert "names no scenario" in capsys.readouterr().err


def test_the_page_of_scenarios_is_current():
    assert page.PAGE.read_text("utf-8") == page.text()
