"""The network's likelihood ratio: hand-worked examples, laws, and honest people on the move."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence import network
from idp_adapter.core.population import FEWEST_SUBJECTS, UNKNOWN, Population
from idp_adapter.core.types import History, Origin, Place, Sighting, Signals
from tests.core import builders as b

HERE = Place("PT", 64500)
SAME_AS = Origin("addr-2", "prefix-2", HERE)
SAME_PREFIX = Origin("addr-2", "prefix-home", HERE)
SAME_COUNTRY = Origin("addr-2", "prefix-2", Place("PT", 64501))
ELSEWHERE = Origin("addr-2", "prefix-2", Place("SG", 64502))
NO_FILES = Origin("addr-2", "prefix-2", Place())


def seen(value: str, count: int = 8, days: float = 0) -> Sighting:
    at = b.NOW - timedelta(days=days)
    return Sighting(value, count, at, at)


def at(origin: Origin, *, logins: int = 9, population: Population = UNKNOWN, tags=(), kind="public", **changes):
    """A subject whose confirmed logins all came from home, now coming from `origin`."""
    habits = b.habits(
        logins,
        **{
            "addresses": (seen("addr-home"),),
            "prefixes": (seen("prefix-home"),),
            "networks": (seen("64500"),),
            "countries": (seen("PT"),),
            **changes,
        },
    )
    situation = b.situation(History(habits=habits), Signals(origin=origin, ip_kind=kind, network_tags=tags))
    return replace(situation, population=population)


# Of each level one value, seen eight times and so nothing seen once; v = k / (8 + 6): address 4/14, prefix 2/14,
# AS 1/14, country .5/14. Nothing is known of the realm, so p(x) is an attacker's: .06, .3, .3, .3, and .5 for nothing.
@pytest.mark.parametrize(
    ("origin", "ratio", "nats"),
    [
        pytest.param(b.HOME, 11.9048, -2.4769, id="address: (1 - 4/14) / .06"),
        pytest.param(SAME_PREFIX, 0.4762, 0.0, id="prefix: (4/14 - 2/14) / .3, and one's own never speaks against"),
        pytest.param(SAME_AS, 0.2381, 1.4351, id="AS: (2/14 - 1/14) / .3"),
        pytest.param(SAME_COUNTRY, 0.119, 2.1282, id="country: (1/14 - .5/14) / .3"),
        pytest.param(ELSEWHERE, 0.0714, 2.6391, id="nothing: .5/14 / .5"),
        pytest.param(NO_FILES, 0.2857, 1.2528, id="no files, neither AS nor country are known: 2/14 / .5"),
    ],
)
def test_the_ratio_of_hand_worked_examples(origin, ratio, nats):
    situation = at(origin)
    assert network.likelihood_ratio(situation) == pytest.approx(ratio, abs=1e-4)
    assert network.score(situation).nats == pytest.approx(nats, abs=1e-3)


def test_who_always_has_a_new_address_is_told_nothing_by_one_more_by_hand():
    # Sixteen addresses seen once each, four prefixes seen four times each, one AS: v = (16 + 4) / (16 + 6) = .9091,
    # (0 + 2) / 22 = .0909, 1 / 22 = .0455. New address of a known prefix: (.9091 - .0909) / .3 = 2.7273;
    # new prefix of the AS: (.0909 - .0455) / .3 = .1515.
    roaming = {
        "addresses": tuple(seen(f"addr-{i}", 1) for i in range(10, 26)),
        "prefixes": tuple(seen(name, 4) for name in ("p-1", "p-2", "p-3", "prefix-2")),
        "networks": (seen("64500", 16),),
        "countries": (seen("PT", 16),),
    }
    assert network.likelihood_ratio(at(SAME_AS, **roaming)) == pytest.approx(2.7273, abs=1e-4)
    other = replace(SAME_AS, prefix="prefix-9")
    assert network.likelihood_ratio(at(other, **roaming)) == pytest.approx(0.1515, abs=1e-4)


def test_a_dynamic_line_gets_used_to_new_prefixes_by_hand():
    # Both address and prefix new each time, sixteen of each: v = 20/22, 18/22 = .8182; the AS seen sixteen times: 1/22.
    # New prefix of the AS: (.8182 - .0455) / .3 = 2.5758, but anybody can choose an AS: 0 nats.
    changing = {
        "addresses": tuple(seen(f"addr-{i}", 1) for i in range(10, 26)),
        "prefixes": tuple(seen(f"p-{i}", 1) for i in range(16)),
        "networks": (seen("64500", 16),),
        "countries": (seen("PT", 16),),
    }
    assert network.likelihood_ratio(at(SAME_AS, **changing)) == pytest.approx(2.5758, abs=1e-4)
    assert network.score(at(SAME_AS, **changing)).nats == 0


def test_an_address_that_half_the_realm_has_says_little_by_hand():
    # (1 - 4/14) / .5: half of the subjects sit in this office
    counts = {level: {value: 50} for level, value in (("address", "addr-home"), ("prefix", "prefix-home"))}
    counts |= {"asn": {"64500": 50}, "country": {"PT": 90}}
    situation = at(b.HOME, population=Population(100, counts))
    assert network.likelihood_ratio(situation) == pytest.approx((1 - 4 / 14) / 0.5, abs=1e-9)


def test_with_few_subjects_the_realm_is_not_told_from_chance():
    few = Population(FEWEST_SUBJECTS - 1, {"address": {"addr-home": FEWEST_SUBJECTS - 1}})
    assert network.score(at(b.HOME, population=few)) == network.score(at(b.HOME))


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (b.HOME, "network_address_known"),
        (SAME_PREFIX, "network_prefix_known"),
        (SAME_AS, "network_asn_known"),
        (SAME_COUNTRY, "network_asn_new"),
        (ELSEWHERE, "network_country_new"),
        (NO_FILES, "network_prefix_new"),
    ],
)
def test_the_telling_level_gives_the_reason(origin, code):
    assert [reason.code for reason in network.score(at(origin)).reasons] == [code]


POPULATIONS = st.builds(
    Population,
    st.integers(0, 200),
    st.fixed_dictionaries(
        {
            level: st.dictionaries(st.sampled_from([*values]), st.integers(0, 200))
            for level, values in {
                "address": ("addr-home", "addr-2"),
                "prefix": ("prefix-home", "prefix-2"),
                "asn": ("64500", "64501"),
                "country": ("PT", "SG"),
            }.items()
        }
    ),
)


@given(st.integers(1, 10_000), POPULATIONS)
def test_what_is_more_familiar_never_weighs_more(logins, population):
    origins = (b.HOME, SAME_PREFIX, SAME_AS, SAME_COUNTRY, ELSEWHERE)
    weights = [network.score(at(origin, logins=logins, population=population)).nats for origin in origins]
    assert weights == sorted(weights)
    assert all(weight <= 0 for weight in weights[:2])
    assert all(weight >= 0 for weight in weights[2:])
    assert all(math.isfinite(weight) and abs(weight) < 4.5 for weight in weights)


@given(st.sampled_from([b.HOME, SAME_PREFIX, SAME_AS]), POPULATIONS)
def test_a_popular_place_never_reassures_more_than_a_rare_one(origin, population):
    assert network.score(at(origin, population=population)).nats >= network.score(at(origin)).nats


def test_the_never_seen_weighs_more_the_longer_the_history_up_to_a_bound():
    def weight(logins: int) -> float:
        always = {
            name: (seen(value, logins),)
            for name, value in (
                ("addresses", "addr-home"),
                ("prefixes", "prefix-home"),
                ("networks", "64500"),
                ("countries", "PT"),
            )
        }
        return network.score(at(ELSEWHERE, logins=logins, **always)).nats

    weights = [weight(logins) for logins in (2, 3, 8, 50, 5000)]
    assert weights == sorted(weights)
    assert weights[0] == pytest.approx(-math.log(0.5 / 8 / 0.5), abs=1e-4)
    assert weights[-1] == pytest.approx(-math.log(network.RAREST / network.SHARING_NOTHING), abs=1e-4)


def test_a_carriers_thirty_addresses_are_no_attack():
    roaming = {
        "addresses": tuple(seen(f"addr-{i}", 1) for i in range(10, 26)),
        "prefixes": tuple(seen(f"{i}", 1 + i % 3) for i in range(12)),
    }
    for i in range(30):
        assert (
            network.score(at(Origin(f"roam-{i}", f"{i // 2}", HERE), **roaming)).nats < 1
        )  # a known device outweighs it


def test_a_move_is_forgiven_at_once_where_it_was_confirmed():
    moved = {
        "addresses": (seen("addr-2", 1), seen("addr-home", 400, 20)),
        "prefixes": (seen("prefix-2", 1), seen("prefix-home", 400, 20)),
        "networks": (seen("64501", 1), seen("64500", 400, 20)),
    }
    assert network.score(at(SAME_COUNTRY, logins=401, **moved)).nats < -2


def test_of_a_relay_only_the_country_counts():
    weights = [network.score(at(origin, tags=("relay",))).nats for origin in (SAME_COUNTRY, ELSEWHERE)]
    assert weights[0] == 0 < weights[1] < 0.3


def test_a_carriers_shared_address_is_nobodys_own():
    own, shared = (network.likelihood_ratio(at(b.HOME, kind=kind)) for kind in ("public", "shared"))
    assert own == pytest.approx((1 - 4 / 14) / 0.06)
    assert shared == pytest.approx((1 - 2 / 14) / 0.3)  # the prefix is the deepest level left


def test_loopback_says_nothing():
    assert network.score(at(b.HOME, kind="loopback")).abstains


def test_a_machine_is_at_home_where_it_was_first_by_hand():
    # One login: v of the country is .05 / (1 + 1) = .025, over .5 of attackers who share nothing. A person's first
    # login counts as one that brought a new value: (1 + .5) / (1 + 6) / .5.
    once = {
        name: (seen(value, 1),)
        for name, value in (
            ("addresses", "addr-home"),
            ("prefixes", "prefix-home"),
            ("networks", "64500"),
            ("countries", "PT"),
        )
    }
    person = at(ELSEWHERE, logins=1, **once)
    machine = replace(person, request=b.request("client_credentials", subject_type="service_account"))
    assert network.likelihood_ratio(machine) == pytest.approx(0.05)
    assert network.likelihood_ratio(person) == pytest.approx(1.5 / 7 / 0.5)


def test_machines_do_not_travel():
    def as_workload(origin: Origin) -> float:
        asked = b.request("client_credentials", subject_type="service_account", of_end_user=False)
        return network.score(replace(at(origin, logins=5), request=asked)).nats

    once = replace(at(ELSEWHERE, logins=1), request=b.request("client_credentials", subject_type="service_account"))
    assert network.score(once).nats > 2.5
    assert as_workload(b.HOME) < -1
    assert as_workload(SAME_COUNTRY) > network.score(at(SAME_COUNTRY, logins=5)).nats + 1
    assert as_workload(ELSEWHERE) > network.score(at(ELSEWHERE, logins=5)).nats + 1


def test_a_backends_address_is_not_the_users():
    backend = replace(at(ELSEWHERE), request=b.request("refresh", of_end_user=False))
    assert network.score(backend).reasons[0].code == "network_of_a_backend"
