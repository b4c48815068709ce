"""The pointer of one login: which movements are weighed, against which profile, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import pointed, pointer
from idp_adapter.core.evidence.pointer import Pointer, Run
from idp_adapter.core.learning import learn, learnable
from idp_adapter.core.signals import parse_telemetry, without_behaviour
from idp_adapter.core.types import History, Signals
from tests.core import builders as b
from tests.core.hands import hand
from tests.core.test_learning import RULES, record


def trace(actions: int, person: int = 1, seed: int = 0, contact: tuple[float, ...] = ()) -> list[list[object]]:
    """A collector's trace of so many movements, each ended by a click."""
    points: list[list[object]] = []
    start = 0.0
    for action in hand(person, actions, seed):
        moved = [row for row in action if not row[3]]
        moved = moved[:: max(1, len(moved) // 5)]
        for at, x, y, _ in moved:
            points.append([start + 1000 * at, float(x), float(y), "m", *contact])
        end = start + 1000 * moved[-1][0]
        points += [[end + 90, *points[-1][1:3], kind, *contact] for kind in ("d", "u")]
        start = end + 200
    return points


def signals(
    actions: int = 12, *, person: int = 1, seed: int = 0, user_agent: str = b.FIREFOX, **more: object
) -> Signals:
    sent = {"v": 1, "challenge": "c", "clock_step_ms": 0.1, "pointer": trace(actions, person, seed), **more}
    return Signals(user_agent=user_agent, telemetry=parse_telemetry(sent, expected_challenge="c", key_id=None))


@cache
def enrolled(actions: int = 150) -> History:
    """The first person's profile, learnt from logins of at most fifteen movements."""
    runs = [signals(min(15, actions - i), seed=50 + i) for i in range(0, actions, 15)]
    profile = Pointer().profile(Run(b"".join(seen.telemetry.moves for seen in runs)))
    return History(templates={"pointer/mouse/Linux": b.template(pointer.to_bytes(profile))})


def test_the_last_sixteen_movements_are_read_and_no_place_of_theirs_is_kept():
    seen = signals(20)
    assert len(Run(seen.telemetry.moves)) == pointed.MOST_ACTIONS
    moved = signals(20, pointer=[[at, x + 300, y - 200, kind] for at, x, y, kind in trace(20)])
    apart = Run(moved.telemetry.moves).squashed() - Run(seen.telemetry.moves).squashed()
    assert np.abs(apart).max() < 0.05


def test_touches_and_an_empty_trace_give_no_movements():
    assert signals(0).telemetry.moves == b""
    assert signals(pointer=trace(12, contact=(0.5, 20.0, 20.0))).telemetry.moves == b""
    assert without_behaviour(signals()).telemetry.moves == b""


def test_the_owners_movements_reassure_and_those_of_another_do_not_within_the_cap():
    own, other = (pointed.score(b.situation(enrolled(), signals(16, person=who, seed=1))) for who in (1, 2))
    assert -1.5 <= own.nats < 0 < other.nats <= 1.5
    assert [own.reasons[0].code, other.reasons[0].code] == ["pointer_like", "pointer_unlike"]


@pytest.mark.parametrize(
    ("history", "seen", "code"),
    [
        (enrolled(), Signals(), "telemetry_none"),
        (enrolled(), signals(9), "pointer_few_movements"),
        (enrolled(), signals(clock_step_ms=100), "pointer_few_movements"),
        (enrolled(), signals(user_agent="Firefox/145 on Windows"), "pointer_enrolling"),
        (enrolled(), signals(user_agent=""), "pointer_enrolling"),
        (enrolled(99), signals(), "pointer_enrolling"),
        (History(), signals(), "pointer_enrolling"),
    ],
    ids=["none", "few", "coarse clock", "another platform", "unknown platform", "young", "new"],
)
def test_what_can_not_be_compared_says_nothing_and_says_why(history, seen, code):
    evidence = pointed.score(b.situation(history, seen))
    assert evidence.abstains
    assert evidence.reasons[0].code == code


def test_a_baseline_past_its_validity_says_nothing():
    late = replace(b.situation(enrolled(), signals()), valid_from=b.NOW + timedelta(seconds=1))
    assert pointed.score(late).reasons[0].code == "pointer_baseline_expired"


def taught(known: History, seen: Signals, *, proved: bool = False, minutes: int = 0) -> dict[str, bytes | None]:
    given = learnable(b.request(), seen)
    return dict(
        learn(record(learnable=given, time=b.NOW + timedelta(minutes=minutes)), known, RULES, proved=proved).templates
    )


def test_a_confirmed_login_teaches_its_run_once_and_six_times_a_day():
    kept: dict[str, bytes | None] = {}
    for i in range(9):
        kept |= taught(History(templates=kept), signals(3, seed=i), proved=True, minutes=i)
    template = templates.from_bytes(kept["pointer/mouse/Linux"])
    assert template.current.rows == 6
    assert pointer.from_bytes(template.current.profile).taught == 18


def test_an_unproved_run_of_another_hand_is_not_learnt_and_the_owners_is():
    for person, learns in ((1, True), (2, False)):
        known = enrolled()
        after = templates.from_bytes(taught(known, signals(16, person=person, seed=3))["pointer/mouse/Linux"])
        assert (pointer.from_bytes(after.current.profile).taught > 150) is learns
        assert after.refused == (not learns)


def test_a_clock_too_coarse_teaches_no_movement():
    assert learnable(b.request(), signals(clock_step_ms=100)).moves == {}


def test_a_run_of_other_bytes_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        Run(b"\0" * 10).squashed()
