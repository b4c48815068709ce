"""Work environments: where a request is, which sources are heard there, which factors and answers exist."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from idp_adapter.core.environments import MUTED, Environment, Response, Site, Whereabouts, heard_in
from idp_adapter.core.policy import LIMITED, NO_FACTOR, facts_of
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.strictness import Kind, kind_of
from idp_adapter.core.types import Binding, Evidence, Origin, Place, Reason, Signals, Telemetry, Unenrolled
from tests.core import builders as b
from tests.core import policies as p
from tests.core.policies import BASIC, HIGH, LOW, MFA, PHR, answer, facts, named, shipped

FACTORS = {MFA: named("otp", "webauthn"), PHR: named("webauthn")}
HERE = facts(environments=named("floor"))


def floor(**changes) -> Environment:
    return replace(Environment("floor", Condition(zone=named("lan")), {}), **changes)


def at(*environments: Environment, unenrolled=Unenrolled.DENY, **changes):
    settings = replace(shipped().settings, unenrolled=unenrolled)
    return replace(shipped(), environments=environments, acr_factors=FACTORS, settings=settings, **changes)


# --- where ----------------------------------------------------------------------------------------------

ZONES = Whereabouts(
    zones=tuple((name, ipaddress.ip_network(net)) for name, net in [("lan", "192.0.2.0/24"), ("six", "2001:db8::/32")])
)


@pytest.mark.parametrize(
    ("ip", "zones"),
    [
        ("192.0.2.7", {"lan"}),
        ("::ffff:192.0.2.7", {"lan"}),
        ("2001:db8::1%eth0", {"six"}),
        ("198.51.100.1", set()),
        ("not an address", set()),
        (None, set()),
    ],
)
def test_a_zone_holds_the_addresses_of_its_networks(ip, zones):
    assert ZONES.zones_of(ip) == zones


def test_a_site_holds_a_place_only_with_its_whole_uncertainty():
    sites = Whereabouts(sites=(Site("lisbon", Place(latitude=38.7, longitude=-9.1), 30.0),))
    assert sites.sites_of(b.LISBON) == {"lisbon"}
    assert sites.sites_of(replace(b.LISBON, radius_km=200.0)) == set()
    assert sites.sites_of(b.SINGAPORE) == set()
    assert sites.sites_of(Place()) == set()


def seen_from(place: Place, *tags: str, subject_type: str = "user"):
    """What a policy with a site in Lisbon knows of where a request comes from."""
    policy = replace(shipped(), whereabouts=Whereabouts(sites=(Site("lisbon", b.LISBON, 50.0),)))
    signals = Signals(origin=Origin("a", "p", place), ip_kind="public", network_tags=tags)
    return facts_of(policy, b.request(subject_type=subject_type), signals, now=b.NOW)


@pytest.mark.parametrize("tag", ["vpn", "tor", "hosting", "relay", "allow"])
def test_a_place_behind_an_egress_is_in_no_site_and_in_no_country(tag):
    assert (seen_from(b.LISBON).sites, seen_from(b.LISBON).country) == ({"lisbon"}, "PT")
    masked = seen_from(b.LISBON, tag)
    assert (masked.sites, masked.country, masked.networks) == (set(), "", {"public", tag})


def test_a_place_on_the_deny_list_and_a_workload_in_its_data_centre_are_where_they_are():
    assert seen_from(b.LISBON, "deny").sites == {"lisbon"}
    assert seen_from(b.LISBON, "hosting", subject_type="service_account").country == "PT"
    assert seen_from(b.LISBON, "vpn", subject_type="service_account").country == ""


def test_a_geofence_is_neither_passed_nor_broken_by_where_a_tunnel_ends():
    home = Rule("home", Condition(), Effect(refuse=True), Condition(site=named("lisbon")))
    banned = Rule("banned", Condition(country=named("SG")), Effect(refuse=True))
    hidden = Rule("hidden", Condition(place_known=False), Effect(require_acr=MFA))
    for rule, place, tags, refused in (
        (home, b.LISBON, (), False), (home, b.LISBON, ("vpn",), True), (home, b.SINGAPORE, (), True),
        (banned, b.SINGAPORE, (), True), (banned, b.SINGAPORE, ("relay",), False),
    ):  # fmt: skip
        decided = answer(replace(shipped(), rules=(rule,)), LOW, seen_from(place, *tags))
        assert decided.permitted is not refused
    asking = replace(shipped(), rules=(hidden,))
    for seen, asked in ((seen_from(b.LISBON), ()), (seen_from(b.LISBON, "tor"), (MFA,)), (seen_from(Place()), (MFA,))):
        assert answer(asking, LOW, seen).acr_values == asked


def test_a_group_of_devices_is_proved_by_key_or_certificate_never_by_a_cookie():
    tills = Whereabouts(devices=(("tills", "thumb"), ("tills", "cert")))
    assert tills.devices_of(b.request(), Signals(telemetry=Telemetry(key_id="thumb"))) == {"tills"}
    assert tills.devices_of(replace(b.request(), binding=Binding(x5t_s256="cert")), Signals()) == {"tills"}
    assert tills.devices_of(replace(b.request(), binding=Binding(jkt="cert")), Signals()) == {"tills"}
    assert tills.devices_of(b.request(), Signals(cookie_id="thumb")) == set()
    assert Whereabouts().devices_of(b.request(), Signals()) == set()


# --- what is heard --------------------------------------------------------------------------------------


def test_an_environment_turns_a_source_down_or_mutes_it():
    said = [
        Evidence("device", 2.0, (Reason("device_unknown", 2.0),)),
        Evidence("keystroke", -1.0, (Reason("typing_known", -1.0),), behavioural=True),
        Evidence.abstain("travel", "none"),
        Evidence("network", 0.5),
    ]
    device, typing, travel, network = heard_in([floor(weights={"device": 0.25, "keystroke": 0.0, "travel": 0.5})], said)
    assert device == Evidence("device", 0.5, (Reason("device_unknown", 0.5),))
    assert typing == Evidence.abstain("keystroke", MUTED, behavioural=True)
    assert (travel, network) == (said[2], said[3])
    assert heard_in([], said) == tuple(said)


def test_in_two_environments_at_once_the_most_wary_is_heard():
    deaf, keen = floor(weights={"device": 0.0}), floor(name="desk", weights={"device": 1.0})
    against, for_ = Evidence("device", 2.0), Evidence("device", -2.0)
    for pair in ([deaf, keen], [keen, deaf]):
        assert heard_in(pair, [against]) == (against,)
        assert heard_in(pair, [for_])[0].abstains


# --- what can be asked for there --------------------------------------------------------------------------


def test_where_the_usual_factor_does_not_exist_the_next_higher_class_is_asked_for():
    assert answer(at(floor(factors=named("otp"))), HIGH, HERE).acr_values == (MFA,)
    only_keys = replace(at(floor(factors=named("webauthn"))), acr_factors={MFA: named("otp"), PHR: named("webauthn")})
    assert answer(only_keys, HIGH, HERE).acr_values == (PHR,)
    assert answer(only_keys, HIGH).acr_values == (MFA,)


def test_where_no_factor_exists_a_demand_is_what_the_policy_does_with_the_unenrolled():
    refused = answer(at(floor(factors=frozenset())), HIGH, HERE)
    assert kind_of(refused, "login") is Kind.REFUSE
    assert [reason.code for reason in refused.reasons] == [NO_FACTOR]
    limited = answer(at(floor(factors=frozenset()), unenrolled=Unenrolled.LIMIT), HIGH, HERE)
    assert limited.permitted
    assert limited.obligations.max_acr == BASIC
    assert [reason.code for reason in limited.reasons] == [NO_FACTOR, LIMITED]


def test_an_answer_that_an_environment_does_not_offer_is_replaced_by_a_stricter_one():
    silent = floor(responses=frozenset())
    assert kind_of(answer(at(silent, unenrolled=Unenrolled.LIMIT), HIGH, HERE), "login") is Kind.REFUSE
    limits = floor(responses=frozenset({Response.LIMIT}))
    assert answer(at(limits, unenrolled=Unenrolled.LIMIT), HIGH, HERE).permitted


def test_two_environments_offer_only_what_both_do():
    both = facts(environments=named("floor", "desk"))
    policy = at(floor(factors=named("otp")), floor(name="desk", factors=named("webauthn")))
    assert kind_of(answer(policy, HIGH, both), "login") is Kind.REFUSE


def test_what_behaviour_alone_raised_is_limited_not_refused_where_no_factor_exists():
    typed = answer(at(floor(factors=frozenset())), asked=HERE, of=p.risk(HIGH, calm=0.0))
    assert typed.permitted
    assert typed.obligations.access_token_lifespan_s == 60


def test_a_rule_may_say_what_happens_to_the_unenrolled_there():
    rule = Rule("limit", Condition(environment=named("floor")), Effect(unenrolled=Unenrolled.LIMIT))
    assert answer(at(floor(factors=frozenset()), rules=(rule,)), HIGH, HERE).permitted
