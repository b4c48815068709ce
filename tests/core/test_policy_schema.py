"""A policy's text: what is read, and what is wrong with it, with line, field and fix."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.policy_file import load, parse
from idp_adapter.core.environments import Response
from idp_adapter.core.evidence.codes import CODES
from idp_adapter.core.policy import Budget, Recorded, facts_of
from idp_adapter.core.policy_layers import Layer
from idp_adapter.core.policy_rules import Condition, Effect
from idp_adapter.core.types import Level, SessionFate, Signals, Unenrolled
from idp_adapter.errors import PolicyInvalid
from tests.core import builders as b

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
    assert not load(None).exempt.covers(subject)


def test_those_with_a_role_or_group_of_backgrounds_count_in_them_unless_they_are_exempt():
    stated = '[behaviour]\nbackground_roles = ["giver"]\nbackground_groups = "/givers"\nexempt_groups = "/aided"\n'
    policy, asked = parse(VALID + stated, name="t.toml"), b.request()

    def counts(**changes: tuple[str, ...]) -> bool:
        asker = replace(asked, subject=replace(asked.subject, **changes))
        return facts_of(policy, asker, Signals(), now=b.NOW).is_volunteer

    assert counts(roles=("other", "giver"))
    assert counts(groups=("/givers",))
    assert not counts(roles=("/givers",), groups=("giver",))
    assert not counts(groups=("/givers", "/aided"))
    assert not load(None).volunteers.covers(replace(asked.subject, roles=("giver",), groups=("/givers",)))


def test_a_baseline_is_valid_as_long_as_the_policy_says():
    assert load(None).learning.baseline_valid == timedelta(days=180)


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
        client=frozenset({"payout"}), level_at_least=Level.MEDIUM, properties=(("subject.department", "x"),)
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
        (("quorum = 2", f"quorum = {'9' * 5000}"), "holds a number too long"),
        (("quorum = 2", f"quorum = {'[' * 5000}{']' * 5000}"), "lists nested too deep"),
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


WHOLE = (
    VALID
    + """
