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


# With nine logins e = 1 / (9 + 1) = .1; nothing is known of the realm, so p(level) is the least: .12, .15, .25, .4.
@pytest.mark.parametrize(
    ("origin", "ratio"),
    [
        # .1 + .9 (.4/.12 + .2/.15 + .3/.25 + .1/.4) = .1 + .9 (3.3333 + 1.3333 + 1.2 + .25)
        pytest.param(b.HOME, 5.605, id="address"),
        # .1 + .9 (1.3333 + 1.2 + .25)
        pytest.param(SAME_PREFIX, 2.605, id="prefix"),
        # .1 + .9 (1.2 + .25)
        pytest.param(SAME_AS, 1.405, id="AS"),
        # .1 + .9 * .25
        pytest.param(SAME_COUNTRY, 0.325, id="country"),
        pytest.param(ELSEWHERE, 0.1, id="nothing"),
        # .1 + .9 (.3 + .1): AS and country are not known, ratio 1
        pytest.param(NO_FILES, 0.46, id="no files"),
    ],
)
def test_the_ratio_of_hand_worked_examples(origin, ratio):
    situation = at(origin)
    assert network.likelihood_ratio(situation) == pytest.approx(ratio, abs=1e-9)
    assert network.score(situation).nats == pytest.approx(-math.log(ratio), abs=1e-4)


def test_two_places_share_the_weight_by_hand():
    # Eight logins of home today, two of the office thirty days ago: 8 and 2 * .5 ** (30/60) = 1.4142 of 9.4142.
    # Office: p(address | subject) = .15022; .1 + .9 (.15022 (3.3333 + 1.3333) + 1.2 + .25) = 2.0359
    both = {
        "addresses": (seen("addr-home"), seen("addr-2", 2, 30)),
        "prefixes": (seen("prefix-home"), seen("prefix-2", 2, 30)),
    }
    assert network.likelihood_ratio(at(SAME_AS, **both)) == pytest.approx(2.0359, abs=1e-4)


def test_an_address_that_half_the_realm_has_says_little_by_hand():
    # .1 + .9 (.4/.5 + .2/.5 + .3/.5 + .1/.7): half of the subjects sit in this office, nine in ten in this country
    counts = {level: {value: 50} for level, value in (("address", "addr-home"), ("prefix", "prefix-home"))}
    counts |= {"asn": {"64500": 50}, "country": {"PT": 90}}
    situation = at(b.HOME, population=Population(100, counts))
    assert network.likelihood_ratio(situation) == pytest.approx(0.1 + 0.9 * (0.8 + 0.4 + 0.6 + 0.1 / 0.7), abs=1e-9)


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
    assert all(weight <= 0 for weight in weights[:3])
    assert all(weight >= 0 for weight in weights[3:])
    assert all(math.isfinite(weight) and abs(weight) < 4 for weight in weights)


@given(st.sampled_from([b.HOME, SAME_PREFIX, SAME_AS]), POPULATIONS)
def test_a_popular_place_never_reassures_more_than_a_rare_one(origin, population):
    assert network.score(at(origin, population=population)).nats >= network.score(at(origin)).nats


def test_the_never_seen_weighs_more_the_longer_the_history_up_to_a_bound():
    weights = [network.score(at(ELSEWHERE, logins=logins)).nats for logins in (1, 3, 8, 50, 5000)]
    assert weights == sorted(weights)
    assert weights[0] == pytest.approx(math.log(2), abs=1e-4)
    assert weights[-1] == pytest.approx(-math.log(network.LEAST_NEVER_SEEN), abs=1e-4)


def test_a_carriers_thirty_addresses_are_no_attack():
    roaming = {"addresses": tuple(seen(f"addr-{i}", 1) for i in range(10, 26)), "prefixes": (seen("p-1"), seen("p-2"))}
    for i in range(30):
        assert network.score(at(Origin(f"roam-{i}", f"roam-{i // 8}", HERE), **roaming)).nats <= 0


def test_a_move_is_forgiven_within_some_logins():
    moved = {
        "addresses": (seen("addr-2", 6), seen("addr-home", 400, 20)),
        "prefixes": (seen("prefix-2", 6), seen("prefix-home", 400, 20)),
        "networks": (seen("64501", 6), seen("64500", 400, 20)),
    }
    assert network.score(at(SAME_COUNTRY, logins=406, **moved)).nats < -0.8


def test_of_a_relay_only_the_country_counts():
    weights = [network.score(at(origin, tags=("relay",))).nats for origin in (SAME_COUNTRY, ELSEWHERE)]
    assert weights[0] == 0 < weights[1] < 0.3


def test_a_carriers_shared_address_is_nobodys_own():
    own, shared = (network.likelihood_ratio(at(b.HOME, kind=kind)) for kind in ("public", "shared"))
    assert shared == pytest.approx(own - 0.9 * 0.4 * (1 / 0.12 - 1))


def test_loopback_says_nothing():
    assert network.score(at(b.HOME, kind="loopback")).abstains


def test_machines_do_not_travel():
    def as_workload(origin: Origin) -> float:
        asked = b.request("client_credentials", subject_type="service_account", of_end_user=False)
        return network.score(replace(at(origin, logins=5), request=asked)).nats

    once = replace(at(ELSEWHERE, logins=1), request=b.request("client_credentials", subject_type="service_account"))
    assert network.score(once).nats == pytest.approx(math.log(11), abs=1e-4)
    assert as_workload(b.HOME) < -1
    assert as_workload(SAME_COUNTRY) > network.score(at(SAME_COUNTRY, logins=5)).nats + 1
    assert as_workload(ELSEWHERE) > network.score(at(ELSEWHERE, logins=5)).nats + 1


def test_a_backends_address_is_not_the_users():
    backend = replace(at(ELSEWHERE), request=b.request("refresh", of_end_user=False))
    assert network.score(backend).reasons[0].code == "network_of_a_backend"
