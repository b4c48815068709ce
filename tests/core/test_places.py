"""Familiar places, the distance from them, and travel between logins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence import place, travel
from idp_adapter.core.learning import learn
from idp_adapter.core.places import MOST_PLACES, REACH_KM, nearest, point_of, visited
from idp_adapter.core.rollback import roll_back
from idp_adapter.core.types import (
    Evidence,
    FamiliarPlace,
    Habits,
    History,
    LastLogin,
    Origin,
    Place,
    Reason,
    Signals,
)
from tests.core import builders as b
from tests.core.test_learning import RULES, record

SINTRA = Place("PT", 64500, 38.8, -9.4, 20.0)  # next to Lisbon
VAGUE = Place("PT", 64500, 39.5, -8.0, 500.0)
POINTS = st.builds(
    Place,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    radius_km=st.none() | st.floats(0, 20_000),
)


def familiar(at: Place = b.LISBON, count: int = 8, days: float = 1) -> FamiliarPlace:
    seen = b.NOW - timedelta(days=days)
    return FamiliarPlace(at.latitude, at.longitude, 20.0, count, seen, seen)


LISBONS = (familiar(),)


def at(here: Place, *, tags=(), last: LastLogin | None = None, places=LISBONS, now=b.NOW, **asked):
    """Somebody of Lisbon, now here."""
    history = History(habits=b.habits(last=last, places=tuple(places)))
    signals = Signals(origin=Origin("a", "p", here), network_tags=tags)
    return replace(b.situation(history, signals, b.request(**asked)), now=now)


# --- familiar places --------------------------------------------------------------------------------------


def test_logins_of_one_town_are_one_place_whose_centre_moves_a_little():
    places = visited((), b.LISBON, b.NOW)
    places = visited(places, SINTRA, b.NOW + timedelta(hours=1))
    (known,) = places
    assert (known.count, known.first_seen, known.last_seen) == (2, b.NOW, b.NOW + timedelta(hours=1))
    assert b.LISBON.latitude < known.latitude < SINTRA.latitude


def test_another_town_is_another_place_and_the_longest_unseen_leaves():
    places = (familiar(),)
    for i in range(MOST_PLACES):
        places = visited(places, Place(latitude=10.0 * i - 40, longitude=100.0), b.NOW + timedelta(hours=i))
    assert len(places) == MOST_PLACES
    assert nearest(places, b.LISBON)[1] > 1000
    assert places[0].last_seen == b.NOW + timedelta(hours=MOST_PLACES - 1)


@pytest.mark.parametrize("nowhere", [Place(), Place("PT", 64500), Place(latitude=38.7), VAGUE])
def test_what_is_no_point_or_a_vague_one_is_no_place(nowhere):
    assert visited((familiar(),), nowhere, b.NOW) == (familiar(),)


def test_a_point_without_its_accuracy_is_taken_for_a_town():
    assert point_of(Place(latitude=1.0, longitude=2.0)).radius_km == 50.0


def test_the_short_way_round_goes_over_the_date_line():
    fiji = visited((), Place(latitude=-17.0, longitude=179.9, radius_km=10.0), b.NOW)
    (known,) = visited(fiji, Place(latitude=-17.0, longitude=-179.9, radius_km=10.0), b.NOW)
    assert abs(known.longitude) == 180.0


@given(st.lists(POINTS, max_size=30))
def test_any_points_make_few_places_that_lie_on_the_map(points):
    places: tuple[FamiliarPlace, ...] = ()
    for i, point in enumerate(points):
        places = visited(places, point, b.NOW + timedelta(minutes=i))
    assert len(places) <= MOST_PLACES
    assert all(-90 <= known.latitude <= 90 and -180 <= known.longitude <= 180 for known in places)
    assert all(0 <= known.radius_km <= 200 for known in places)


def masked(code: str = "network_feed_vpn"):
    told = Evidence("network_feeds", 0.4, (Reason(code, 0.4, {"tags": ("vpn",)}),))
    made = record(origin=b.ABROAD)
    risk = replace(made.decision.risk, contributions=(*made.decision.risk.contributions, told))
    return replace(made, decision=replace(made.decision, risk=risk))


def test_a_confirmed_login_teaches_its_place_and_one_behind_an_egress_does_not():
    known = History(habits=b.habits(places=(familiar(),)))
    seen = learn(record(origin=b.ABROAD), known, RULES).habits
    hidden = learn(masked(), known, RULES).habits
    assert nearest(seen.places, b.SINGAPORE)[1] == 0
    assert seen.last.origin == b.ABROAD
    assert (hidden.places, hidden.last) == (known.habits.places, known.habits.last)
    assert hidden.logins == known.habits.logins + 1


def test_a_takeover_takes_its_places_along():
    own, theirs = familiar(days=40), familiar(b.SINGAPORE, days=2)
    back = roll_back(History(habits=Habits(logins=9, places=(theirs, own))), since=b.NOW - timedelta(days=5))
    assert back.habits.places == (own,)


# --- the place as evidence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "code"),
    [
        (at(b.LISBON), "place_familiar"),
        (at(SINTRA), "place_familiar"),
        (at(b.PORTO), "place_far"),
        (at(b.SINGAPORE), "place_far"),
        (at(b.SINGAPORE, tags=("vpn",)), "place_masked"),
        (at(b.SINGAPORE, tags=("relay",)), "place_masked"),
        (at(Place("SG")), "place_unknown"),
        (at(VAGUE), "place_unknown"),
        (at(b.LISBON, places=()), "place_history_none"),
        (at(b.LISBON, action="client_credentials", subject_type="service_account"), "place_not_a_person"),
        (at(b.LISBON, action="refresh", of_end_user=False), "place_not_a_person"),
    ],
)
def test_the_place_tells_how_far_it_is_or_why_it_says_nothing(situation, code):
    evidence = place.score(situation)
    assert [reason.code for reason in evidence.reasons] == [code]
    assert evidence.abstains == (code not in ("place_familiar", "place_far"))


def test_distance_weighs_by_its_logarithm_up_to_a_bound():
    def weight(latitude: float) -> float:
        return place.score(at(Place(latitude=latitude, longitude=-9.1, radius_km=0.0))).nats

    weights = [weight(latitude) for latitude in (38.7, 39.5, 41.0, 48.0, 57.5, 80.0)]
    assert weights[0] < 0 < weights[2]
    assert weights == sorted(weights)
    # eight logins give 8 / (8 + 2) of the whole
    assert weights[-1] == weights[-2] == pytest.approx(0.8 * place.FAR)


def test_a_place_seen_oftener_reassures_more():
    once, often = (place.score(at(b.LISBON, places=(familiar(count=count),))).nats for count in (1, 50))
    assert place.FAMILIAR < often < once < 0


def test_the_reach_of_a_place_is_a_neighbouring_town():
    assert REACH_KM == 50
    assert place.score(at(Place(latitude=39.3, longitude=-9.1, radius_km=20.0))).nats < 0


# --- travel -----------------------------------------------------------------------------------------------------


def left_home(hours: float, origin: Origin = b.HOME) -> LastLogin:
    return LastLogin(b.NOW - timedelta(hours=hours), origin)


def test_a_little_too_fast_is_doubtful_and_much_too_fast_impossible():
    # 11,838 km after both radii; an airliner needs 11.8 hours less four minutes of clocks
    doubtful = travel.score(at(b.SINGAPORE, last=left_home(11.5)))
    impossible = travel.score(at(b.SINGAPORE, last=left_home(5)))
    assert travel.DOUBTFUL < doubtful.nats < travel.DOUBTFUL + 0.2
    assert impossible.nats == travel.IMPOSSIBLE
    assert impossible.reasons[0].params == {"km": 11838, "h": 5.1}


@pytest.mark.parametrize("ahead_h", [0.05, 3, 1000])
def test_a_clock_that_runs_ahead_neither_excuses_nor_divides_by_nothing(ahead_h):
    assert travel.score(at(b.SINGAPORE, last=left_home(-ahead_h))).nats == travel.IMPOSSIBLE
    assert travel.score(at(SINTRA, last=left_home(-ahead_h))).nats == 0


def test_between_two_familiar_places_go_two_devices():
    home_and_office = (familiar(), familiar(b.SINGAPORE, 2))
    evidence = travel.score(at(b.SINGAPORE, last=left_home(0.1), places=home_and_office))
    assert [reason.code for reason in evidence.reasons] == ["travel_between_familiar"]
    once = (familiar(), familiar(b.SINGAPORE, 1))
    assert travel.score(at(b.SINGAPORE, last=left_home(0.1), places=once)).nats == travel.IMPOSSIBLE


@pytest.mark.parametrize("tag", ["vpn", "tor", "relay", "hosting", "allow"])
def test_an_egress_is_no_travel(tag):
    evidence = travel.score(at(b.SINGAPORE, last=left_home(0.1), tags=(tag,)))
    assert (evidence.abstains, evidence.reasons[0].code) == (True, "travel_masked")


def test_a_denied_address_still_travels():
    assert travel.score(at(b.SINGAPORE, last=left_home(0.1), tags=("deny",))).nats > 0


@pytest.mark.parametrize(
    ("last", "here"),
    [(left_home(0.1, Origin("a", "p", VAGUE)), b.SINGAPORE), (left_home(0.1), VAGUE), (left_home(0.1), Place("SG"))],
)
def test_travel_to_or_from_a_vague_place_is_not_told(last, here):
    assert travel.score(at(here, last=last)).reasons[0].code == "travel_place_unknown"


def test_a_backend_does_not_travel():
    assert travel.score(at(b.SINGAPORE, last=left_home(0.1), action="refresh", of_end_user=False)).abstains
