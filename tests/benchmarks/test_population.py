"""The synthetic population: equal by seed, made of all its kinds, and judged by the service that learns from it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import numpy as np
import pytest

from benchmarks.biometrics.measures import eer
from benchmarks.population import attackers, course, measures, people, plots, things, world
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.origins import ip_kind
from idp_adapter.core.user_agent import summarise

SUBJECTS = 15  # one of each kind


@pytest.fixture(scope="module")
def small() -> course.Course:
    return course.run(3, subjects=SUBJECTS)


def test_every_kind_takes_part_and_nothing_fails(small):
    honest = {item.kind for item in small.judged if item.honest}
    assert honest == {kind.name for kind in people.KINDS}
    assert {item.kind for item in small.judged if not item.honest} == {kind.name for kind in attackers.KINDS}
    assert small.failed == []


def test_a_seed_gives_the_same_people_visits_and_attempts():
    def told(seed: int) -> list[tuple[str, str]]:
        rng = Random(seed)
        everybody = people.people(SUBJECTS, rng)
        events = course.events(everybody, 1, rng)
        return [(str(at), event.ip) for at, _, _, event, _ in events]

    assert told(1) == told(1) != told(2)


def test_histories_are_learnt_by_the_service_and_attackers_are_told_from_them(small):
    honest = [item for item in small.judged if item.honest and item.hook == "login"]
    naive = [item for item in small.judged if item.kind == "naive"]
    assert max(item.logins for item in honest) > 20
    assert np.median([item.nats for item in honest]) < -3 < 3 < np.median([item.nats for item in naive])


def test_of_nobody_more_than_16_kb_is_stored(small):
    assert 1_000 < small.mean_bytes <= small.most_bytes <= 16_384


def test_the_report_names_every_kind_and_the_plot_is_drawn(small, tmp_path):
    report = measures.report(small)
    assert set(report["attackers"]) == {kind.name for kind in attackers.KINDS}
    assert report["ece"]["all at 0.01"] < 0.1
    plots.reliability(small, tmp_path / "reliability.svg")
    assert "share that was an attack" in (tmp_path / "reliability.svg").read_text("utf-8")


def test_shares_of_kinds_sum_to_one():
    assert sum(kind.share for kind in people.KINDS) == pytest.approx(1)
    assert sum(kind.share for kind in attackers.KINDS) == pytest.approx(1)


def test_made_up_hands_are_about_as_hard_to_tell_apart_as_real_ones():
    def row(typing: dict) -> np.ndarray:
        keys = np.array(typing["keys"]) / 1000
        times = np.empty(2 * len(keys) - 1)
        times[0::2], times[1::2] = keys[:, 1] - keys[:, 0], np.diff(keys[:, 0])
        return times

    model, rates = FixedText(), []
    for who in range(30):
        rng = np.random.default_rng(who)
        text = things.Text.of("password", rng, int(rng.integers(8, 14)))
        owner = things.Hand(rng, noise=float(rng.lognormal(0, 0.3)))
        profile = model.profile([row(owner.type(text)) for _ in range(20)])
        own = model.score_rows(profile, [row(owner.type(text)) for _ in range(20)])
        others = [things.Hand(np.random.default_rng((who, i))) for i in range(20)]
        rates.append(eer(own, model.score_rows(profile, [row(other.type(text)) for other in others])))
    assert 0.01 < np.mean(rates) < 0.06


@pytest.mark.parametrize("family", [row[:2] for row in things.MARKET], ids=" on ".join)
def test_a_browsers_header_says_what_it_is_and_upgrades_in_time(family):
    used = things.Browser(*family, cookie="c", key=None)
    later = things.EPOCH + timedelta(days=90)
    before, after = (summarise(used.user_agent(at)) for at in (things.EPOCH, later))
    assert before.startswith(f"{family[0]}/")
    assert before.split(" on ")[1] == family[1]
    assert int(after.split("/")[1].split()[0]) >= int(before.split("/")[1].split()[0])


def test_addresses_are_public_and_are_read_back():
    rng = Random(1)
    for network in world.NETWORKS:
        city = world.cities_of(network.countries[0])[0]
        ip = world.address(network, city, rng)
        assert ip_kind(ip) == "public"
        place = world.MapOfPlaces().locate(ip)
        assert (place.asn, place.country) == (network.asn, city.country)
        assert world.MapOfFeeds().tags(ip, place.asn) == network.tags


def test_calibration_error_by_hand():
    # Two bins of equal mass: claimed .1 and .1 of which none was an attack, claimed .8 and 1 of which both were.
    claimed, truth = np.array([0.1, 0.1, 0.8, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    mean, share, mass = measures.bins(claimed, truth, np.full(4, 0.25), 2)
    assert (mean.tolist(), share.tolist(), mass.tolist()) == ([0.1, 0.9], [0.0, 1.0], [0.5, 0.5])


def test_weights_give_attackers_the_base_rate_by_their_shares(small):
    weight = measures.weights(small.judged, 0.01)
    attempts = np.array([not item.honest for item in small.judged])
    naive = np.array([item.kind == "naive" for item in small.judged])
    assert weight.sum() == pytest.approx(1)
    assert weight[attempts].sum() == pytest.approx(0.01)
    assert weight[naive].sum() == pytest.approx(0.01 * 0.45)
