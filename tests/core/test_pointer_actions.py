"""Actions: how a trace is cut, and what a movement looks like."""

from __future__ import annotations

import numpy as np
import pytest

from idp_adapter.core.evidence.pointer_actions import actions_of, cut
from idp_adapter.core.evidence.pointer_features import NAMES, features
from idp_adapter.core.types import Pointer


def line(points: int = 20, speed: float = 600.0, rate: float = 60.0, angle: float = 0.0, start: float = 0.0):
    time_s = np.arange(points) / rate
    return np.column_stack([start + time_s, *(speed * time_s * f(angle) for f in (np.cos, np.sin))])


def feature(action, name: str) -> float:
    return float(features([action])[0, NAMES.index(name)])


def trace(*parts: tuple[np.ndarray, str]) -> tuple[np.ndarray, list[str]]:
    return np.vstack([places for places, _ in parts]), [kind for places, kinds in parts for kind in kinds]


def test_a_pause_and_a_release_end_an_action():
    click = np.array([[0.5, 190.0, 0.0], [0.6, 190.0, 0.0]])
    places, kinds = trace(
        (line(), "m" * 20), (click, "du"), (line(start=0.7), "m" * 20), (line(start=3.0, angle=1.0), "m" * 20)
    )
    found = cut(places, kinds)
    assert [len(action) for action in found] == [22, 20, 20]
    assert found[0][-2:, 3].tolist() == [1.0, 0.0]
    assert found[1][:, 3].sum() == 0


def test_what_is_too_short_or_does_not_move_is_no_action():
    still = np.column_stack([np.arange(9) / 60, np.full((9, 2), 3.0)])
    assert cut(line(4), "mmmm") == []
    assert cut(still, "m" * 9) == []
    assert cut(np.empty((0, 3)), "") == []


def test_a_clock_that_runs_backwards_ends_an_action_and_a_stray_release_is_no_press():
    places, kinds = trace((line(start=5.0), "m" * 20), (line(), "m" * 20))
    assert [len(action) for action in cut(places, kinds)] == [20, 20]
    first, second = cut(*trace((line(), "u" + "m" * 19), (line(start=0.5), "u" + "m" * 19)))
    assert first[:, 3].sum() == second[:, 3].sum() == 0


def test_the_wheel_and_fingers_are_left_out():
    mouse = [Pointer(*point, "m") for point in line()]
    wheel = Pointer(0.1, 9e5, 9e5, "w")
    finger = Pointer(0.1, 9e5, 9e5, "m", 0.5, (23.0, 23.0))
    (action,) = actions_of([*mouse[:6], wheel, finger, *mouse[6:]])
    assert np.array_equal(action[:, :3], line())
    assert actions_of([]) == []


@pytest.mark.parametrize("places", [[[0.0, 1.0]], [[0.0, 1.0, float("nan")]], [[0.0, 1.0, 2.0]] * 2, [0.0, 1.0, 2.0]])
def test_places_that_are_no_trace_are_refused(places):
    with pytest.raises(ValueError, match="places must"):
        cut(places, "m")


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ([[0.0, 1.0, 2.0]], "an action must"),
        (line()[:, :2], "an action must"),
        (line()[0], "an action must"),
        (np.zeros((10_001, 3)), "an action must"),
        (np.full((5, 3), np.nan), "finite"),
        (np.full((5, 3), np.inf), "finite"),
        (line()[::-1], "backwards"),
    ],
)
def test_what_is_no_action_is_refused(action, why):
    with pytest.raises(ValueError, match=why):
        features([line(), action])


def test_one_action_in_place_of_a_list_and_too_many_are_refused():
    with pytest.raises(ValueError, match="give a list"):
        features(line())
    with pytest.raises(ValueError, match="at most"):
        features([line()] * 50_001)


def test_features_know_speed_length_direction_and_bow():
    fast, slow = line(speed=1200.0), line(speed=300.0)
    assert feature(fast, "speed_50") - feature(slow, "speed_50") == pytest.approx(np.log(4), abs=0.03)
    assert feature(slow, "chord") == pytest.approx(np.log(300 * 19 / 60 + 1), abs=0.01)
    assert feature(line(angle=np.pi / 2), "sin") == pytest.approx(1.0)
    way = np.linspace(0, np.pi / 2, 30)
    left = np.column_stack([np.arange(30) / 60, 300 * np.cos(way), 300 * np.sin(way)])
    right = left * [1.0, 1.0, -1.0]
    assert feature(left, "bow") > feature(line(), "bow") + 2
    assert feature(left, "bow_side") == pytest.approx(-feature(right, "bow_side"))
    assert feature(left, "detour") > 0.05
    back = np.vstack([line(), line()[::-1]])
    back[:, 0] = np.arange(40) / 60
    assert feature(back, "reversals_x") > feature(line(), "reversals_x")


def test_features_know_the_press():
    held = np.array([[0.5, 190.0, 0.0, 1.0], [0.62, 190.0, 0.0, 0.0]])
    action = np.vstack([np.column_stack([line(), np.zeros(20)]), held])
    assert feature(action, "pressed") == 1.0
    assert feature(action, "hold") == pytest.approx(np.log(0.12 + 0.01))
    assert feature(action, "dwell") == pytest.approx(np.log(0.5 - 19 / 60 + 0.01))
    dragged = np.column_stack([line(), np.ones(20)])
    assert np.isnan(feature(dragged, "hold"))
    assert feature(dragged, "drag") == pytest.approx(np.log(191.0), abs=0.01)
    assert feature(np.column_stack([line(), np.zeros(20)]), "pressed") == 0.0
    assert np.isnan(feature(line(), "pressed"))


def test_features_are_those_of_each_action_alone_and_of_the_movement_not_its_place_or_time():
    many = [line(), line(40, angle=2.0), line(2), np.array([[0.0, 0.0, 0.0]] * 3), line(2000)]
    together = features(many * 110)
    assert np.allclose(together[:5], np.vstack([features([action]) for action in many]), equal_nan=True, atol=1e-6)
    assert np.allclose(together[-5:], together[:5], equal_nan=True, atol=1e-6)
    moved = [action + np.array([50.0, 300.0, 200.0]) for action in many]
    assert np.allclose(features(moved), together[:5], equal_nan=True, atol=1e-4)


def test_a_denser_device_changes_little():
    way = np.linspace(0, 1, 241)
    path = np.column_stack([way, 400 * way**2 * (3 - 2 * way), 80 * np.sin(3 * way)])
    dense, sparse = (features([path[::step]])[0] for step in (2, 4))
    assert np.nanmax(np.abs(dense - sparse)) < 0.7
    assert np.nanmean(np.abs(dense - sparse)) < 0.1


def test_only_the_last_ten_seconds_count():
    early = np.array([[-100.0, 9e9, 9e9], [-50.0, -9e9, 0.0]])
    tail = np.column_stack([np.arange(601) / 60, np.arange(601) * 3.0, np.zeros(601)])
    assert np.isfinite(features([np.vstack([early, tail])])[0, : NAMES.index("pressed")]).all()
