"""Conditions part by part, layers, budgets, break-glass and what strictness means, on hand-made cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from idp_adapter.core.environments import Environment
from idp_adapter.core.policy import BREAK_GLASS, BUDGET_SPENT, BreakGlass, Budget, Members, Recorded, facts_of, placed
from idp_adapter.core.policy_layers import Layer, Override, ordered
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.strictness import Kind, answer_of, is_at_least_as_strict, kind_of
from idp_adapter.core.types import (
    Hook,
    Level,
    Obligations,
    Reason,
    Session,
    SessionFate,
    Signals,
    Subject,
    SubjectId,
    Unenrolled,
)
from idp_adapter.core.types.facts import Facts
from tests.core import builders as b
from tests.core import policies as p
from tests.core.policies import BASIC, EXTREME, HIGH, LOW, MEDIUM, MFA, PHR, answer, facts, named, shipped

FULL = facts(
    roles=named("payer"),
    groups=named("/staff"),
    factors=named("otp"),
    scopes=named("openid"),
    networks=named("public", "tor"),
    zones=named("lan"),
    sites=named("hq"),
    devices=named("tills"),
    environments=named("office"),
    country="PT",
    properties=(("subject.department", "sales"),),
    hour=9,
    day=2,
    auth_age_s=100,
    session_age_s=200,
)


@pytest.mark.parametrize(
    ("when", "unmet"),
    [
        (Condition(), None),
        (Condition(hook=named("login", "refresh")), None),
        (Condition(hook=named("refresh")), "hook"),
        (Condition(realm=named("https://id.example/realms/a")), None),
        (Condition(realm=named("other")), "realm"),
        (Condition(client=named("other")), "client"),
        (Condition(subject=named("alice")), None),
        (Condition(subject=named("bob")), "subject"),
        (Condition(subject_type=named("service_account")), "subject_type"),
        (Condition(role=named("payer", "none")), None),
        (Condition(role=named("none")), "role"),
        (Condition(group=named("/none")), "group"),
        (Condition(factor=named("otp")), None),
        (Condition(factor=named("webauthn")), "factor"),
        (Condition(scope=named("payments")), "scope"),
        (Condition(environment=named("office")), None),
        (Condition(environment=named("remote")), "environment"),
        (Condition(zone=named("other")), "zone"),
        (Condition(site=named("other")), "site"),
        (Condition(device=named("other")), "device"),
        (Condition(network=named("tor")), None),
        (Condition(network=named("vpn")), "network"),
        (Condition(country=named("PT", "ES")), None),
        (Condition(country=named("ES")), "country"),
        (Condition(place_known=True), None),
        (Condition(place_known=False), "place_known"),
        (Condition(hour=frozenset({9})), None),
        (Condition(hour=frozenset({10})), "hour"),
        (Condition(day=frozenset({2})), None),
        (Condition(day=frozenset({3})), "day"),
        (Condition(session_age_over_s=199), None),
        (Condition(session_age_over_s=200), "session_age_over_s"),
        (Condition(auth_age_over_s=99), None),
        (Condition(auth_age_over_s=100), "auth_age_over_s"),
        (Condition(offline=False), None),
        (Condition(offline=True), "offline"),
        (Condition(properties=(("subject.department", "sales"),)), None),
        (Condition(properties=(("subject.department", "other"),)), "properties"),
        (Condition(reason=named("code", "none")), None),
        (Condition(reason=named("none")), "reason"),
        (Condition(level_at_least=Level.MEDIUM), "level_at_least"),
        (Condition(hook=named("login"), client=named("other")), "client"),
    ],
)
def test_all_given_parts_of_a_condition_must_match_and_the_first_that_does_not_is_named(when, unmet):
    rule = Rule("r", when, Effect(require_acr=MFA))
    assert rule.unmet(FULL, Level.LOW, named("code")) == (f"when.{unmet}" if unmet else None)
    decision = answer(replace(shipped(), rules=(rule,)), LOW, FULL)
    assert (decision.acr_values == (MFA,)) is (unmet is None)
    assert (decision.reasons == (Reason("rule", 0.0, {"name": "r"}),)) is (unmet is None)


def test_an_age_that_is_not_told_is_as_old_as_can_be():
    for part in ("session_age_over_s", "auth_age_over_s"):
        assert Condition(**{part: 10**9}).unmet_fact(facts()) is None


def test_unless_keeps_a_rule_from_applying():
    rule = Rule("abroad", Condition(), Effect(refuse=True), Condition(country=named("PT", "ES")))
    policy = replace(shipped(), rules=(rule,))
    assert answer(policy, LOW, FULL).permitted
    assert not answer(policy, LOW, replace(FULL, country="")).permitted
    assert rule.unmet(FULL, Level.LOW, frozenset()) == "unless"


ADMINS = Rule("admins", Condition(role=named("admin")), Effect(require_acr=MFA))
STAFF_ONLY = Rule("staff only", Condition(), Effect(refuse=True), Condition(group=named("/staff")))


def test_a_role_or_group_that_could_not_be_told_counts_as_the_subjects():
    policy = replace(shipped(), rules=(ADMINS, replace(ADMINS, name="staff", when=Condition(group=named("/staff")))))
    assert answer(policy, LOW, facts()).permitted
    for kind, name in (("roles_cut", "admins"), ("groups_cut", "staff")):
        decision = answer(policy, LOW, facts(**{kind: True}))
        assert decision.acr_values == (MFA,)
        assert decision.reasons == (Reason("rule", 0.0, {"name": name}), Reason(kind, 0.0))
    assert answer(shipped(), LOW, facts(roles_cut=True, groups_cut=True)).permitted


def test_unless_lets_off_only_those_whose_role_or_group_was_told():
    policy = replace(shipped(), rules=(STAFF_ONLY,))
    assert not answer(policy, LOW, facts(groups_cut=True)).permitted
    assert answer(policy, LOW, facts(groups=named("/staff"), groups_cut=True)).permitted


def test_a_rule_that_may_apply_tightens_and_does_not_let_in_who_lacks_the_factor():
    asks = Effect(require_acr=PHR, unenrolled=Unenrolled.LIMIT)
    sure = Rule("sure", Condition(role=named("payer")), asks)
    for told, unenrolled in ((facts(roles_cut=True), Unenrolled.DENY), (FULL, Unenrolled.LIMIT)):
        decision = answer(replace(shipped(), rules=(sure,)), LOW, told)
        assert (decision.acr_values, decision.unenrolled) == ((PHR,), unenrolled)
    spared = replace(sure, unless=Condition(role=named("guest")))
    assert answer(replace(shipped(), rules=(spared,)), LOW, FULL).unenrolled is Unenrolled.LIMIT
    assert answer(replace(shipped(), rules=(spared,)), LOW, replace(FULL, roles_cut=True)).unenrolled is Unenrolled.DENY


# --- facts ----------------------------------------------------------------------------------------------


def test_facts_hold_only_the_names_that_the_policy_asks_about():
    subject = Subject(
        SubjectId("user", "u"), ("a", "b"), ("/x", "/y"), ("otp",), properties={"department": "sales", "shoe": 44}
    )
    asked = replace(
        b.request(), subject=subject, session=Session(sid="s", acr=MFA, auth_time=b.NOW - timedelta(seconds=7), age_s=9)
    )
    asked = replace(asked, resource=replace(asked.resource, scope="openid payments"))
    recorded = Recorded(named("b", "c"), named("/x"), named("payments"), named("subject.department", "odd"))
    found = facts_of(replace(shipped(), recorded=recorded), asked, Signals(ip_kind="public"), now=b.NOW, demands=3)
    assert (found.roles, found.groups, found.scopes) == (named("b"), named("/x"), named("payments"))
    assert found.properties == (("subject.department", "sales"),)
    assert (found.auth_age_s, found.session_age_s, found.session_acr, found.demands) == (7, 9, MFA, 3)
    assert (found.hour, found.day, found.networks) == (9, 2, named("public"))


def test_hours_are_those_of_the_policys_own_clock_also_when_it_changes():
    paris = replace(shipped(), clock=ZoneInfo("Europe/Paris"))
    for month, hour in ((1, 10), (7, 11)):
        assert placed(paris, facts(), now=datetime(2026, month, 15, 9, 0, tzinfo=UTC)).hour == hour


def test_the_address_of_a_backend_says_nothing_of_zones():
    import ipaddress

    from idp_adapter.core.environments import Whereabouts

    inside = Whereabouts(zones=(("lan", ipaddress.ip_network("192.0.2.0/24")),))
    policy = replace(shipped(), whereabouts=inside)
    assert facts_of(policy, b.request(), Signals(), now=b.NOW).zones == named("lan")
    assert not facts_of(policy, b.request("refresh", of_end_user=False), Signals(), now=b.NOW).zones


def test_who_may_have_objected_is_exempt_and_only_who_was_told_to_agree_is_a_volunteer():
    members = Members(roles=("x",), groups=("/x",))
    policy = replace(shipped(), exempt=members, volunteers=members)
    plain = b.request()
    for kind in ("roles_cut", "groups_cut"):
        asked = replace(plain, subject=replace(plain.subject, **{kind: True}))
        found = facts_of(policy, asked, Signals(), now=b.NOW)
        assert (getattr(found, kind), found.is_exempt, found.is_volunteer) == (True, True, False)
        assert not facts_of(replace(policy, exempt=Members()), asked, Signals(), now=b.NOW).is_volunteer
        assert not facts_of(shipped(), asked, Signals(), now=b.NOW).is_exempt
    assert not facts_of(policy, plain, Signals(), now=b.NOW).is_exempt


# --- layers ---------------------------------------------------------------------------------------------


def with_layers(*overrides: Override):
    return replace(shipped(), overrides=ordered(overrides))


def test_a_layer_tightens_and_loosens_only_where_it_says_so():
    loose = Override("page", Layer.CLIENT, Condition(client=named("spa")), {"high": 0.9, "medium": 0.6})
    assert answer(with_layers(loose), HIGH).acr_values == (MFA,)
    assert answer(with_layers(replace(loose, may_loosen=True)), HIGH).permitted
    strict = Override("payout", Layer.CLIENT, Condition(client=named("spa")), {"high": 0.06})
    assert answer(with_layers(strict), MEDIUM).acr_values == (MFA,)


def test_a_more_specific_layer_comes_last_whatever_the_order_in_the_file():
    realm = Override("realm", Layer.REALM, Condition(), {"high": 0.97}, may_loosen=True)
    hook = Override("hook", Layer.HOOK, Condition(hook=named("login")), {"high": 0.07})
    assert with_layers(hook, realm).settled(facts()).high == 0.07
    assert with_layers(realm, hook).settled(facts("refresh")).high == 0.95  # of refuse_token


def test_a_layer_that_may_apply_tightens_and_loosens_nothing():
    loose = Override("relaxed", Layer.MEMBERSHIP, Condition(role=named("x")), {"high": 0.9, "prior": 0.2}, True)
    settings = shipped().settings
    assert with_layers(loose).settled(facts(roles=named("x"))).high == 0.9
    for asked in (facts(), facts(roles_cut=True)):
        assert with_layers(loose).settled(asked).high == settings.high
    assert with_layers(loose).settled(facts(roles_cut=True)).prior == 0.2
    assert with_layers(loose).settled(facts(roles=named("x"), roles_cut=True)).high == 0.9


def test_of_two_entries_on_one_layer_the_strictest_counts():
    one = Override("a", Layer.MEMBERSHIP, Condition(role=named("x")), {"high": 0.5}, may_loosen=True)
    other = Override("b", Layer.MEMBERSHIP, Condition(group=named("y")), {"high": 0.3}, may_loosen=True)
    both = facts(roles=named("x"), groups=named("y"))
    assert with_layers(one, other).settled(both).high == 0.3
    assert with_layers(one, replace(other, may_loosen=False)).settled(both).high == shipped().settings.high


def test_thresholds_on_one_point_leave_no_slope():
    layer = Override("cliff", Layer.REALM, Condition(), {"high": 0.01})
    life = [answer(with_layers(layer), nats).obligations.access_token_lifespan_s for nats in (-2.0, 1.0)]
    assert life == [None, 60]


# --- limits, budgets, break-glass -------------------------------------------------------------------------


def test_a_limiting_rule_lets_in_with_the_shortest_tokens_at_the_class_reached():
    policy = replace(shipped(), rules=(Rule("r", Condition(), Effect(limit=True)),))
    limited = answer(policy, LOW, facts(session_acr=MFA))
    assert limited.permitted
    assert limited.obligations == Obligations(60, 600, MFA)
    assert answer(policy, LOW, facts(session_acr="odd")).obligations.max_acr == BASIC
    assert answer(policy, LOW, facts(access_token_s=20)).obligations.access_token_lifespan_s == 20
    read = answer(replace(policy, unknown_action_permitted=True), LOW, facts("read"))
    assert read.obligations == Obligations()


def test_a_limiting_rule_keeps_its_tokens_short_where_the_risk_asks_for_a_step_up():
    policy = replace(shipped(), rules=(Rule("r", Condition(), Effect(limit=True)),))
    asked = answer(policy, HIGH, facts(session_acr=BASIC))
    assert (asked.permitted, asked.acr_values) == (False, (MFA,))
    assert (asked.obligations.access_token_lifespan_s, asked.obligations.refresh_token_lifespan_s) == (60, 600)
    assert asked.obligations.max_acr is None


def test_past_the_budget_the_next_demand_is_a_refusal():
    policy = replace(shipped(), budget=Budget(3, 600))
    assert answer(policy, HIGH, facts(demands=2)).acr_values == (MFA,)
    spent = answer(policy, HIGH, facts(demands=3))
    assert kind_of(spent, "login") is Kind.REFUSE
    assert spent.reasons == (Reason(BUDGET_SPENT, 0.0),)
    assert answer(policy, LOW, facts(demands=3)).permitted
    assert answer(policy, HIGH, facts("refresh", demands=3)).permitted


def test_past_the_budget_limit_lets_in_low_where_no_rule_asks_for_more():
    policy = replace(shipped(), budget=Budget(3, 600, Unenrolled.LIMIT))
    spent = answer(policy, HIGH, facts(demands=3, session_acr=None))
    assert (spent.permitted, spent.obligations.max_acr) == (True, BASIC)
    assert spent.obligations.access_token_lifespan_s == 60
    assert not answer(policy, EXTREME, facts(demands=3)).permitted
    ruled = replace(policy, rules=(Rule("payouts", Condition(), Effect(require_acr=MFA)),))
    assert kind_of(answer(ruled, HIGH, facts(demands=3)), "login") is Kind.REFUSE


def test_a_demand_that_behaviour_alone_raised_is_asked_again_past_the_budget():
    policy = replace(shipped(), budget=Budget(3, 600))
    typed = p.risk(HIGH, calm=0.0)
    assert answer(policy, asked=facts(demands=9), of=typed).acr_values == (MFA,)


GLASS = BreakGlass("emergency", p.ALICE)


def test_a_break_glass_account_is_let_in_whatever_the_risk_for_a_short_time_and_is_named():
    refusing = (Rule("no", Condition(), Effect(refuse=True)),)
    policy = replace(shipped(), break_glass=(GLASS,), rules=refusing)
    for hook in (Hook.LOGIN, Hook.REFRESH):
        let_in = answer(policy, EXTREME, facts(hook))
        assert let_in.permitted
        assert let_in.obligations == Obligations(60, 600)
        assert let_in.reasons[-1] == Reason(BREAK_GLASS, 0.0, {"name": "emergency"})
    assert not answer(policy, EXTREME, facts(subject=SubjectId("user", "bob"))).permitted
    assert not answer(policy, EXTREME, facts(subject=SubjectId("service_account", "alice"))).permitted
    assert not answer(policy, LOW, facts("read")).permitted


def test_a_break_glass_account_may_be_bound_to_a_realm_and_to_a_class():
    bound = replace(GLASS, realm="https://id.example/realms/b", acr=PHR)
    policy = replace(shipped(), break_glass=(bound,))
    assert not answer(policy, EXTREME).permitted
    there = facts(realm="https://id.example/realms/b")
    assert answer(policy, EXTREME, there).acr_values == (PHR,)
    assert answer(policy, EXTREME, replace(there, session_acr=PHR)).permitted
    lowest = replace(policy, break_glass=(replace(bound, acr=BASIC),))
    assert answer(lowest, EXTREME, replace(there, session_acr=None)).permitted


# --- strictness -----------------------------------------------------------------------------------------


def test_strictness_ranks_refusal_over_step_up_over_permit_and_compares_obligations():
    permit, step_up, refuse = (answer(shipped(), nats) for nats in (LOW, HIGH, EXTREME))
    limit = replace(permit, obligations=Obligations(60, 600, BASIC))
    higher = replace(step_up, acr_values=(PHR,))
    capped = replace(permit, obligations=Obligations(max_acr=BASIC))
    short = replace(permit, obligations=Obligations(access_token_lifespan_s=30))
    ended = replace(permit, obligations=Obligations(session=SessionFate.END))

    def is_stricter(one, other, hook="login"):
        return is_at_least_as_strict(one, other, hook=hook, ladder=shipped().ladder)

    for stricter, looser in [(refuse, higher), (higher, step_up), (limit, permit), (refuse, limit), (capped, permit)]:
        assert is_stricter(stricter, looser)
        assert not is_stricter(looser, stricter)
    assert not is_stricter(capped, short)
    assert not is_stricter(short, capped)
    assert not is_stricter(refuse, ended)
    refused = answer(shipped(), EXTREME, facts("refresh"))
    assert kind_of(refused, "refresh") is Kind.REFUSE
    assert [answer_of(refused, hook) for hook in ("refresh", "login")] == ["refuse", "step_up"]


def test_an_environment_is_found_by_what_it_asks_for():
    floor = Environment("floor", Condition(zone=named("lan")), {})
    policy = replace(shipped(), environments=(floor,))
    assert placed(policy, facts(zones=named("lan")), now=b.NOW).environments == named("floor")
    assert placed(policy, facts(), now=b.NOW) == replace(facts(), hour=9, day=2)
    assert isinstance(facts(), Facts)
