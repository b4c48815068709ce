"""Roll-back: whoever took over becomes a stranger, and the subject never a new one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core import templates
from idp_adapter.core.learning import learn
from idp_adapter.core.rollback import roll_back
from idp_adapter.core.templates import Envelope, Snapshot
from idp_adapter.core.types import History, LastLogin, Learnable, Sighting
from tests.core import builders as b
from tests.core.test_learning import RULES, record

DAY = timedelta(days=1)
BEGAN = b.NOW - 5 * DAY


def sighting(value: str, first: int, last: int) -> Sighting:
    return Sighting(value, 3, b.NOW - first * DAY, b.NOW - last * DAY)


def applied(history: History, back) -> History:
    """The history as the next load brings it."""
    kept = {key: data for key, data in {**history.templates, **back.templates}.items() if data is not None}
    devices = tuple(device for device in history.devices if device not in back.forgotten)
    return replace(history, habits=back.habits or history.habits, devices=devices, templates=kept)


def envelope(*days_ago: int) -> bytes:
    current, *formers = (Snapshot(f"{days} days ago".encode(), b.NOW - days * DAY) for days in days_ago)
    return templates.to_bytes(Envelope(b.NOW - 300 * DAY, current, tuple(formers)))


def test_templates_go_back_to_their_newest_state_from_before_or_are_forgotten():
    stored = {"back": envelope(1, 3, 20), "clean": envelope(6, 20), "young": envelope(2), "damaged": b"?"}
    back = roll_back(History(templates=stored), since=BEGAN)
    assert back.templates == {"back": envelope(20), "young": None, "damaged": None}
    assert (back.restored, back.erased) == (1, 2)


def test_devices_and_values_first_seen_since_are_forgotten_and_older_ones_stay():
    old, fresh = b.device("old"), replace(b.device("fresh"), first_seen=BEGAN)
    habits = b.habits(
        addresses=(sighting("theirs", 2, 1), sighting("both", 40, 1), sighting("own", 40, 9)),
        hours=tuple(range(168)),
    )
    back = roll_back(History(habits=habits, devices=(old, fresh)), since=BEGAN)
    assert back.forgotten == (fresh,)
    assert back.habits.addresses == (sighting("both", 40, 5), sighting("own", 40, 9))
    assert (back.habits.hours, back.habits.since) == (habits.hours, habits.since)
    assert back.habits.last is None


def test_the_last_login_from_before_stays():
    last = LastLogin(BEGAN - DAY, b.HOME)
    known = History(habits=b.habits(addresses=(sighting("theirs", 2, 1),), last=last))
    assert roll_back(known, since=BEGAN).habits.last == last
    assert roll_back(History(), since=BEGAN).habits is None


def test_a_subject_never_becomes_a_new_one_whose_first_logins_are_trusted():
    habits = b.habits(logins=50, since=b.NOW - DAY, addresses=(sighting("theirs", 1, 0),))
    assert roll_back(History(habits=habits), since=b.NOW - 300 * DAY).habits.logins == 50


@cache
def lived(days: int) -> History:
    """What a confirmed login a day taught, to now."""
    history = History(habits=b.habits(), devices=(b.device(),))
    for day in range(days, -1, -1):
        seen = Learnable(f"key-{day // 20}", None, {"password/": b.typing()}, 0.0001)
        made = record(time=b.NOW - day * DAY, learnable=seen)
        taught = learn(made, history, RULES, proved=True)
        known = {(device.kind, device.id): device for device in (*history.devices, *taught.devices)}
        history = History(taught.habits, tuple(known.values()), templates={**history.templates, **taught.templates})
    return history


BASELINES = [0, 9, 15, 44]  # days of logins, each with another count of former profiles


@given(st.sampled_from(BASELINES), st.integers(0, 70), st.integers(0, 70))
def test_doing_it_again_changes_nothing_and_going_further_back_is_going_there_at_once(days, one, other):
    history = lived(days)
    nearer, further = (b.NOW - days * DAY for days in sorted((one, other)))
    once = applied(history, roll_back(history, since=further))
    assert applied(once, roll_back(once, since=further)) == once
    assert applied(once, roll_back(once, since=nearer)) == once
    step = applied(history, roll_back(history, since=nearer))
    assert applied(step, roll_back(step, since=further)) == once
