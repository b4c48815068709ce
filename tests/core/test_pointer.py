"""The pointer model by properties: what any model of a hand must keep, whatever its weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idp_adapter.core.evidence import pointer, pointer_weights
from idp_adapter.core.evidence.pointer import LIMIT_NATS, Background, Pointer, weigh_run
from idp_adapter.errors import ProfileDamaged


def hand(person: int, actions: int, seed: int = 0) -> list[np.ndarray]:
    """Movements of one person, some ended by a click: speed, bow, waver and dwell are the person's own."""
    own, rng = np.random.default_rng(person), np.random.default_rng((person, seed, 5))
    speed, bow, waver, dwell = own.lognormal(5.8, 0.5), own.normal(0, 0.3), own.uniform(0.2, 3), own.uniform(0.05, 0.5)
    made = []
    for _ in range(actions):
        span, angle = rng.lognormal(5.3, 0.6), rng.uniform(-np.pi, np.pi)
        points = max(5, int(60 * span / speed))
        way = np.linspace(0, 1, points)
        way = way**3 * (10 - 15 * way + 6 * way**2)
        line = np.column_stack([way, bow * way * (1 - way)]) * span
        turned = line @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        turned += 500 + rng.normal(0, waver, turned.shape)
        moved = np.column_stack([np.arange(points) / 60, turned, np.zeros(points)])
        click = np.array([[*moved[-1, :3], 1.0], [*moved[-1, :3], 0.0]])
        click[:, 0] += np.cumsum(rng.lognormal(np.log([dwell, 0.09]), 0.3))
        made.append(np.vstack([moved, click]) if rng.random() < 0.6 else moved)
    return made


@cache
def run(person: int, seed: int = 0) -> pointer.Run:
    """Thirty movements, read once for all that ask for them."""
    return pointer.Run.of(hand(person, 30, seed))


@cache
def enrolled_hand(person: int, actions: int) -> pointer.Profile:
    return Pointer().profile(hand(person, actions))


@pytest.fixture(scope="module")
def crowd() -> Background:
    return Background.of([Pointer().profile(hand(person, 120)) for person in range(100, 110)])


@pytest.mark.parametrize("enrolled", [30, 100])
@pytest.mark.parametrize("located", [False, True])
def test_the_own_hand_scores_above_others(enrolled, located, crowd):
    model = Pointer(background=crowd) if located else Pointer()
    wins = []
    for person in range(8):
        profile = enrolled_hand(person, enrolled)
        own = [weigh_run(model.score_actions(profile, run(person, seed))) for seed in (1, 2)]
        other = [weigh_run(model.score_actions(profile, run(who))) for who in range(person + 20, person + 24)]
        wins.append(np.mean(np.array(own)[:, None] > other))
    assert np.mean(wins) > 0.85


def test_own_actions_mean_the_owner_and_foreign_ones_someone_else():
    model = Pointer()
    profile = model.profile(hand(1, 300))
    assert weigh_run(model.score_actions(profile, hand(1, 40, seed=1))) > 0.2
    assert weigh_run(model.score_actions(profile, hand(2, 40))) < -0.2


def test_scoring_and_learning_leave_their_inputs_alone():
    model, actions = Pointer(), hand(1, 20)
    before = [action.copy() for action in actions]
    profile = model.profile(actions[:10])
    stored = pointer.to_bytes(profile)
    model.score_actions(profile, actions)
    model.learn(profile, actions[10:])
    assert all(np.array_equal(a, b) for a, b in zip(actions, before, strict=True))
    assert pointer.to_bytes(profile) == stored


def test_the_order_of_actions_matters_to_no_score_and_to_no_young_profile():
    model, actions = Pointer(), hand(1, 60)
    profile, turned = model.profile(actions), model.profile(actions[::-1])
    assert np.array_equal(profile.mean, turned.mean)
    assert np.abs(profile.covariance.astype(int) - turned.covariance).max() <= 1
    run = hand(2, 15)
    assert np.allclose(model.score_actions(profile, run)[::-1], model.score_actions(profile, run[::-1]), atol=1e-9)


def test_learning_bit_by_bit_is_enrolling_at_once_but_for_rounding():
    model, actions = Pointer(), hand(1, 150)
    grown, whole = model.empty(), model.profile(actions)
    for action in actions:
        grown = model.learn(grown, [action])
    assert grown.taught == whole.taught == 150
    assert np.allclose(grown.mean_of(), whole.mean_of(), atol=0.01)
    assert np.allclose(grown.covariance_of(), whole.covariance_of(), atol=0.06)


