"""Policy: what each level asks at each hook, rules, and what is wrong with a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.policy_file import load, parse
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import Condition, Effect, Rule, decide
from idp_adapter.core.types import (
    Evidence,
    Hook,
    Level,
    Reason,
    Session,
    SessionFate,
    Subject,
    SubjectId,
    Unenrolled,
)
from idp_adapter.errors import PolicyInvalid
from tests.core import builders as b

POLICY = load(None)
BASIC, MFA, _ = POLICY.ladder.steps
LOW, MEDIUM, HIGH, EXTREME = -1.0, 2.2, 4.5, 9.0


def risk(nats: float, *, code: str = "code"):
    shares = (Evidence(f"s{i}", nats / 4, (Reason(code, nats / 4),)) for i in range(4))
    return fuse(shares, POLICY.scale)


def ask(nats: float, hook: str = Hook.LOGIN, *, policy=POLICY, acr=BASIC, **session):
    asked = replace(b.request(hook), session=Session(acr=acr, **session))
    return decide(policy, asked, risk(nats), decision_id="d")


def test_levels_follow_the_thresholds():
    assert [risk(n).level for n in (LOW, MEDIUM, HIGH, EXTREME)] == [Level.LOW, Level.MEDIUM, Level.HIGH, Level.HIGH]


def test_low_and_medium_logins_go_on_and_high_ones_step_up():
    assert ask(LOW).permitted
    assert ask(MEDIUM).permitted
    stepped = ask(HIGH)
    assert not stepped.permitted
    assert stepped.acr_values == (MFA,)
    assert stepped.obligations.max_age_s == POLICY.step_up_max_age_s


def test_a_baseline_is_valid_as_long_as_the_policy_says():
    assert POLICY.learning.baseline_valid == timedelta(days=180)


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
    assert POLICY.lifetimes.access_token_floor_s < medium.obligations.access_token_lifespan_s < 300
    assert high.permitted
    assert high.obligations.max_acr == BASIC
    assert high.obligations.access_token_lifespan_s == POLICY.lifetimes.access_token_floor_s
    assert not extreme.permitted
    assert extreme.acr_values == (MFA,)
    assert extreme.obligations.session is SessionFate.KEEP


def test_a_refresh_is_refused_at_a_risk_at_which_a_login_may_still_step_up():
    assert not ask(6.3, Hook.REFRESH).permitted
    assert ask(6.3).acr_values == (MFA,)


def test_the_letter_of_rfc_9068_can_be_kept_at_refresh():
    kept = replace(POLICY, lower_acr_on_refresh=False)
    assert ask(HIGH, Hook.REFRESH, policy=kept, acr=MFA).obligations.max_acr is None


def test_a_risky_workload_gets_short_tokens_and_an_extreme_one_none():
    assert ask(HIGH, Hook.CLIENT_CREDENTIALS).permitted
    assert ask(HIGH, Hook.CLIENT_CREDENTIALS).obligations.access_token_lifespan_s == 60
    assert not ask(EXTREME, Hook.CLIENT_CREDENTIALS).permitted


def test_a_quiet_answer_leaves_keycloaks_own_lifetimes():
    quiet = ask(LOW, Hook.REFRESH).obligations
    assert quiet.access_token_lifespan_s is None
    assert quiet.refresh_token_lifespan_s is None


def test_only_quiet_answers_may_be_reused():
    assert ask(LOW, Hook.REFRESH).obligations.reuse_s == POLICY.refresh_reuse_s
    assert ask(LOW, Hook.CLIENT_CREDENTIALS).obligations.reuse_s == POLICY.client_credentials_reuse_s
    assert ask(LOW, Hook.LOGIN).obligations.reuse_s == 0
    assert ask(MEDIUM, Hook.REFRESH).obligations.reuse_s == 0
    assert ask(EXTREME, Hook.REFRESH).obligations.reuse_s == 0


def test_the_clients_own_lifetime_is_the_most():
    asked = b.request(Hook.REFRESH)
    asked = replace(asked, resource=replace(asked.resource, access_token_lifespan_s=30))
    assert decide(POLICY, asked, risk(HIGH), decision_id="d").obligations.access_token_lifespan_s == 30


def test_an_action_that_is_no_hook_follows_the_policy():
    assert not ask(LOW, "read").permitted
    assert ask(EXTREME, "read", policy=replace(POLICY, unknown_action_permitted=True)).permitted


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        (Condition(), True),
        (Condition(hook=("login", "refresh")), True),
        (Condition(hook=("refresh",)), False),
        (Condition(client=("spa",)), True),
        (Condition(client=("other",)), False),
        (Condition(subject=("subject-1",)), True),
        (Condition(subject=("x",)), False),
        (Condition(subject_type=("user",)), True),
        (Condition(subject_type=("service_account",)), False),
        (Condition(role=("payer", "none")), True),
        (Condition(role=("none",)), False),
        (Condition(group=("/staff",)), True),
        (Condition(group=("/none",)), False),
        (Condition(reason=("code",)), True),
        (Condition(reason=("other",)), False),
        (Condition(level_at_least=Level.HIGH), False),
        (Condition(properties=(("subject.department", "sales"),)), True),
        (Condition(properties=(("subject.department", "other"),)), False),
        (Condition(properties=(("nothing.department", "sales"),)), False),
        (Condition(hook=("login",), client=("other",)), False),
    ],
)
def test_all_given_parts_of_a_condition_must_match(when, matches):
    key = SubjectId("user", "subject-1")
    subject = Subject(key, roles=("payer",), groups=("/staff",), properties={"department": "sales"})
    asked = replace(b.request(), subject=subject, session=Session(acr=BASIC))
    ruled = replace(POLICY, rules=(Rule("r", when, Effect(require_acr=MFA)),))
    decision = decide(ruled, asked, risk(LOW), decision_id="d")
    assert (decision.acr_values == (MFA,)) is matches
    assert (decision.reasons != ()) is matches


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
    rules = (Rule("no", Condition(client=("spa",)), Effect(refuse=True)),)
    refused = ask(LOW, policy=replace(POLICY, rules=rules))
    assert not refused.permitted
    assert refused.acr_values == ()


VALID = """
id = "t"
version = "1"
[risk]
prior = 0.01
floor = 0.01
quorum = 2
medium = 0.05
high = 0.2
refuse_token = 0.8
refuse = 0.9
[acr]
ladder = ["basic", "mfa"]
low = "basic"
medium = "basic"
high = "mfa"
step_up_max_age_s = 900
[lifetimes]
access_token_floor_s = 60
access_token_max_s = 300
refresh_token_floor_s = 600
refresh_token_max_s = 1800
"""


def test_a_small_policy_is_enough_and_its_version_names_its_text():
    policy = parse(VALID, name="t.toml")
    assert policy.version.startswith("1+")
    assert policy.version != parse(VALID + "\n# a change", name="t.toml").version


def test_those_with_an_exempt_role_or_group_are_exempt_and_nobody_else():
    exempt = parse(VALID + '[behaviour]\nexempt_roles = ["reader"]\nexempt_groups = "/aided"\n', name="t.toml").exempt
    subject = b.request().subject
    assert exempt.covers(replace(subject, roles=("other", "reader")))
    assert exempt.covers(replace(subject, groups=("/aided",)))
    assert not exempt.covers(replace(subject, roles=("/aided",), groups=("reader",)))
    assert not POLICY.exempt.covers(subject)


def test_rules_are_read_whole():
    text = (
        VALID
        + """
