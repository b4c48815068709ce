"""Replay: what a policy looks at, groups judged at once, and the report."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.differences import Difference
from idp_adapter.core.environments import Site, Whereabouts
from idp_adapter.core.policy import BreakGlass, Recorded, decide
from idp_adapter.core.policy_layers import Layer, Override, ordered
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.replay import (
    Group,
    Report,
    age_of,
    bands_of,
    judge,
    look_of,
    nats_of,
    probability_of,
    read_again,
    unrecorded,
)
from idp_adapter.core.types import Place
from tests.core import builders as b
from tests.core import policies as p
from tests.core.policies import HIGH, LOW, facts, named, shipped


def group(nats: float = LOW, count: int = 1, asked=None, **changes) -> Group:
    risk, asked = p.risk(nats), asked or facts()
    decision = decide(shipped(), asked, risk, decision_id="d")
    made = Group(
        count=count,
        facts=asked,
        time=b.NOW,
        place=Place(),
        probability=risk.probability,
        without_behaviour=risk.without_behaviour,
        permitted=decision.permitted,
        acr_values=decision.acr_values,
        obligations=decision.obligations,
    )
    return replace(made, **changes)


def test_a_policy_that_recorded_would_answer_the_same():
    for nats in (LOW, 2.0, HIGH, 9.0):
        assert judge(shipped(), group(nats)) is Difference.SAME


def test_a_stricter_candidate_challenges_refuses_and_shortens():
    settings = replace(shipped().settings, medium=0.004, high=0.01, refuse=0.5, refuse_token=0.5)
    strict = replace(shipped(), settings=settings)
    assert judge(strict, group(0.5)) is Difference.CHALLENGED
    assert judge(strict, group(HIGH + 0.5)) is Difference.REFUSED
    assert judge(strict, group(-0.5, asked=facts("refresh"))) is Difference.SHORTENED


def test_evidence_is_read_on_the_candidates_own_scale():
    doubtful = replace(shipped(), settings=replace(shipped().settings, prior=0.3))
    risk = p.risk(LOW)
    _, again = read_again(doubtful, facts(), risk, time=b.NOW, place=Place())
    assert again.probability > 0.1
    _, same = read_again(shipped(), facts(), risk, time=b.NOW, place=Place())
    assert same == risk
    assert judge(doubtful, group(2.2, contributions=p.risk(2.2).contributions)) is Difference.CHALLENGED


def test_a_rule_hears_the_codes_of_a_group_and_law_4_holds():
    candidate = replace(shipped(), rules=(Rule("no", Condition(reason=named("code")), Effect(refuse=True)),))
    assert judge(candidate, group(codes=named("code"), calm_codes=named("code"))) is Difference.REFUSED
    assert judge(candidate, group(codes=named("code"))) is Difference.SAME
    assert judge(candidate, group()) is Difference.SAME


def test_places_are_read_by_the_candidates_own_sites():
    sites = Whereabouts(sites=(Site("lisbon", b.LISBON, 50.0),))
    rule = Rule("away", Condition(), Effect(refuse=True), Condition(site=named("lisbon")))
    candidate = replace(shipped(), whereabouts=sites, rules=(rule,))
    assert judge(candidate, group(place=b.LISBON)) is Difference.SAME
    assert judge(candidate, group(place=b.SINGAPORE)) is Difference.REFUSED


def test_a_policy_looks_at_what_its_rules_and_layers_ask_about_and_at_nothing_else():
    plain = look_of(shipped(), live=shipped())
    assert not any((plain.by_country, plain.by_place, plain.by_time, plain.rescales, plain.codes, plain.subjects))
    assert plain.probabilities == (0.05, 0.1, 0.95, 0.9999)
    assert plain.slope == (0.05, 0.1)
    rules = (
        Rule("a", Condition(reason=named("code"), hour=frozenset({1}), session_age_over_s=60), Effect(max_age_s=5)),
        Rule("b", Condition(auth_age_over_s=70), Effect(refuse=True), Condition(country=named("PT"))),
    )
    layer = Override("l", Layer.CLIENT, Condition(client=named("spa"), subject=named("bob")), {"high": 0.3})
    asking = replace(
        shipped(),
        rules=rules,
        overrides=ordered([layer]),
        whereabouts=Whereabouts(sites=(Site("s", Place(), 1.0),)),
        break_glass=(BreakGlass("g", p.ALICE),),
    )
    look = look_of(asking, live=shipped())
    assert all((look.by_country, look.by_place, look.by_time))
    assert (look.codes, look.subjects) == ({"code"}, {"alice", "bob"})
    assert (look.auth_ages_s, look.session_ages_s) == ((5, 70, 900), (60,))
    assert look.probabilities == (0.05, 0.1, 0.3, 0.95, 0.9999)
    assert look.slope == (0.05, 0.3)
    colder = Override("c", Layer.REALM, Condition(realm=named("x")), {"prior": 0.2})
    several = look_of(replace(shipped(), overrides=(colder,)), live=shipped())
    assert (several.rescales, several.scale) == (True, None)
    assert plain.scale == shipped().scale


def test_names_that_the_live_policy_did_not_record_are_told():
    asking = replace(
        shipped(),
        recorded=Recorded(roles=named("auditor"), groups=named("/x")),
        whereabouts=Whereabouts((("lan", ipaddress.ip_network("192.0.2.0/24")),), (), (("tills", "t"),)),
    )
    live = replace(shipped(), recorded=Recorded(groups=named("/x")))
    assert unrecorded(asking, live=live) == ("role auditor", "zone lan", "device tills")


EDGES = (0.05, 0.1, 0.8)


@given(st.integers(0, 3))
def test_what_stands_for_a_band_lies_in_it(band):
    probability = probability_of(band, EDGES)
    assert sum(probability >= edge for edge in EDGES) == band


@given(st.integers(0, 2))
def test_an_age_that_stands_for_a_band_lies_in_it(band):
    assert sum(age_of(band, (5, 70)) > edge for edge in (5, 70)) == band
    assert age_of(None, (5, 70)) is None


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_risk_and_what_stands_for_it_lie_in_the_same_bands(probability, without):
    look = look_of(shipped(), live=shipped())
    p_band, calm_band, exact = bands_of(look, probability, without)
    stands = exact if exact is not None else probability_of(p_band, look.probabilities)
    calm = probability_of(calm_band, look.probabilities)
    assert bands_of(look, stands, calm)[:2] == (p_band, calm_band)
    assert (exact is not None) == (0.05 <= probability < 0.1)


def test_log_odds_of_certainty_are_finite():
    assert -30 < nats_of(0.0) < nats_of(1.0) < 30


def test_a_report_counts_by_client_group_accessibility_and_hook():
    report = Report()
    report.add(group(count=3, asked=facts(groups=named("/a", "/b"))), Difference.REFUSED)
    report.add(group(count=2, asked=facts(is_exempt=True)), Difference.SAME)
    assert (report.judged, report.changes[Difference.REFUSED]) == (5, 3)
    assert report.by_client["spa"].total() == 5
    assert report.by_group["/a"][Difference.REFUSED] == report.by_group["/b"][Difference.REFUSED] == 3
    assert report.by_exemption["exempt from behaviour"].total() == 2
    assert report.changes == {Difference.REFUSED: 3, Difference.SAME: 2}
