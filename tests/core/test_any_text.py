"""Any text: what is read of a typing, how a background is made, and what it takes to speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence import any_text
from idp_adapter.core.evidence.any_text import AnyText, Background, Profile, seen
from idp_adapter.errors import ProfileDamaged
from tests.core import typists
from tests.core.builders import NOW

MODEL = AnyText(typists.background())


def row(*, hold_s: float = 0.1, gap_s: float = 0.2, keys: int = 6) -> np.ndarray:
    made = np.full(2 * keys - 1, gap_s)
    made[0::2] = hold_s
    return made


def names() -> list[str]:
    holds, gaps = [f"hold_{i}" for i in range(6)], [f"gap_{i}" for i in range(6)]
    return [*holds, *gaps, "overlapping", "overlap", "hold_hold", "hold_gap", "gap_gap"]


def read(made: np.ndarray) -> dict[str, float]:
    return dict(zip(names(), map(float, seen(made)), strict=True))


def test_a_typical_typing_lies_in_the_middle():
    found = read(row())
    assert found["hold_3"] == pytest.approx(1)
    assert found["gap_2"] + found["gap_3"] == pytest.approx(1)
    assert found["overlapping"] == found["overlap"] == found["hold_hold"] == 0


@pytest.mark.parametrize(
    ("made", "name", "value"),
    [
        (row(hold_s=0.3, gap_s=0.2), "overlapping", 1.0),
        (row(hold_s=0.25, gap_s=0.2), "overlap", -1.0),
        (row(hold_s=0.9, gap_s=0.2), "overlap", -4.0),
        (row(hold_s=0.1 * np.exp(0.35), gap_s=0.2), "hold_hold", 1.0),
        (row(hold_s=0.1, gap_s=0.2 * np.exp(0.6)), "gap_gap", 1.0),
        (row(hold_s=0.1 * np.exp(0.35), gap_s=0.2 * np.exp(0.6)), "hold_gap", 1.0),
        (row(hold_s=0.001), "hold_0", 1.0),
    ],
)
def test_what_a_view_tells(made, name, value):
    assert read(made)[name] == pytest.approx(value)


@given(st.permutations(range(6)))
def test_where_a_time_stands_tells_nothing_of_its_share(order):
    made = typists.rows(1, 1)[0]
    moved = made.copy()
    moved[0::2] = made[0::2][order]
    assert seen(moved)[:6] == pytest.approx(seen(made)[:6])


def test_a_profile_is_exact_after_each_sample_whatever_its_keys():
    typed = [*typists.rows(1, 7), *typists.rows(1, 5, 1, keys=12)]
    points, keys = np.array([seen(made) for made in typed]), np.array([6] * 7 + [12] * 5)
    profile = MODEL.profile(typed)
    mean = keys @ points / keys.sum()
    away = points - mean
    assert profile.mean == pytest.approx(mean, abs=1e-5)
    assert profile.scatter_of() == pytest.approx((away * keys[:, None]).T @ away, abs=1e-3)
    assert (profile.taught, profile.keys, profile.samples) == (12, 102, 12)


def test_a_long_memory_fades_and_stays_bounded():
    profile = replace(MODEL.profile(typists.rows(1, 30)), keys=3000.0, samples=500.0, taught=900)
    for made in typists.rows(2, 400):
        profile = MODEL.learn(profile, made)
    assert profile.keys == pytest.approx(any_text.MEMORY_KEYS)
    assert profile.samples == pytest.approx(500, abs=1)
    own, other = MODEL.profile(typists.rows(1, 50)).mean, MODEL.profile(typists.rows(2, 50)).mean
    assert np.abs(profile.mean - other).sum() < np.abs(profile.mean - own).sum()
    at_once = MODEL.learn(profile, np.full(1999, 0.1))
    assert at_once.keys == any_text.MEMORY_KEYS


def test_what_is_stored_is_small_and_holds_no_row():
    assert len(any_text.to_bytes(MODEL.profile(typists.rows(1, 30)))) <= 700


def test_without_a_background_nothing_is_said_by_name_and_only_proved_samples_teach_an_enrolled_profile():
    model = AnyText()
    profile = model.profile(typists.rows(1, 30))
    evidence = model.score(profile, typists.rows(1, 1, 1)[0], now=NOW)
    assert evidence.abstains
    assert evidence.reasons[0].code == "any_text_no_background"
    assert model.nats(profile, typists.rows(1, 1, 1)[0]) is None
    assert not model.admits(profile, typists.rows(1, 1, 1)[0])
    assert model.admits(model.profile(typists.rows(1, 9)), typists.rows(2, 1, 1)[0])
    with pytest.raises(ValueError, match="background"):
        model.score_samples(profile, typists.rows(1, 1))


def test_samples_are_weighed_each_by_itself_and_more_keys_weigh_more():
    profile = MODEL.profile(typists.rows(1, 30))
    short, long = typists.rows(1, 20, 1), typists.rows(1, 20, 2, keys=60)
    together = MODEL.score_samples(profile, short + long)
    assert together[:20] == pytest.approx(MODEL.score_samples(profile, short))
    assert together[20:].mean() > together[:20].mean()
    assert len(MODEL.score_samples(profile, [])) == 0
    with pytest.raises(ValueError, match="at least 1 sample"):
        MODEL.score_samples(MODEL.empty(), short)


@pytest.mark.parametrize(
    "profiles",
    [typists.profiles()[:-1], [*typists.profiles()[:-1], AnyText().profile(typists.rows(1, 9))]],
    ids=["199", "the last of nine samples"],
)
def test_a_background_of_fewer_than_two_hundred_enrolled_is_refused(profiles):
    with pytest.raises(ValueError, match="200 profiles of at least 10 samples"):
        Background.of(profiles)


def test_people_read_at_once_are_what_the_model_learns_row_by_row():
    at_once, learnt = typists.profiles()[7], MODEL.profile(typists.rows(1007, 12))
    assert at_once.mean == pytest.approx(learnt.mean, abs=1e-5)
    assert at_once.scatter == pytest.approx(learnt.scatter, abs=1e-3)
    assert (at_once.taught, at_once.keys, at_once.samples) == (learnt.taught, learnt.keys, learnt.samples)


def test_a_background_is_the_same_each_time():
    again = Background.of(typists.profiles())
    assert np.array_equal(again.mean, typists.background().mean)
    assert again.calibration == typists.background().calibration
    assert [least for least, *_ in again.calibration] == list(any_text.BANDS)


def test_hands_that_all_type_alike_tell_nobody_apart():
    same = [AnyText().profile(typists.rows(7, 10, seed)) for seed in range(20)] * 10
    model = AnyText(Background.of(same))
    profile = model.profile(typists.rows(7, 30))
    assert np.abs(model.score_samples(profile, typists.rows(7, 20, 300))).max() < 1.5


def test_one_subject_more_or_less_moves_a_mean_by_a_two_hundredth_of_what_a_view_spans():
    whole = Background.of([*typists.profiles(), AnyText().profile([row(hold_s=0.9, gap_s=2.9)] * 10)])
    assert np.abs(whole.mean - typists.background().mean).max() < 6.5 / 200


def spoilt(**changes: object) -> bytes:
    return any_text.to_bytes(replace(MODEL.profile(typists.rows(1, 3)), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": np.full(any_text.WIDTH, np.nan, np.float32)},
        {"keys": 1e9},
        {"keys": float("nan")},
        {"keys": -1.0},
        {"samples": 4.0},
        {"samples": -1.0},
    ],
)
def test_numbers_that_no_profile_has_are_damage(changes):
    with pytest.raises(ProfileDamaged, match="no profile can"):
        any_text.from_bytes(spoilt(**changes))


def test_an_empty_profile_round_trips():
    again = any_text.from_bytes(any_text.to_bytes(AnyText.empty()))
    assert isinstance(again, Profile)
    assert again.taught == 0
