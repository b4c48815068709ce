"""Policy: what each level asks at each hook, and what rules add."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from idp_adapter.adapters.policy_file import load
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import decide, facts_of
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import (
    Evidence,
    Hook,
    Level,
    Reason,
    Session,
    SessionFate,
    Signals,
    Unenrolled,
)
from tests.core import builders as b
from tests.core import policies as p

POLICY = load(None)
BASIC, MFA, _ = POLICY.ladder.steps
LOW, MEDIUM, HIGH, EXTREME = -1.0, 2.2, 4.5, 15.0


def risk(nats: float, *, code: str = "code"):
    shares = (Evidence(f"s{i}", nats / 6, (Reason(code, nats / 6),)) for i in range(6))
    return fuse(shares, POLICY.scale)


def ask(nats: float, hook: str = Hook.LOGIN, *, policy=POLICY, acr=BASIC, **session):
    return answer(policy, replace(b.request(hook), session=Session(acr=acr, **session)), nats)


def answer(policy, asked, nats: float):
    return decide(policy, facts_of(policy, asked, Signals(), now=b.NOW), risk(nats), decision_id="d")


def changed(**settings):
    return replace(POLICY, settings=replace(POLICY.settings, **settings))


def test_levels_follow_the_thresholds():
    assert [risk(n).level for n in (LOW, MEDIUM, HIGH, EXTREME)] == [Level.LOW, Level.MEDIUM, Level.HIGH, Level.HIGH]


def test_low_and_medium_logins_go_on_and_high_ones_step_up():
    assert ask(LOW).permitted
    assert ask(MEDIUM).permitted
    stepped = ask(HIGH)
    assert not stepped.permitted
    assert stepped.acr_values == (MFA,)
    assert stepped.obligations.max_age_s == POLICY.settings.step_up_max_age_s


def test_an_extreme_login_is_refused_without_a_way_on():
    refused = ask(EXTREME)
    assert not refused.permitted
    assert refused.acr_values == ()


def test_a_session_that_reached_the_class_goes_on_while_that_is_fresh():
    assert ask(HIGH, acr=MFA, auth_time=b.NOW - timedelta(minutes=5)).permitted
    assert ask(HIGH, acr=MFA, auth_time=None).permitted
    stale = ask(HIGH, acr=MFA, auth_time=b.NOW - timedelta(hours=3))
    assert stale.acr_values == (MFA,)


def test_an_expired_first_factor_at_low_risk_is_not_our_concern():
    assert ask(LOW, acr="0").permitted


def test_a_refresh_is_shortened_then_lowered_then_refused_keeping_the_session():
    medium, high, extreme = (ask(nats, Hook.REFRESH, acr=MFA) for nats in (MEDIUM, HIGH, EXTREME))
    assert medium.permitted
    assert medium.obligations.max_acr is None
    assert POLICY.settings.access_token_floor_s < medium.obligations.access_token_lifespan_s < 300
    assert high.permitted
    assert high.obligations.max_acr == BASIC
    assert high.obligations.access_token_lifespan_s == POLICY.settings.access_token_floor_s
    assert not extreme.permitted
    assert extreme.acr_values == (MFA,)
    assert extreme.obligations.session is SessionFate.KEEP


def test_a_refresh_is_refused_at_a_risk_at_which_a_login_may_still_step_up():
    assert not ask(8.0, Hook.REFRESH).permitted
    assert ask(8.0).acr_values == (MFA,)


def test_the_letter_of_rfc_9068_can_be_kept_at_refresh():
    kept = changed(lower_acr_on_refresh=False)
    assert ask(HIGH, Hook.REFRESH, policy=kept, acr=MFA).obligations.max_acr is None


def test_a_risky_refresh_is_lowered_to_the_lowest_class_whatever_a_login_needs():
    always = changed(acr_low=MFA, acr_medium=MFA, acr_high=MFA)
    assert ask(HIGH, Hook.REFRESH, policy=always, acr=MFA).obligations.max_acr == BASIC


def test_a_class_that_behaviour_alone_asks_for_shortens_a_refresh_and_does_not_refuse_it():
    typed = Rule("typed", Condition(reason=p.named("typing_differs")), Effect(require_acr=MFA))
    limited = p.answer(replace(POLICY, rules=(typed,)), asked=p.facts(Hook.REFRESH), of=p.risk(1.0, calm=0.0))
    assert limited.permitted
    assert limited.obligations.max_acr == BASIC
    assert limited.obligations.access_token_lifespan_s == POLICY.settings.access_token_floor_s
    calm = Rule("calm", Condition(reason=p.named("code")), Effect(require_acr=MFA))
    assert not p.answer(replace(POLICY, rules=(typed, calm)), asked=p.facts(Hook.REFRESH), of=p.risk(0.0)).permitted


def test_a_risky_workload_gets_short_tokens_and_an_extreme_one_none():
    assert ask(HIGH, Hook.CLIENT_CREDENTIALS).permitted
    assert ask(HIGH, Hook.CLIENT_CREDENTIALS).obligations.access_token_lifespan_s == 60
    assert not ask(EXTREME, Hook.CLIENT_CREDENTIALS).permitted


def test_a_quiet_answer_leaves_keycloaks_own_lifetimes():
    quiet = ask(LOW, Hook.REFRESH).obligations
    assert quiet.access_token_lifespan_s is None
    assert quiet.refresh_token_lifespan_s is None


def test_only_quiet_answers_may_be_reused():
    assert ask(LOW, Hook.REFRESH).obligations.reuse_s == POLICY.settings.refresh_reuse_s
    assert ask(LOW, Hook.CLIENT_CREDENTIALS).obligations.reuse_s == POLICY.settings.client_credentials_reuse_s
    assert ask(LOW, Hook.LOGIN).obligations.reuse_s == 0
    assert ask(MEDIUM, Hook.REFRESH).obligations.reuse_s == 0
    assert ask(EXTREME, Hook.REFRESH).obligations.reuse_s == 0


def test_the_clients_own_lifetime_is_the_most():
    asked = b.request(Hook.REFRESH)
    asked = replace(asked, resource=replace(asked.resource, access_token_lifespan_s=30))
    assert answer(POLICY, asked, HIGH).obligations.access_token_lifespan_s == 30


def test_an_action_that_is_no_hook_follows_the_policy():
    assert not ask(LOW, "read").permitted
    assert ask(EXTREME, "read", policy=replace(POLICY, unknown_action_permitted=True)).permitted


def test_the_strictest_of_all_matching_rules_wins():
    rules = (
        Rule("limit", Condition(), Effect(unenrolled=Unenrolled.LIMIT, access_token_lifespan_s=200, max_acr=MFA)),
        Rule("deny", Condition(), Effect(unenrolled=Unenrolled.DENY, access_token_lifespan_s=90, max_acr=BASIC)),
        Rule("end", Condition(), Effect(session=SessionFate.END, refresh_token_lifespan_s=700)),
    )
    decision = ask(LOW, policy=replace(POLICY, rules=rules))
    assert decision.unenrolled is Unenrolled.DENY
    assert decision.obligations.access_token_lifespan_s == 90
    assert decision.obligations.refresh_token_lifespan_s == 700
    assert decision.obligations.max_acr == BASIC
    assert decision.obligations.session is SessionFate.END
    assert [reason.params["name"] for reason in decision.reasons] == ["limit", "deny", "end"]


def test_a_rule_may_say_limit_where_the_policy_says_deny():
    rules = (Rule("limit", Condition(), Effect(unenrolled=Unenrolled.LIMIT)),)
    assert ask(LOW, policy=replace(POLICY, rules=rules)).unenrolled is Unenrolled.LIMIT


def test_a_refusing_rule_refuses():
    rules = (Rule("no", Condition(client=frozenset({"spa"})), Effect(refuse=True)),)
    refused = ask(LOW, policy=replace(POLICY, rules=rules))
    assert not refused.permitted
    assert refused.acr_values == ()
