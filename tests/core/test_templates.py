"""What is kept of a profile key: bounds of learning, snapshots to go back to, bytes."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core import templates
from idp_adapter.core.templates import (
    MOST_BYTES,
    MOST_ROWS_A_DAY,
    Envelope,
    Scores,
    Snapshot,
    fitted,
    from_bytes,
    is_expired,
    is_full,
    learnt,
    rolled_back,
    scored,
    started,
    to_bytes,
)
from idp_adapter.errors import ProfileDamaged
from tests.core.builders import NOW

DAY = timedelta(days=1)


def daily(days: int, *, a_day: int = 1) -> Envelope:
    """A template that learnt on each of so many days, the last of them now; its bytes say when."""
    kept = None
    for i in range(days * a_day):
        at = NOW - (days - 1 - i // a_day) * DAY + timedelta(minutes=i % a_day)
        profile = str(days - 1 - i // a_day).encode()
        kept = learnt(kept, profile, at=at, nats=3.0) if kept else started(profile, at=at)
    assert kept is not None
    return kept


def test_a_day_is_full_after_six_rows_and_the_next_is_empty():
    kept = daily(1, a_day=MOST_ROWS_A_DAY)
    assert is_full(kept, at=NOW + timedelta(hours=1))
    assert not is_full(kept, at=NOW + DAY)
    assert learnt(kept, b"", at=NOW + DAY, nats=None).current.of_day == 1


def test_a_row_that_comes_late_counts_on_the_last_day_and_turns_no_clock_back():
    kept = daily(2, a_day=5)
    late = learnt(kept, b"", at=NOW - DAY, nats=None)
    assert (late.current.of_day, late.current.learnt_at) == (6, kept.current.learnt_at)
    assert is_full(late, at=NOW - DAY)


def test_a_baseline_expires_by_its_last_confirmed_row():
    kept = daily(40)
    assert not is_expired(kept, valid_from=NOW)
    assert is_expired(kept, valid_from=NOW + timedelta(seconds=1))


def test_the_first_snapshot_is_kept_as_soon_as_the_profile_is_enrolled():
    assert daily(10).formers == ()
    former = daily(11).formers
    assert [(snapshot.rows, snapshot.learnt_at) for snapshot in former] == [(10, NOW - DAY)]


def test_what_two_weeks_taught_can_always_be_undone_and_never_all_of_the_last_year():
    kept = daily(59)
    for day in range(1, 71):
        kept = learnt(kept, b"", at=NOW + day * DAY, nats=3.0)
        since = NOW + (day - 14) * DAY
        back = rolled_back(kept, since=since)
        assert back is not None
        assert timedelta(0) < since - back.current.learnt_at <= 43 * DAY
        assert len(kept.formers) == 2


def test_a_snapshot_needs_new_rows_as_well_as_time():
    kept = daily(11)
    for month in range(1, 5):
        kept = learnt(kept, b"", at=NOW + month * 30 * DAY, nats=None)
    assert len(kept.formers) == 1
    for month in range(5, 8):
        kept = learnt(kept, b"", at=NOW + month * 30 * DAY, nats=None)
    assert len(kept.formers) == 2


def test_rolling_back_gives_the_newest_clean_state_and_doing_it_again_changes_nothing():
    kept = daily(100)
    since = NOW - 3 * DAY
    clean = [snapshot for snapshot in kept.formers if snapshot.learnt_at < since]
    back = rolled_back(kept, since=since)
    assert back == Envelope(kept.since, clean[0], tuple(clean[1:]))
    assert rolled_back(back, since=since) == back


def test_rolling_back_before_everything_leaves_nothing_and_after_everything_changes_nothing():
    kept = scored(daily(100), 1.0, refused=True)
    assert rolled_back(kept, since=NOW - 200 * DAY) is None
    assert rolled_back(kept, since=NOW + DAY) == kept


def test_a_refused_row_is_scored_and_counted_until_one_is_learnt():
    kept = scored(scored(daily(3), -4.0, refused=True), None, refused=False)
    assert (kept.refused, kept.current.rows, kept.current.scores.count) == (1, 3, 3)
    assert kept.current.profile == daily(3).current.profile
    assert learnt(kept, b"", at=NOW, nats=None).refused == 0


@given(st.lists(st.floats(-15, 15), min_size=1, max_size=20))
def test_young_scores_are_the_plain_mean_and_variance(values):
    scores = Scores()
    for value in values:
        scores = scores.with_one(value)
    mean = sum(values) / len(values)
    assert scores.count == len(values)
    assert scores.mean == pytest.approx(mean, abs=1e-9)
    assert scores.variance == pytest.approx(sum((value - mean) ** 2 for value in values) / len(values), abs=1e-6)


def test_old_scores_follow_the_new():
    scores = Scores()
    for value in [4.0] * 200 + [0.0] * 60:
        scores = scores.with_one(value)
    assert scores.mean < 0.3


def big(size: int, days_ago: int, formers: int = 2) -> Envelope:
    past = [Snapshot(b"f" * size, NOW - (days_ago + 14 * (i + 1)) * DAY) for i in range(formers)]
    return Envelope(NOW - 300 * DAY, Snapshot(b"c" * size, NOW - days_ago * DAY), tuple(past))


def stored(envelopes: dict[str, Envelope]) -> int:
    return sum(len(to_bytes(envelope)) for envelope in envelopes.values())


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 400), st.integers(0, 2)), max_size=12))
def test_what_is_kept_of_a_subject_is_bounded(made):
    envelopes = {str(i): big(*parts) for i, parts in enumerate(made)}
    kept = fitted(envelopes, first=["0"])
    assert stored(kept) <= MOST_BYTES
    assert all(kept[key].current == envelopes[key].current for key in kept)
    assert stored(envelopes) > MOST_BYTES or kept == envelopes


def test_former_profiles_leave_before_whole_templates_and_those_before_the_latest():
    envelopes = {"a": big(1200, 3), "b": big(1200, 2), "c": big(1200, 1), "d": big(1200, 4)}
    kept = fitted(envelopes, first=["d"])
    assert {key: len(envelope.formers) for key, envelope in kept.items()} == {"a": 0, "b": 0, "c": 0, "d": 2}
    kept = fitted({**envelopes, "e": big(1500, 5), "f": big(1500, 6)}, first=["d"])
    assert set(kept) == {"b", "c", "d", "a", "e"}


def test_a_password_and_a_user_name_fit_with_all_that_is_kept_of_them():
    pair = {"password of 11": big(1396, 0), "user name of 8": big(1000, 0)}
    assert fitted(pair) == pair


times = st.datetimes(NOW.replace(tzinfo=None) - 999 * DAY, NOW.replace(tzinfo=None)).map(
    lambda time: time.replace(tzinfo=NOW.tzinfo)
)
snapshots = st.builds(
    Snapshot,
    st.binary(max_size=50),
    times,
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.builds(Scores, st.integers(0, 65535), st.floats(-15, 15), st.floats(0, 900)),
)
envelopes = st.builds(Envelope, times, snapshots, st.lists(snapshots, max_size=2).map(tuple), st.integers(0, 65535))


@given(envelopes)
def test_envelopes_round_trip(envelope):
    assert from_bytes(to_bytes(envelope)) == envelope


@given(envelopes, st.data())
def test_a_changed_byte_is_damage(envelope, data):
    written = bytearray(to_bytes(envelope))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ProfileDamaged):
        from_bytes(bytes(written))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_envelope_or_damaged_even_with_a_right_checksum(noise):
    for data in (noise, templates._HEAD.pack(b"TP1", zlib.crc32(noise)) + noise):
        try:
            from_bytes(data)
        except ProfileDamaged:
            continue


@pytest.mark.parametrize(
    "spoilt",
    [
        struct.pack("<qHB", 0, 0, 0),
        struct.pack("<qHB", 2**62, 0, 1) + templates._SNAPSHOT.pack(0, 1, 1, 0, 0, 0, 0),
        struct.pack("<qHB", 0, 0, 1) + templates._SNAPSHOT.pack(0, 1, 1, 0, float("nan"), 0, 0),
        struct.pack("<qHB", 0, 0, 1) + templates._SNAPSHOT.pack(0, 1, 1, 0, 0, -1.0, 0),
        struct.pack("<qHB", 0, 0, 1) + templates._SNAPSHOT.pack(0, 1, 1, 0, 0, 0, 9),
        struct.pack("<qHB", 0, 0, 1) + templates._SNAPSHOT.pack(0, 1, 1, 0, 0, 0, 0) + b"more",
        struct.pack("<qHB", 0, 0, 4) + templates._SNAPSHOT.pack(0, 1, 1, 0, 0, 0, 0) * 4,
    ],
)
def test_bytes_that_no_envelope_writes_are_damage(spoilt):
    with pytest.raises(ProfileDamaged):
        from_bytes(templates._HEAD.pack(b"TP1", zlib.crc32(spoilt)) + spoilt)


def test_the_bare_bytes_of_a_model_are_no_envelope():
    with pytest.raises(ProfileDamaged):
        from_bytes(b"KS2" + bytes(60))
