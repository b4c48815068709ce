"""The pointer's protocol, its readers and its fit, on data made here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.biometrics import data, pointer
from benchmarks.biometrics.data import Session
from benchmarks.biometrics.measures import best_map
from tools import fit_pointer


def session(user: int, illegal: bool, actor: int, seed: int, actions: int) -> Session:
    """A session of strokes whose speed is the actor's own, a pause of two seconds between them."""
    rng = np.random.default_rng((actor, seed))
    places, now = [], 0.0
    for _ in range(actions):
        time_s = now + np.arange(25) / 60
        way = np.cumsum(rng.normal(3.0 + actor, 1.0, (25, 2)), axis=0) * rng.choice([-1, 1], 2)
        places.append(np.column_stack([time_s, way]))
        now = time_s[-1] + 2.0
    return Session(user, illegal, np.vstack(places), ["m"] * 25 * actions)


ENROLMENTS = (pointer.last, pointer.spread, pointer.in_a_row)


@pytest.fixture(scope="module")
def people() -> list[pointer.Subject]:
    training = [session(user, False, user, 0, 120) for user in range(10)]
    tests = [session(user, False, user, 1 + n, 60) for user in range(10) for n in range(2)]
    tests += [session(user, True, (user + 5) % 10, 9 + n, 60) for user in range(10) for n in range(2)]
    return pointer.subjects((training, tests))


def test_subjects_are_cut_into_actions_and_runs_stay_inside_a_session(people):
    assert [len(person.training) for person in people] == [120] * 10
    assert [len(run) for run in people[0].runs()] == [30] * 4


def test_the_protocol_finds_hands_that_differ(people):
    task = pointer.closed(people, pointer.shipped)
    assert task.auc > 0.9
    assert len(task.per_subject) == 10
    few = people[:2] + people[6:8]
    per_subject, per_pair = pointer.opened(few, pointer.in_a_row, pointer.shipped)
    assert (len(per_subject), len(per_pair)) == (4 * pointer.PLACES, 4 * 3 * pointer.PLACES)
    assert per_pair.mean() < 0.2


def test_a_map_of_other_peoples_scorings_is_tried_on_each(people):
    plain, mapped, maps = pointer.calibrated(people, pointer.last, pointer.shipped)
    assert plain.shape == mapped.shape == (10,)
    assert maps.shape == (10, 2)
    assert (maps[:, 0] > 0).all()
    assert mapped.mean() < plain.mean()


def test_the_best_map_undoes_what_scores_were_bent_by():
    rng = np.random.default_rng(1)
    nats = (
        rng.normal(1, np.sqrt(2), 20_000),
        rng.normal(-1, np.sqrt(2), 20_000),
    )  # calibrated: mean is half the variance
    bent = [0.5 * side + 0.3 for side in nats]
    assert best_map(*bent) == pytest.approx((2.0, -0.6), abs=0.1)


def test_enrolments_take_what_they_say():
    actions = [np.full((2, 3), i) for i in range(620)]
    taken = {each.__name__: [[part[0, 0] for part in own] for own in each(actions)] for each in ENROLMENTS}
    assert [len(own) for own in taken["last"]] == [620]
    assert [len(own) for own in taken["spread"]] == [100] * 5
    assert taken["spread"][0][:3] == [0, 6, 12]
    assert [own[0] for own in taken["in_a_row"]] == [0, 130, 260, 390, 520]


def test_balabit_is_read_as_sessions_without_what_is_no_pointer(tmp_path):
    (tmp_path / "balabit-mouse").mkdir()
    for path in data.BALABIT:
        np.savez(
            tmp_path / path,
            session_user=[7, 9],
            session_is_illegal=[0, 1],
            session_start=[0, 4, 6],
            dt_ms=[1_000, 16, 16, 20, 5, 10],
            x=[10, 12, 65_535, 14, 1, 2],
            y=[10, 10, 65_535, 10, 1, 2],
            code=[0, 2, 0, 3, 6, 1],
        )
    training, tests = data.read_balabit(tmp_path)
    assert training[0].places.tolist() == [[0.0, 10.0, 10.0], [0.016, 12.0, 10.0], [0.052, 14.0, 10.0]]
    assert training[0].kinds == ["m", "d", "u"]
    assert (tests[1].user, tests[1].illegal, tests[1].kinds) == (9, True, ["m"])


def test_sets_that_are_missing_are_none(tmp_path):
    assert data.read_balabit(tmp_path) is None
    assert data.read_sapimouse(tmp_path) is None
    with pytest.raises(SystemExit, match="sapimouse"):
        fit_pointer.text(tmp_path)


def test_the_fit_is_the_same_twice_and_takes_what_steps_can_not_show_from_hand(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "sapimouse-1min").mkdir()
    steps = rng.poisson(np.repeat([[2.0], [6.0], [12.0]], 40, axis=0), (120, 128)).astype(np.uint16)
    users = np.repeat(np.arange(3), 40)
    np.savez(tmp_path / data.SAPIMOUSE, absdx=steps, absdy=steps[::-1], user=users)
    once = fit_pointer.text(tmp_path)
    assert once == fit_pointer.text(tmp_path)
    assert '("hold", -2.2, 0.4, 0.05)' in once


def test_a_movement_ends_where_the_steps_nearly_stop():
    block = np.concatenate([np.full((20, 2), 5.0), np.zeros((4, 2)), np.full((20, 2), 3.0)])
    found = fit_pointer.actions([block], np.random.default_rng(0))
    assert [len(action) for action in found] == [25, 21]
