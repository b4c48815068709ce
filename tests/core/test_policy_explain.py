"""Explaining: each environment, layer and rule, whether it applies, and if not, why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_adapter.core.environments import Environment
from idp_adapter.core.policy_explain import asked, explain, explain_record
from idp_adapter.core.policy_layers import Layer, Override
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import Level, SessionFate
from idp_adapter.errors import NotFound
from tests.core import policies as p
from tests.core.policies import HIGH, LOW, answer, facts, named, shipped
from tests.support.records import record

POLICY = replace(
    shipped(),
    rules=(
        Rule("hard", Condition(level_at_least=Level.HIGH), Effect(refuse=True, session=SessionFate.END)),
        Rule("other client", Condition(client=named("other")), Effect(limit=True)),
        Rule("home", Condition(), Effect(limit=True), Condition(hook=named("login"))),
    ),
    overrides=(Override("strict", Layer.CLIENT, Condition(client=named("spa")), {"high": 0.1}, may_loosen=True),),
    environments=(Environment("floor", Condition(zone=named("lan")), {"device": 0.1}),),
)


def findings(nats: float, *, calm: float | None = None):
    found = explain(POLICY, facts(), p.risk(nats, calm=calm), decision_id="d")
    return {finding.name: finding for finding in found.findings}, found


def test_every_part_says_whether_it_applies_and_why_not():
    found, explanation = findings(HIGH)
    assert {name: finding.unmet for name, finding in found.items()} == {
        "floor": "zone",
        "strict": None,
        "hard": None,
        "other client": "when.client",
        "home": "unless",
    }
    assert found["hard"].asks == {"refuse": True, "session": SessionFate.END}
    assert found["strict"].asks == {"high": 0.1, "may_loosen": True}
    assert explanation.settings.high == 0.1
    assert explanation.decision == answer(POLICY, HIGH)


def test_a_layer_that_may_apply_is_not_said_to_loosen():
    relaxed = Override("relaxed", Layer.MEMBERSHIP, Condition(role=named("x")), {"high": 0.9}, may_loosen=True)
    policy = replace(shipped(), overrides=(relaxed,))
    for told, asks in ((facts(roles_cut=True), {"high": 0.9}), (facts(), {"high": 0.9, "may_loosen": True})):
        (finding,) = explain(policy, told, p.risk(LOW), decision_id="d").findings
        assert finding.asks == asks


def test_a_rule_that_behaviour_alone_made_match_is_marked():
    found, explanation = findings(HIGH, calm=0.0)
    assert found["hard"].unmet is None
    assert found["hard"].by_behaviour
    assert explanation.decision.acr_values


def test_what_an_effect_does_not_ask_is_left_out():
    assert asked(Effect()) == {}


def test_a_stored_decision_is_explained_by_any_policy_and_one_without_facts_is_not():
    kept = record(facts=facts(), decision=answer(shipped(), LOW))
    assert explain_record(POLICY, kept).decision.policy_id == POLICY.id
    with pytest.raises(NotFound, match="before decisions kept their facts"):
        explain_record(POLICY, record())