[[rule]]
name = "payouts"
when = { client = "payout", level_at_least = "MEDIUM", properties = { "subject.department" = "x" } }
effect = { require_acr = "mfa", session = "end", unenrolled = "limit", access_token_lifespan_s = 30, refuse = false }
[[rule]]
name = "never"
when = { subject = ["bob"], role = ["a", "b"] }
effect = "deny"
"""
    )
    first, second = parse(text, name="t.toml").rules
    assert first.when == Condition(
        client=("payout",), level_at_least=Level.MEDIUM, properties=(("subject.department", "x"),)
    )
    assert first.effect == Effect(
        require_acr="mfa", session=SessionFate.END, unenrolled=Unenrolled.LIMIT, access_token_lifespan_s=30
    )
    assert second.effect == Effect(refuse=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("prior = 0.01", "prior = 2"), "line 5: `risk.prior` must be a probability"),
        (("high = 0.2\n", "high = 0.01\n"), "`risk` must have medium < high <= refuse_token <= refuse"),
        (('id = "t"', 'id = ""'), "line 2: `id` must be a text"),
        (("quorum = 2", "quorum = -1"), "line 7: `risk.quorum` must be a whole number"),
        (("quorum = 2", "quorum = 2\nmood = 1"), "line 8: `risk.mood` is not known"),
        (('version = "1"', 'version = "1"\nwhat = 1'), "line 4: `what` is not known"),
        (('["basic", "mfa"]', '["basic", "basic"]'), "`acr.ladder` must list"),
        (('["basic", "mfa"]', "[]"), "`acr.ladder` must list"),
        (('["basic", "mfa"]', "[1]"), "`acr.ladder` must be a list of texts"),
        (('low = "basic"', 'low = "gold"'), "line 14: `acr.low` must be a step"),
        (('high = "mfa"', 'high = "basic"\nmedium = "mfa"'), "not TOML"),
        (('low = "basic"', 'low = "mfa"'), "`acr.high` must not be weaker"),
        (
            ("access_token_floor_s = 60", "access_token_floor_s = 600"),
            "line 19: `lifetimes.access_token_floor_s` must not",
        ),
        (("refresh_token_floor_s = 600", "refresh_token_floor_s = 6000"), "line 21: `lifetimes.refresh_token_floor_s`"),
        (("[lifetimes]", "[lifetimes"), "not TOML"),
        (("step_up_max_age_s = 900", 'step_up_max_age_s = 900\nunenrolled = "x"'), "`acr.unenrolled` must be one of"),
        (("[lifetimes]", "[session]\nat_refuse = 'x'\n[lifetimes]"), "line 19: `session.at_refuse` must be one of"),
        (('id = "t"', 'id = "t"\nlearning = 3'), "`learning` must be a table"),
        (
            ("[acr]", "[learning]\nfirst_logins = 3\nbaseline_valid_days = 0\n[acr]"),
            "`learning.baseline_valid_days` must",
        ),
        (("[acr]", "[behaviour]\nexempt_roles = 3\n[acr]"), "line 13: `behaviour.exempt_roles` must be a list"),
        (("[acr]", "[behaviour]\nexempt = []\n[acr]"), "line 13: `behaviour.exempt` is not known"),
        (('id = "t"', 'id = "t"\nrule = 3'), "`rule` must be a list"),
        (('id = "t"', 'id = "t"\nrule = [{name="", effect="deny"}]'), "`rule[0].name` must be a text"),
        (('id = "t"', 'id = "t"\nrule = [{name="a", effect={refuse=1}}]'), "`rule[0].effect.refuse` must be true"),
        (('id = "t"', 'id = "t"\nrule = [{name="a", effect={unenrolled="x"}}]'), "`rule[0].effect.unenrolled` must"),
        (('id = "t"', 'id = "t"\nrule = [{name="a", effect={max_acr="x"}}]'), "`rule[0].effect.max_acr` must be"),
        (('id = "t"', 'id = "t"\nrule = [{name="a", when={who="x"}, effect="deny"}]'), "`rule[0].when.who` is not"),
        (
            ('id = "t"', 'id = "t"\nrule = [{name="a", when={properties={x=1}}, effect="deny"}]'),
            "`rule[0].when.properties` `x` must be",
        ),
    ],
)
def test_what_is_wrong_with_a_policy_is_named_with_its_line(change, problem):
    with pytest.raises(PolicyInvalid) as caught:
        parse(VALID.replace(*change, 1), name="t.toml")
    assert any(problem in found for found in caught.value.problems), caught.value.problems


def test_every_problem_is_reported_at_once():
    broken = VALID.replace("prior = 0.01", "prior = 2").replace("quorum = 2", "quorum = 99").replace('"t"', "3")
    with pytest.raises(PolicyInvalid) as caught:
        parse(broken, name="t.toml")
    assert len(caught.value.problems) == 3
