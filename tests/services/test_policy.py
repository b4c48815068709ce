"""Policy through the whole service: budgets counted from what is stored, environments, shadows, break-glass."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import timedelta

from idp_adapter.core.environments import MUTED, Environment, Whereabouts
from idp_adapter.core.policy import BreakGlass, Budget, Members, Recorded
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import Hook, OutcomeType, Shadow
from tests.services.conftest import ABROAD_IP, login, telemetry

STRANGE = login(ABROAD_IP, cookie="other")


def test_unmet_step_ups_are_counted_until_the_budget_is_spent_and_the_window_passes(house):
    house.policy = replace(house.policy, budget=Budget(2, 3600))
    house.familiar()
    assert [bool(house.ask(STRANGE).acr_values) for _ in range(3)] == [True, True, False]
    assert house.ask().permitted
    house.now += timedelta(minutes=61)
    assert house.ask(STRANGE).acr_values


def test_a_completed_step_up_gives_its_place_back(house):
    house.policy = replace(house.policy, budget=Budget(2, 3600))
    house.familiar()
    demands = [house.ask(STRANGE), house.ask(STRANGE)]
    house.tell(demands[1], OutcomeType.STEP_UP_SUCCEEDED)
    other = login("198.51.100.77", cookie="third")
    always = replace(house.policy.settings, acr_low="phr", acr_medium="phr", acr_high="phr")
    house.policy = replace(house.policy, settings=always)
    assert house.ask(other).acr_values == ("phr",)
    assert not house.ask(other).acr_values


def test_without_a_budget_nothing_is_counted(house):
    house.policy = replace(house.policy, budget=None)
    house.familiar()
    assert all(house.ask(STRANGE).acr_values for _ in range(12))


def test_a_zone_chooses_the_environment_and_that_mutes_a_source(house):
    inside = Whereabouts(zones=(("floor", ipaddress.ip_network(f"{ABROAD_IP}/32")),))
    floor = Environment("floor", Condition(zone=frozenset({"floor"})), {"device": 0.0, "network": 0.0, "travel": 0.0})
    house.familiar()
    assert not house.ask(STRANGE).permitted
    house.policy = replace(house.policy, whereabouts=inside, environments=(floor,))
    decision = house.ask(STRANGE)
    by_source = {item.source: item for item in decision.risk.contributions}
    assert [reason.code for reason in by_source["device"].reasons] == [MUTED]
    stored = house.store.decision(STRANGE.issuer, decision.id)
    assert (stored.facts.zones, stored.facts.environments) == ({"floor"}, {"floor"})


def test_a_decision_keeps_the_facts_that_its_policy_asks_about_and_where_it_came_from(house):
    house.policy = replace(house.policy, recorded=Recorded(roles=frozenset({"payer"})))
    asked = login()
    asked = replace(asked, subject=replace(asked.subject, roles=("payer", "secret-role")))
    first, second = (house.store.decision(asked.issuer, house.ask(asked).id) for _ in range(2))
    assert first.facts.roles == {"payer"}
    assert "secret-role" not in str(house.store.export(asked.issuer, asked.subject.key))
    assert len(first.inputs) == 64
    assert first.inputs == second.inputs
    assert len(first.weights) == 12
    moved = house.store.decision(asked.issuer, house.ask(login(ABROAD_IP)).id)
    assert moved.inputs != first.inputs


def test_a_subject_whose_roles_could_not_all_be_told_counts_as_having_the_one_that_a_rule_is_about(house):
    admins = Rule("admins", Condition(role=frozenset({"admin"})), Effect(require_acr="phr"))
    house.policy = replace(house.policy, rules=(admins,), recorded=Recorded(roles=frozenset({"admin"})))
    house.familiar()
    plain = login()
    assert house.ask(plain).permitted
    decision = house.ask(replace(plain, subject=replace(plain.subject, roles=("teller",), roles_cut=True)))
    assert decision.acr_values == ("phr",)
    assert [reason.code for reason in decision.reasons] == ["rule", "roles_cut"]
    stored = house.store.decision(plain.issuer, decision.id)
    assert (stored.facts.roles, stored.facts.roles_cut, stored.facts.groups_cut) == (frozenset(), True, False)


def test_nothing_of_a_subject_is_kept_who_may_be_exempt_by_a_group_that_could_not_be_told(house):
    house.policy = replace(house.policy, exempt=Members(groups=("/aided",)))
    asked = login(telemetry=telemetry(), telemetry_challenge="c-1")
    cut = replace(asked, subject=replace(asked.subject, groups_cut=True))
    plain, exempt = (house.store.decision(asked.issuer, house.ask(each).id) for each in (asked, cut))
    assert (plain.facts.is_exempt, exempt.facts.is_exempt) == (False, True)
    assert plain.learnable.typings
    assert not exempt.learnable.typings


def test_a_shadow_policy_answers_beside_and_changes_nothing(house):
    house.familiar()
    alone = house.ask(STRANGE)
    candidate = replace(house.policy, id="candidate", rules=(Rule("no", Condition(), Effect(refuse=True)),))
    decider = replace(house.decider, shadow_for=lambda _: candidate)
    beside = decider.decide(STRANGE, now=house.now, decision_id="d-shadow")
    assert replace(beside, id=alone.id) == alone
    kept = house.store.decision(STRANGE.issuer, "d-shadow").shadow
    assert kept == Shadow("candidate", candidate.version, "refused", "refuse", None, 60, 600)
    assert house.tally.counts["shadow refused"] == 1


def test_a_refresh_that_is_refused_counts_as_refused_live_and_in_the_shadow(house):
    mfa = "urn:idp-adapter:acr:mfa"
    house.policy = replace(house.policy, rules=(Rule("mfa", Condition(), Effect(require_acr=mfa)),))
    decider = replace(house.decider, shadow_for=lambda _: house.policy)
    decisions = [
        decider.decide(login(hook=hook), now=house.now, decision_id=hook) for hook in (Hook.REFRESH, Hook.LOGIN)
    ]
    assert [decision.acr_values for decision in decisions] == [(mfa,), (mfa,)]
    answers = ["refuse", "step_up"]
    assert [house.store.decision(login().issuer, decision.id).shadow.answer for decision in decisions] == answers
    assert house.tally.counts["decided refresh LOW refuse"] == 1
    assert house.tally.counts["decided login LOW step_up"] == 1


def test_a_shadow_policy_that_fails_is_counted_and_the_live_answer_stands(house):
    broken = replace(house.policy, ladder=None)
    decider = replace(house.decider, shadow_for=lambda _: broken)
    assert decider.decide(login(), now=house.now, decision_id="d-shadow").permitted
    assert house.store.decision(login().issuer, "d-shadow").shadow is None
    assert house.tally.counts["shadow failed"] == 1


def test_the_use_of_a_break_glass_account_is_counted_and_on_its_decision(house):
    house.familiar()
    house.policy = replace(house.policy, break_glass=(BreakGlass("emergency", STRANGE.subject.key),))
    decision = house.ask(STRANGE)
    assert decision.permitted
    assert house.tally.counts["break-glass login"] == 1
    stored = house.store.decision(STRANGE.issuer, decision.id)
    assert [reason.code for reason in stored.decision.reasons] == ["break_glass"]
