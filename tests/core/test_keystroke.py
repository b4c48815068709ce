"""The fixed-text model by properties: what any model of a hand must keep, whatever its weights."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core import templates
from idp_adapter.core.evidence import automation, keystroke, keystroke_weights
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.evidence.keystroke_views import NAMES, Template, views
from idp_adapter.core.learning import learn
from idp_adapter.core.types import History, Signals
from idp_adapter.errors import ProfileDamaged
from tests.core import builders as b
from tests.core.test_learning import RULES, record

KEYS = 9
WIDTH = 2 * KEYS - 1


def hand(person: int, rows: int, seed: int = 0, keys: int = KEYS) -> np.ndarray:
    own = np.random.default_rng(person).lognormal(-2.0, 0.35, 2 * keys - 1)
    return own * np.exp(np.random.default_rng((person, seed, 7)).normal(0, 0.12, (rows, 2 * keys - 1)))


def test_own_rows_mean_the_owner_and_foreign_rows_someone_else():
    model = FixedText()
    profile = model.profile(hand(1, 30))
    assert np.median(model.score_rows(profile, hand(1, 20, seed=1))) > 1
    assert np.median(model.score_rows(profile, hand(2, 20))) < -1


@pytest.mark.parametrize("factor", [0.01, 0.125, 0.25, 4, 8, 100])
@pytest.mark.parametrize("even", [True, False])
def test_no_row_of_another_tempo_speaks_for_the_owner(factor, even):
    model = FixedText()
    rows = np.repeat(hand(1, 1), 30, axis=0) if even else hand(1, 30)
    assert (model.score_rows(model.profile(rows), hand(1, 5, seed=1) * factor) < -2).all()


def test_rows_are_scored_alone_whatever_their_company():
    model = FixedText()
    profile = model.profile(hand(1, 12))
    tested = np.vstack([hand(1, 3, seed=1), hand(2, 3)])
    alone = [model.score_rows(profile, row)[0] for row in tested]
    assert np.allclose(model.score_rows(profile, tested), alone, atol=1e-9)


def test_learning_one_by_one_is_enrolling_at_once():
    model, rows = FixedText(), hand(1, 40)
    grown = model.empty()
    for row in rows:
        grown = model.learn(grown, row)
    whole = model.profile(rows)
    assert np.array_equal(grown.rows, whole.rows)
    assert np.allclose(grown.anchor, whole.anchor, atol=0.02)
    assert grown.taught == whole.taught == 40


def test_a_stored_profile_scores_as_the_one_in_memory():
    model = FixedText()
    profile = model.profile(hand(1, 30))
    again = keystroke.from_bytes(keystroke.to_bytes(profile))
    assert np.array_equal(model.score_rows(again, hand(2, 4)), model.score_rows(profile, hand(2, 4)))
    assert again.taught == 30
    assert len(keystroke.from_bytes(keystroke.to_bytes(model.empty())).rows) == 0


def test_a_profile_of_eleven_keys_fits_in_three_kilobytes():
    assert len(keystroke.to_bytes(FixedText().profile(hand(1, 300, keys=11)))) <= 3000


def test_bytes_that_no_profile_writes_are_damage():
    profile = FixedText().profile(hand(1, 5))
    wild = replace(profile, rows=np.full_like(profile.rows, np.nan))
    even = keystroke.Profile(np.zeros((1, 4), np.float16), np.zeros((2, 6), np.float16))
    for damaged in (wild, even):
        with pytest.raises(ProfileDamaged):
            keystroke.from_bytes(keystroke.to_bytes(damaged))


@given(st.lists(st.floats(-1e300, 1e300), min_size=WIDTH, max_size=WIDTH), st.integers(2, 30))
def test_any_finite_row_gives_bounded_nats(row, enrolled):
    model = FixedText(clock_step_s=0.001)
    hostile = model.profile([row] * enrolled)
    for profile, tested in ((model.profile(hand(1, enrolled)), row), (hostile, row), (hostile, hand(1, 1))):
        nats = model.score_rows(profile, tested)
        assert np.isfinite(nats).all()
        assert (np.abs(nats) <= keystroke.LIMIT_NATS).all()


def test_a_row_of_another_width_is_refused_by_scoring_and_is_no_replay():
    model = FixedText()
    profile = model.profile(hand(1, 5))
    with pytest.raises(ValueError, match="rows of"):
        model.score_rows(profile, hand(1, 1, keys=8))
    assert model.replay_distance_s(profile, hand(1, 1, keys=8))[0] == np.inf


def test_a_coarser_clock_makes_the_same_rows_say_less():
    profile = FixedText().profile(hand(1, 30))
    foreign = hand(2, 30)
    fine, coarse = (FixedText(clock_step_s=step).score_rows(profile, foreign) for step in (0.0, 0.05))
    assert np.abs(coarse).mean() < np.abs(fine).mean()


def test_a_template_widens_with_the_clock_in_every_block():
    template = Template.of(hand(1, 30))
    assert (template.blurred(0.016) > template.spread).all()
    assert template.blurred(0.0) is template.spread


def test_views_have_their_names_and_are_finite():
    seen = views(Template.of(hand(1, 4)), hand(2, 3))
    assert seen.shape == (3, len(NAMES))
    assert np.isfinite(seen).all()


def test_the_window_does_not_admit_a_stranger_unproved():
    model = FixedText()
    profile = model.profile(hand(1, 30))
    assert model.admits(profile, hand(1, 30).mean(axis=0))
    assert not model.admits(profile, hand(2, 1))
    assert model.admits(model.profile(hand(1, 5)), hand(2, 1))


def test_an_anchor_refuses_what_a_poisoned_window_would_take():
    model = FixedText()
    own, foreign = model.profile(hand(1, 400)), model.profile(hand(2, 30))
    poisoned = replace(own, rows=foreign.rows)
    assert model.score_rows(poisoned, hand(2, 30).mean(axis=0))[0] > 2
    assert not model.admits(poisoned, hand(2, 30).mean(axis=0))


def test_weights_that_were_changed_are_refused():
    with pytest.raises(RuntimeError, match="digest"):
        keystroke_weights.checked(keystroke_weights.BANDS, digest="0" * 64)


def stored(rows: np.ndarray) -> History:
    kept = b.template(keystroke.to_bytes(FixedText().profile(rows)))
    return History(templates={f"keystroke/password//{KEYS}": kept})


def typed(row: np.ndarray):
    downs = np.concatenate([[0.0], np.cumsum(row[1::2])])
    return replace(b.typing(keys=KEYS), down_s=tuple(downs), up_s=tuple(downs + row[0::2]))


def weighed(history: History, row: np.ndarray, clock_step_s: float = 0.0001) -> set[str]:
    telemetry = replace(b.telemetry(typed(row)), clock_step_s=clock_step_s)
    return {reason.code for reason in automation.score(b.situation(history, Signals(telemetry=telemetry))).reasons}


def test_a_stored_typing_that_comes_again_is_a_replay():
    rows = hand(1, 30)
    again = np.abs(rows[4] + np.random.default_rng(3).uniform(-0.002, 0.002, WIDTH))
    assert weighed(stored(rows), again) == {"automation_replay"}
    assert weighed(stored(rows), hand(1, 1, seed=1)[0]) == set()


def test_delays_of_a_program_are_unlike_the_hand():
    rng = np.random.default_rng(0)
    drawn = np.where(np.arange(WIDTH) % 2 == 0, rng.uniform(0.02, 0.2, WIDTH), rng.uniform(0.3, 0.5, WIDTH))
    assert weighed(stored(hand(1, 30)), drawn) == {"automation_unlike_a_hand"}


def test_a_replay_shows_even_where_the_baseline_is_past_its_validity_and_an_odd_hand_does_not():
    rng = np.random.default_rng(0)
    drawn = np.where(np.arange(WIDTH) % 2 == 0, rng.uniform(0.02, 0.2, WIDTH), rng.uniform(0.3, 0.5, WIDTH))
    rows = hand(1, 30)
    for row, expected in ((rows[4], ["automation_replay"]), (drawn, [])):
        signals = Signals(telemetry=b.telemetry(typed(row)))
        late = replace(b.situation(stored(rows), signals), valid_from=b.NOW + timedelta(days=1))
        assert [reason.code for reason in automation.score(late).reasons] == expected


def test_nothing_is_compared_on_a_coarse_clock_or_with_few_or_damaged_typings():
    rows = hand(1, 30)
    damaged = History(templates={f"keystroke/password//{KEYS}": b"?"})
    assert weighed(stored(rows), rows[4], clock_step_s=0.1) == set()
    assert weighed(stored(rows), rows[4], clock_step_s=0.01) == set()
    assert weighed(stored(rows[:9]), rows[4]) == set()
    assert weighed(damaged, rows[4]) == set()
    assert weighed(History(), rows[4]) == set()


def test_an_unproved_typing_unlike_its_profile_is_not_learnt_and_a_proved_one_is():
    seen = record()
    key = "keystroke/password//8"
    history = History(templates={key: b.template(keystroke.to_bytes(FixedText().profile(hand(1, 30, keys=8))))})
    refused = templates.from_bytes(learn(seen, history, RULES).templates[key])
    assert (refused.refused, refused.current.rows, refused.current.scores.count) == (1, 1, 1)
    proved = templates.from_bytes(learn(seen, history, RULES, proved=True).templates[key])
    assert keystroke.from_bytes(proved.current.profile).taught == 31
