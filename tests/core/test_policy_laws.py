"""The laws of the policy engine, as properties over rules, layers, environments, budgets and risks of any kind."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.environments import RESPONSES, Environment, Response
from idp_adapter.core.policy import Budget, Policy, decide
from idp_adapter.core.policy_layers import ordered, settle
from idp_adapter.core.policy_rules import Condition, join
from idp_adapter.core.strictness import Kind, is_at_least_as_strict, kind_of
from idp_adapter.core.types import Decision, Level, SessionFate, Unenrolled
from tests.core import policies as p

budgets = st.sampled_from([None, Budget(3, 600, Unenrolled.DENY), Budget(3, 600, Unenrolled.LIMIT)])
environments = st.builds(
    Environment,
    st.sampled_from(["office", "floor"]),
    st.just(Condition()),
    st.just({}),
    st.sampled_from([None, frozenset(), frozenset({"otp"}), frozenset({"webauthn"})]),
    st.sampled_from([RESPONSES, frozenset(), frozenset({Response.STEP_UP}), frozenset({Response.LIMIT})]),
)
policies = st.builds(
    lambda rules, overrides, budget, within, unenrolled: replace(
        p.shipped(),
        rules=tuple(rules),
        overrides=ordered(overrides),
        budget=budget,
        environments=tuple(within),
        acr_factors={p.MFA: frozenset({"otp", "webauthn"}), p.PHR: frozenset({"webauthn"})},
        settings=replace(p.shipped().settings, unenrolled=unenrolled),
    ),
    st.lists(p.rules, max_size=5),
    st.lists(p.overrides, max_size=4),
    budgets,
    st.lists(environments, max_size=2, unique_by=lambda item: item.name),
    st.sampled_from(Unenrolled),
)


def asked(policy: Policy, facts, risk) -> Decision:
    return decide(policy, facts, risk, decision_id="d")


def content(decision: Decision):
    return (
        decision.permitted, decision.acr_values, decision.obligations, decision.unenrolled,
        sorted(str(reason) for reason in decision.reasons),
    )  # fmt: skip


@given(policies, p.requests, p.risks, st.randoms())
def test_the_order_of_rules_layers_and_environments_never_matters(policy, facts, risk, random):
    shuffled = {}
    for name in ("rules", "overrides", "environments"):
        items = list(getattr(policy, name))
        random.shuffle(items)
        shuffled[name] = ordered(items) if name == "overrides" else tuple(items)
    assert content(asked(replace(policy, **shuffled), facts, risk)) == content(asked(policy, facts, risk))


def test_a_spent_budget_that_limits_does_so_whatever_the_risk_is_made_of():
    limiting = replace(p.shipped(), rules=(), budget=Budget(3, 600, Unenrolled.LIMIT))
    asked_often = p.facts(session_acr=None, demands=3)
    behaviour_alone, more = p.risk(3.0, calm=0.0), p.risk(6.0, calm=3.0)
    before, after = asked(limiting, asked_often, behaviour_alone), asked(limiting, asked_often, more)
    assert is_at_least_as_strict(after, before, hook=asked_often.hook, ladder=limiting.ladder)


@given(policies, p.rules, p.requests, p.risks)
def test_adding_a_rule_never_loosens_an_answer(policy, rule, facts, risk):
    more = replace(policy, rules=(*policy.rules, rule))
    before, after = asked(policy, facts, risk), asked(more, facts, risk)
    if rule.effect.unenrolled is None:  # a rule may say `limit` where the policy says `deny`
        assert is_at_least_as_strict(after, before, hook=facts.hook, ladder=policy.ladder)


@given(policies, p.requests, p.risks, p.some_names("admin", "payer"))
def test_roles_that_could_not_be_told_never_loosen_an_answer(policy, facts, risk, told):
    cut = replace(facts, roles=facts.roles & told, roles_cut=True)
    before, after = asked(policy, facts, risk), asked(policy, cut, risk)
    assert is_at_least_as_strict(after, before, hook=facts.hook, ladder=policy.ladder)
    assert after.unenrolled in (before.unenrolled, Unenrolled.DENY)


@given(policies, p.overrides, p.requests, p.risks)
def test_adding_a_layer_that_may_not_loosen_never_loosens_an_answer(policy, override, facts, risk):
    override = replace(override, may_loosen=False)
    more = replace(policy, overrides=ordered((*policy.overrides, override)))
    before, after = asked(policy, facts, risk), asked(more, facts, risk)
    assert is_at_least_as_strict(after, before, hook=facts.hook, ladder=policy.ladder)


@given(policies, p.requests, p.risks)
def test_a_rule_or_layer_given_twice_changes_nothing(policy, facts, risk):
    twice = replace(policy, rules=policy.rules * 2, overrides=ordered(policy.overrides * 2))
    one, other = asked(policy, facts, risk), asked(twice, facts, risk)
    assert (one.permitted, one.acr_values, one.obligations) == (other.permitted, other.acr_values, other.obligations)


@given(policies, p.requests, st.floats(-8, 10), st.floats(0, 6), st.floats(-8, 0).map(lambda nats: round(nats, 6)))
def test_more_risk_never_loosens_an_answer_under_any_policy(policy, facts, nats, more, behaviour):
    calm = p.risk(nats - behaviour, calm=nats)
    risky = p.risk(nats + more - behaviour, calm=nats + more)
    before, after = asked(policy, facts, calm), asked(policy, facts, risky)
    assert is_at_least_as_strict(after, before, hook=facts.hook, ladder=policy.ladder)


@given(policies, p.requests, st.floats(-2, 1.5), st.floats(0, 14))
def test_behaviour_alone_never_refuses_nor_ends_under_any_policy(policy, facts, calm, behaviour):
    without = p.risk(calm)
    decision = asked(policy, facts, p.risk(calm + behaviour, calm=calm))
    if kind_of(asked(policy, facts, without), facts.hook) is not Kind.REFUSE:
        assert kind_of(decision, facts.hook) is not Kind.REFUSE
    if asked(policy, facts, without).obligations.session is SessionFate.KEEP:
        assert decision.obligations.session is SessionFate.KEEP


@given(policies, p.requests, p.risks)
def test_deciding_again_answers_the_same(policy, facts, risk):
    assert asked(policy, facts, risk) == asked(policy, facts, risk)


@given(policies, p.requests, p.risks, st.integers(0, 9))
def test_a_spent_budget_never_loosens_a_refusal_nor_what_a_rule_asks(policy, facts, risk, demands):
    fresh = asked(policy, replace(facts, demands=0), risk)
    spent = asked(policy, replace(facts, demands=demands), risk)
    if kind_of(fresh, facts.hook) is Kind.REFUSE:
        assert kind_of(spent, facts.hook) is Kind.REFUSE
    if kind_of(fresh, facts.hook) is Kind.PERMIT:
        assert content(spent) == content(fresh)


@given(st.lists(p.overrides, max_size=6), p.requests)
def test_settings_of_any_layers_stay_in_order(overrides, facts):
    settings = settle(p.shipped().settings, ordered(overrides), facts, p.shipped().ladder)
    assert settings.medium <= settings.high <= settings.refuse_token <= settings.refuse
    ranks = [p.shipped().ladder.rank(acr) for acr in settings.required]
    assert ranks == sorted(ranks)
    assert settings.access_token_floor_s <= settings.access_token_max_s


@given(p.effects, p.effects, p.effects)
def test_joining_effects_is_commutative_associative_and_idempotent(one, other, third):
    ladder = p.shipped().ladder
    assert join(ladder, one, one) == one
    assert join(ladder, one, other) == join(ladder, other, one)
    assert join(ladder, join(ladder, one, other), third) == join(ladder, one, join(ladder, other, third))


@given(policies, p.requests, p.risks)
def test_no_answer_caps_above_the_class_reached_or_asks_at_the_lowest_step(policy, facts, risk):
    decision = asked(policy, facts, risk)
    assert p.BASIC not in decision.acr_values or kind_of(decision, facts.hook) is Kind.REFUSE
    if decision.risk.level is not Level.LOW and facts.is_hook and decision.permitted:
        assert decision.obligations.reuse_s == 0