[acr.factors]
mfa = ["otp", "webauthn"]
[step_up_budget]
demands = 3
window_s = 600
past = "limit"
[clock]
timezone = "Europe/Paris"
[retention]
decisions_days = 30
[on_unavailable]
login = "deny"
[record]
roles = ["auditor"]
properties = ["subject.floor"]
[zones]
lan = ["192.0.2.0/24", "2001:db8::/32"]
[sites.hq]
latitude = 48.85
longitude = 2.35
radius_km = 20
[device_groups]
tills = ["thumb"]
[[environment]]
name = "floor"
when = { zone = "lan", device = ["tills"] }
sources = { device = 0.2, keystroke = 1 }
factors = ["webauthn"]
responses = ["limit"]
[[environment]]
name = "remote"
when = { client = "vpn" }
[[break_glass]]
name = "emergency"
subject = "0000-1"
acr = "mfa"
[[layer]]
name = "payouts"
client = "payout"
hook = ["login"]
may_loosen = true
risk = { high = 0.1 }
acr = { acr_on_refresh = "keep", unenrolled = "limit" }
lifetimes = { access_token_max_s = 100 }
reuse = { refresh_s = 0 }
session = { at_refuse = "end" }
[[layer]]
name = "staff"
group = "/staff"
risk = { quorum = 3 }
[[rule]]
name = "night"
when = { hour = ["22-6"], day = ["mon", "sun"], role = "admin", scope = "payments", session_age_over_s = 0 }
unless = { country = ["FR"], site = "hq", place_known = true, offline = false }
effect = { limit = true, max_age_s = 60, reuse_s = 0 }
[[rule]]
name = "tor"
when = { network = "tor", environment = ["floor"], factor = ["otp"], zone = ["lan"] }
effect = "deny"
"""
)


def test_a_rule_may_ask_about_actions_of_its_own_and_every_code_that_a_source_gives():
    listed = ", ".join(f'"{code}"' for code in sorted(CODES))
    text = WHOLE.replace('network = "tor"', f'hook = ["write", "refresh"], network = "unknown", reason = [{listed}]')
    rule = parse(text, name="t.toml").rules[1]
    assert (rule.when.hook, rule.when.reason) == ({"write", "refresh"}, CODES)


def test_a_rule_may_ask_about_types_of_subjects_that_another_caller_names():
    text = WHOLE.replace('network = "tor"', 'subject_type = ["workload", "device", "service_account"]')
    assert parse(text, name="t.toml").rules[1].when.subject_type == {"workload", "device", "service_account"}


def test_everything_that_a_policy_can_say_is_read():
    policy = parse(WHOLE, name="t.toml")
    assert policy.acr_factors == {"mfa": {"otp", "webauthn"}}
    assert policy.budget == Budget(3, 600, Unenrolled.LIMIT)
    assert str(policy.clock) == "Europe/Paris"
    assert (policy.retention_days, policy.on_unavailable) == ({"decisions": 30}, {"login": "deny"})
    assert policy.recorded == Recorded(
        roles=frozenset({"auditor", "admin"}),
        groups=frozenset({"/staff"}),
        scopes=frozenset({"payments"}),
        properties=frozenset({"subject.floor"}),
    )
    assert policy.whereabouts.zones_of("2001:db8::1") == {"lan"}
    assert [site.radius_km for site in policy.whereabouts.sites] == [20.0]
    floor, remote = policy.environments
    assert (floor.weights, floor.factors) == ({"device": 0.2, "keystroke": 1.0}, {"webauthn"})
    assert (floor.responses, remote.factors) == ({Response.LIMIT}, None)
    assert policy.break_glass[0].acr == "mfa"
    staff, payouts = policy.overrides
    assert (staff.layer, payouts.layer) == (Layer.MEMBERSHIP, Layer.HOOK)
    assert payouts.changes == {
        "high": 0.1,
        "lower_acr_on_refresh": False,
        "unenrolled": Unenrolled.LIMIT,
        "access_token_max_s": 100,
        "refresh_reuse_s": 0,
        "session_at_refuse": SessionFate.END,
    }
    assert (payouts.may_loosen, staff.may_loosen) == (True, False)
    night = policy.rules[0]
    assert night.when.hour == {22, 23, 0, 1, 2, 3, 4, 5}
    assert night.when.day == {0, 6}
    assert night.unless == Condition(country=frozenset({"FR"}), site=frozenset({"hq"}), place_known=True, offline=False)
    assert night.effect == Effect(limit=True, max_age_s=60, reuse_s=0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('"Europe/Paris"', '"Europe/Pariss"'), "line 31: `clock.timezone` must be a name of the IANA time zones"),
        (('login = "deny"', 'login = "step_up"'), "line 35: `on_unavailable.login` must be one of 'step-up'"),
        (('login = "deny"', 'logon = "deny"'), "line 35: `on_unavailable.logon` is not known; did you mean `login`?"),
        (("192.0.2.0/24", "192.0.2.7/24"), "line 40: `zones.lan` holds `192.0.2.7/24`: write a network"),
        (("latitude = 48.85", "latitude = 148"), "line 42: `sites.hq.latitude` must be a number from -90 to 90"),
        (("device = 0.2", "device = 2"), "line 50: `environment[0].sources.device` must be a number from 0 to 1"),
        (("device = 0.2", "devise = 0.2"), "`environment[0].sources.devise` is not known; did you mean `device`?"),
        (('{ zone = "lan"', '{ zone = "lam"'), "names `lam`, which is no zone of this policy; did you mean `lan`?"),
        (('when = { client = "vpn" }', "when = {}"), "`environment[1].when` selects nothing"),
        (('name = "remote"', 'name = "floor"'), "`environment[1].name` is the second environment named `floor`"),
        (('responses = ["limit"]', 'responses = ["wait"]'), "`environment[0].responses` names `wait`"),
        (('mfa = ["otp", "webauthn"]', ""), "line 24: `acr.factors` must say which factors reach mfa"),
        (('group = "/staff"\n', ""), "line 71: `layer[1].name` selects nothing"),
        (("risk = { quorum = 3 }", ""), "line 71: `layer[1].name` changes nothing"),
        (("risk = { quorum = 3 }", "risk = { hihg = 3 }"), "`layer[1].risk.hihg` is not known; did you mean `high`?"),
        (('"22-6"', '"22"'), "`rule[0].when.hour` must hold ranges of hours"),
        (('"22-6"', '"7-7"'), "`rule[0].when.hour` must hold ranges of hours"),
        (('"sun"', '"sunday"'), "`rule[0].when.day` names `sunday`, which is no day"),
        (('["FR"]', '["France"]'), "`rule[0].unless.country` must hold ISO 3166 codes"),
        (("offline = false }", 'level_at_least = "HIGH" }'), "`rule[0].unless.level_at_least` is not known"),
        (("place_known = true", 'place_known = "yes"'), "`rule[0].unless.place_known` must be true or false"),
        (
            ('unless = { country = ["FR"], site = "hq", place_known = true, offline = false }', "unless = {}"),
            "`rule[0].unless` is empty",
        ),
        (('effect = "deny"', "effect = {}"), "`rule[1].effect` is empty; say what the rule asks"),
        (('effect = "deny"', 'effect = "alow"'), '`rule[1].effect` must be "deny" or a table, such as'),
        (('network = "tor"', 'network = "torr"'), "`rule[1].when.network` names `torr`, which is no network: allow,"),
        (
            ('network = "tor"', 'reason = "network_feed_torr"'),
            "code that any source gives; docs/signals.md lists them; did you",
        ),
        (
            ('network = "tor"', 'subject_type = "service-account"'),
            "`rule[1].when.subject_type` names `service-account`, which Keycloak never asks about; did you mean "
            "`service_account`?",
        ),
        (('network = "tor"', 'subject_type = ["workload", "User"]'), "names `User`, which Keycloak never asks about"),
        (
            ('network = "tor"', 'hook = "tokens"'),
            "names `tokens`, which Keycloak never asks about; did you mean `token`?",
        ),
        (('network = "tor"', 'hook = "LOGIN"'), "did you mean `login`?"),
        (
            ("[step_up_budget]\ndemands = 3", "[ step_up_budget ] # few\ndemands = 0"),
            "line 27: `step_up_budget.demands`",
        ),
        (('[[rule]]\nname = "tor"', '[[ rule ]]\nname = ""'), "line 80: `rule[1].name` must be a text"),
        (("[sites.hq]\nlatitude = 48", "[sites.'the hq']\nlatitude = 148"), "line 42: `sites.the hq.latitude`"),
        (('lan = ["192', '"the lan" = ["no'), "line 40: `zones.the lan` holds `no"),
        (('name = "tor"', 'name = "night"'), "`rule[1].name` is the second rule named `night`"),
        (("demands = 3", "demands = 0"), "line 27: `step_up_budget.demands` must be a whole number from 1 to 50"),
        (("decisions_days = 30", "decision_days = 30"), "did you mean `decisions_days`?"),
        (('subject = "0000-1"', "subject = 1"), "`break_glass[0].subject` must be a text"),
    ],
)
def test_what_is_wrong_with_a_whole_policy_is_named_with_its_line_and_the_fix(change, problem):
    assert change[0] in WHOLE
    with pytest.raises(PolicyInvalid) as caught:
        parse(WHOLE.replace(*change, 1), name="t.toml")
    assert any(problem in found for found in caught.value.problems), caught.value.problems


def test_names_that_a_policy_chooses_are_bounded():
    zones = "[zones]\n" + "\n".join(f'z{i} = "192.0.2.0/24"' for i in range(65))
    many = "[zones]\nall = [" + '"192.0.2.0/24",' * 1025 + "]"
    devices = "[device_groups]\nall = [" + '"t",' * 4097 + "]"
    properties = ", ".join(f'"subject.p{i}" = 1' for i in range(33))
    rule = f'[[rule]]\nname = "r"\nwhen = {{ properties = {{ {properties} }} }}\neffect = "deny"'
    for text in (zones, many, devices, rule):
        with pytest.raises(PolicyInvalid, match="at most"):
            parse(f"{VALID}\n{text}\n", name="t.toml")


def test_every_problem_is_reported_at_once():
    broken = VALID.replace("prior = 0.01", "prior = 2").replace("quorum = 2", "quorum = 99").replace('"t"', "3")
    with pytest.raises(PolicyInvalid) as caught:
        parse(broken, name="t.toml")
    assert len(caught.value.problems) == 3