def share_of_the_way(old: pointer.Profile, changed: pointer.Profile, goal: pointer.Profile) -> float:
    way = goal.mean_of() - old.mean_of()
    return float((changed.mean_of() - old.mean_of()) @ way / (way @ way))


def test_an_old_profile_fades_as_a_hand_changes():
    model, then = Pointer(), pointer.Run.of(hand(2, 20))
    old = replace(model.profile(hand(1, 20)), taught=60_000)
    changed = model.learn(old, pointer.Run(then.features * 250))
    assert share_of_the_way(old, changed, model.profile(then)) == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_small_steps_of_a_long_memory_add_up():
    model, then = Pointer(), hand(2, 200)
    old = changed = replace(model.profile(hand(1, 20)), taught=5_000)
    for action in then:
        changed = model.learn(changed, [action])
    assert share_of_the_way(old, changed, model.profile(then)) == pytest.approx(1 - np.exp(-200 / 5_000), abs=0.01)


def test_a_run_below_ten_actions_says_nothing_and_a_longer_one_says_more():
    assert [weigh_run([4.0] * n) for n in (0, 1, 9)] == [0.0, 0.0, 0.0]
    figures = [weigh_run([4.0] * n) for n in range(9, 60)]
    assert figures == sorted(figures)
    assert weigh_run([4.0] * 10) == 2.0


def test_no_actions_teach_and_tell_nothing():
    model = Pointer()
    assert model.learn(model.empty(), []).taught == 0
    assert len(model.score_actions(model.profile(hand(1, 1)), [])) == 0


def test_an_empty_profile_does_not_score():
    with pytest.raises(ValueError, match="at least 1 action"):
        Pointer().score_actions(Pointer.empty(), hand(1, 1))


def test_a_profile_fits_in_two_and_a_half_kilobytes_and_round_trips(crowd):
    model = Pointer(background=crowd)
    profile = model.profile(hand(1, 50))
    data = pointer.to_bytes(profile)
    again = pointer.from_bytes(data)
    assert len(data) <= 2_500
    assert again.taught == 50
    assert np.array_equal(model.score_actions(again, hand(2, 12)), model.score_actions(profile, hand(2, 12)))
    assert pointer.from_bytes(pointer.to_bytes(model.empty())).taught == 0


def test_damaged_bytes_are_named():
    data = pointer.to_bytes(Pointer().profile(hand(1, 5)))
    another_count = data[:7] + bytes([data[7] ^ 1]) + data[8:]
    for damaged in (b"", data[:-1], data + b"\0", b"XX" + data[2:], data[:-1] + bytes([data[-1] ^ 1]), another_count):
        with pytest.raises(ProfileDamaged):
            pointer.from_bytes(damaged)


NUMBERS = st.floats(-1e308, 1e308)


@given(arrays(np.float64, st.tuples(st.integers(2, 12), st.sampled_from([3, 4])), elements=NUMBERS), st.integers(1, 40))
def test_any_finite_action_gives_bounded_nats(action, repeated):
    model, action = Pointer(), action[np.argsort(action[:, 0])]
    hostile = model.profile([action] * repeated)
    for profile, tested in ((enrolled_hand(1, 3), [action]), (hostile, [action]), (hostile, run(1))):
        nats = model.score_actions(profile, tested)
        assert np.isfinite(nats).all()
        assert (np.abs(nats) <= LIMIT_NATS).all()


@given(arrays(np.int16, 48 + 1176), st.integers(1, 2**32 - 1))
def test_any_numbers_in_a_profile_give_bounded_nats(numbers, taught):
    profile = pointer.Profile(numbers[:48], numbers[48:], taught)
    flat = Background(np.full(48, 0.05), 0.1, np.zeros(48), np.eye(48), np.eye(48))
    for model in (Pointer(), Pointer(background=flat)):
        assert (np.abs(model.score_actions(profile, run(1))) <= LIMIT_NATS).all()
        assert model.learn(profile, run(1)).taught >= min(taught + 30, 2**32 - 1)


def test_a_background_needs_enough_people_who_moved_enough():
    grown, young = Pointer().profile(hand(1, 100)), Pointer().profile(hand(2, 99))
    with pytest.raises(ValueError, match="8 profiles"):
        Background.of([grown] * 7 + [young])


def test_a_background_of_one_person_alone_is_bounded():
    same = Background.of([Pointer().profile(hand(1, 100))] * 8)
    nats = Pointer(background=same).score_actions(Pointer().profile(hand(1, 30)), hand(2, 20))
    assert (np.abs(nats) <= LIMIT_NATS).all()


def test_weights_that_were_changed_are_refused():
    with pytest.raises(RuntimeError, match="digest"):
        pointer_weights.checked(digest="0" * 64)
