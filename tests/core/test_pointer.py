"""The pointer model by properties: what any model of a hand must keep, whatever its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idp_adapter.core.evidence import pointer, pointer_weights
from idp_adapter.core.evidence.pointer import LIMIT_NATS, Background, Pointer, weigh_run
from idp_adapter.errors import ProfileDamaged
from tests.core.hands import crowd, enrolled, hand, one_by_one, run


def test_own_actions_mean_the_owner_and_foreign_ones_someone_else():
    model = Pointer()
    profile = enrolled(1, 200)
    assert weigh_run(model.score_actions(profile, run(1, 40, seed=1))) > 0.2
    assert weigh_run(model.score_actions(profile, run(2, 40))) < -0.2


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
    tested = hand(2, 15)
    nats, backwards = (model.score_actions(profile, actions) for actions in (tested, tested[::-1]))
    assert np.allclose(nats[::-1], backwards, atol=1e-9)


@pytest.mark.parametrize("person", [1, 3, 5])
def test_a_page_that_asks_for_movements_to_one_side_is_not_held_against_the_hand(person):
    model, profile = Pointer(), enrolled(person, 200)
    moved = [(action, action[-1, 1:3] - action[0, 1:3]) for action in hand(person, 200, seed=1)]
    ordered = [action for action, way in sorted(moved, key=lambda each: each[1][0] / np.hypot(*each[1]))]
    for one_sided in (ordered[:30], ordered[-30:]):
        assert weigh_run(model.score_actions(profile, one_sided)) > 2


def test_learning_bit_by_bit_is_enrolling_at_once_but_for_rounding():
    model, moved = Pointer(), run(1, 150)
    grown, whole = model.empty(), model.profile(moved)
    for action in one_by_one(moved):
        grown = model.learn(grown, action)
    assert grown.taught == whole.taught == 150
    assert np.allclose(grown.mean_of(), whole.mean_of(), atol=0.01)
    assert np.allclose(grown.covariance_of(), whole.covariance_of(), atol=0.06)


def share_of_the_way(old: pointer.Profile, changed: pointer.Profile, goal: pointer.Profile) -> float:
    way = goal.mean_of() - old.mean_of()
    return float((changed.mean_of() - old.mean_of()) @ way / (way @ way))


def test_an_old_profile_fades_as_a_hand_changes():
    model, then = Pointer(), run(2, 20)
    old = replace(enrolled(1, 20), taught=60_000)
    changed = model.learn(old, pointer.Run(then.features * 250))
    assert share_of_the_way(old, changed, model.profile(then)) == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_small_steps_of_a_long_memory_add_up():
    model, then = Pointer(), run(2, 200)
    old = changed = replace(enrolled(1, 20), taught=5_000)
    for action in one_by_one(then):
        changed = model.learn(changed, action)
    assert share_of_the_way(old, changed, model.profile(then)) == pytest.approx(1 - np.exp(-200 / 5_000), abs=0.01)


def test_a_run_below_ten_actions_says_nothing_and_a_longer_one_says_more():
    assert [weigh_run([4.0] * n) for n in (0, 1, 9)] == [0.0, 0.0, 0.0]
    figures = [weigh_run([4.0] * n) for n in range(9, 60)]
    assert figures == sorted(figures)
    assert weigh_run([4.0] * 10) == 2.0


def test_no_actions_teach_and_tell_nothing():
    model = Pointer()
    assert model.learn(model.empty(), []).taught == 0
    assert len(model.score_actions(enrolled(1, 1), [])) == 0


def test_an_empty_profile_does_not_score():
    with pytest.raises(ValueError, match="at least 1 action"):
        Pointer().score_actions(Pointer.empty(), hand(1, 1))


def test_a_profile_fits_in_two_and_a_half_kilobytes_and_round_trips():
    model, tested = Pointer(background=crowd()), run(2, 12)
    profile = enrolled(1, 50)
    data = pointer.to_bytes(profile)
    again = pointer.from_bytes(data)
    assert len(data) <= 2_500
    assert again.taught == 50
    assert np.array_equal(model.score_actions(again, tested), model.score_actions(profile, tested))
    assert pointer.from_bytes(pointer.to_bytes(model.empty())).taught == 0


def test_damaged_bytes_are_named():
    data = pointer.to_bytes(enrolled(1, 5))
    another_count = data[:7] + bytes([data[7] ^ 1]) + data[8:]
    for damaged in (b"", data[:-1], data + b"\0", b"XX" + data[2:], data[:-1] + bytes([data[-1] ^ 1]), another_count):
        with pytest.raises(ProfileDamaged):
            pointer.from_bytes(damaged)


NUMBERS = st.floats(-1e308, 1e308)


@given(arrays(np.float64, st.tuples(st.integers(2, 12), st.sampled_from([3, 4])), elements=NUMBERS), st.integers(1, 40))
def test_any_finite_action_gives_bounded_nats(action, repeated):
    model, action = Pointer(), action[np.argsort(action[:, 0])]
    hostile = model.profile([action] * repeated)
    for profile, tested in ((enrolled(1, 3), [action]), (hostile, [action]), (hostile, run(1))):
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
    with pytest.raises(ValueError, match="8 profiles"):
        Background.of([enrolled(1, 100)] * 7 + [enrolled(2, 99)])


def test_a_background_of_one_person_alone_is_bounded():
    same = Background.of([enrolled(1, 100)] * 8)
    nats = Pointer(background=same).score_actions(enrolled(1, 30), run(2, 20))
    assert (np.abs(nats) <= LIMIT_NATS).all()


def test_weights_that_were_changed_are_refused():
    with pytest.raises(RuntimeError, match="digest"):
        pointer_weights.checked(digest="0" * 64)
