"""Touch typing: the battery that a model must pass, and what pressure and area add to the times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from idp_adapter.core.evidence import touch, touch_weights
from idp_adapter.core.evidence.touch import Touch
from idp_adapter.errors import ProfileDamaged

KEYS = 8
WIDTH = 4 * KEYS - 1


def finger(person: int, rows: int, seed: int = 0) -> np.ndarray:
    own = np.random.default_rng(person).lognormal(-1.8, 0.3, WIDTH)
    return own * np.exp(np.random.default_rng((person, seed, 3)).normal(0, 0.12, (rows, WIDTH)))


def test_pressure_and_area_tell_where_the_times_do_not():
    model = Touch()
    pressed = finger(1, 10, seed=1)
    pressed[:, 2 * KEYS - 1 :] *= 1.8
    profile = model.profile(finger(1, 30))
    assert model.score_rows(profile, pressed).max() < model.score_rows(profile, finger(1, 10, seed=1)).min()


def test_learning_one_by_one_is_enrolling_at_once_and_leaves_its_inputs_alone():
    model, rows = Touch(), finger(1, 35)
    before, grown = rows.copy(), model.empty()
    for row in rows:
        grown = model.learn(grown, row)
    whole = model.profile(rows)
    assert np.array_equal(grown.contacts, whole.contacts)
    assert np.array_equal(grown.times.rows, whole.times.rows)
    assert np.array_equal(rows, before)


def test_profiles_round_trip_and_damage_is_named():
    profile = Touch().profile(finger(1, 6))
    data = touch.to_bytes(profile)
    again = touch.from_bytes(data)
    assert np.array_equal(Touch().score_rows(again, finger(2, 3)), Touch().score_rows(profile, finger(2, 3)))
    short = touch.to_bytes(replace(profile, contacts=profile.contacts[:-1]))
    for damaged in (b"", data[:-1], b"XX" + data[2:], data[:-1] + bytes([data[-1] ^ 1]), short):
        with pytest.raises(ProfileDamaged):
            touch.from_bytes(damaged)


@pytest.mark.parametrize("row", [[float("nan")] * WIDTH, [float("inf")] * WIDTH, [0.1] * (WIDTH - 1), []])
def test_rows_that_are_not_finite_or_of_no_such_width_are_refused(row):
    with pytest.raises(ValueError, match="rows must"):
        Touch().profile([row])


def test_one_row_is_too_little_to_score():
    model = Touch()
    with pytest.raises(ValueError, match="at least 2"):
        model.score_rows(model.profile(finger(1, 1)), finger(1, 1))


def test_weights_that_were_changed_are_refused():
    with pytest.raises(RuntimeError, match="digest"):
        touch_weights.checked(touch_weights.BANDS, digest="0" * 64)
