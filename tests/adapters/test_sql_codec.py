"""Stored values: what is written reads back, and what doesn't read back is damage, whatever its shape."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters.sql import codec
from idp_adapter.core.types import (
    Binding,
    Evidence,
    Habits,
    LastLogin,
    Learnable,
    Origin,
    Place,
    Reason,
    Sighting,
    Typing,
)
from idp_adapter.errors import ProfileDamaged, RequestInvalid, RequestTooLarge
from tests.support.records import HOME, NOW, habits

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PSEUDONYM = st.none() | st.text("abcXYZ019-_", min_size=1, max_size=22)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TIME = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))
COUNT = st.integers(0, 2**31)
SIGHTINGS = st.lists(st.builds(Sighting, TEXT, COUNT, TIME, TIME), max_size=4).map(tuple)
PLACE = st.builds(
    Place, st.none() | TEXT, st.none() | COUNT, st.none() | NUMBER, st.none() | NUMBER, st.none() | NUMBER
)
ORIGIN = st.builds(Origin, PSEUDONYM, PSEUDONYM, PLACE)
HABITS = st.builds(
    Habits,
    COUNT,
    st.none() | TIME,
    *[SIGHTINGS] * 6,
    st.lists(COUNT, max_size=168).map(tuple),
    st.none() | st.builds(LastLogin, TIME, ORIGIN),
)
SCALAR = TEXT | st.integers(-(2**53), 2**53) | NUMBER | st.booleans() | st.lists(TEXT, max_size=3).map(tuple)
REASONS = st.lists(
    st.builds(Reason, TEXT, NUMBER, st.dictionaries(TEXT, SCALAR, max_size=3), st.none() | TEXT), max_size=3
).map(tuple)
EVIDENCE = st.lists(st.builds(Evidence, TEXT, NUMBER, REASONS, st.booleans(), st.booleans()), max_size=3).map(tuple)
TIMINGS = st.lists(NUMBER, max_size=8).map(tuple)
RELEASES = st.lists(st.none() | NUMBER, max_size=8).map(tuple)
TYPING = st.builds(
    Typing,
    TEXT,
    TIMINGS,
    RELEASES,
    complete=st.booleans(),
    corrections=COUNT,
    pasted=st.booleans(),
    autofilled=st.booleans(),
    virtual=st.booleans(),
    untrusted=COUNT,
)
LEARNABLE = st.builds(
    Learnable,
    st.none() | TEXT,
    st.none() | TEXT,
    st.dictionaries(TEXT, TYPING, max_size=3),
    st.none() | NUMBER,
    st.builds(Binding, st.none() | TEXT, st.none() | TEXT),
)


@given(HABITS)
def test_habits_read_back(known):
    assert codec.habits_from_bytes(codec.habits_to_bytes(known)) == known


@given(EVIDENCE, REASONS)
def test_evidence_reads_back(contributions, reasons):
    assert codec.evidence_from(codec.evidence_to_text(contributions, reasons)) == (contributions, reasons)


@given(LEARNABLE)
def test_the_learnable_part_reads_back(learnable):
    assert codec.learnable_from_bytes(codec.learnable_to_bytes(learnable)) == learnable


@given(TIME)
def test_times_read_back_to_the_microsecond(time):
    assert codec.from_us(codec.to_us(time)) == time


def test_a_time_of_another_zone_is_the_same_moment():
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert codec.to_us(tokyo) == codec.to_us(NOW)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(TypeError):
        codec.to_us(NOW.replace(tzinfo=None))


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_flipped_byte_anywhere_is_damage(at, flip):
    data = bytearray(codec.habits_to_bytes(habits()))
    data[at % len(data)] ^= flip
    with pytest.raises(ProfileDamaged):
        codec.habits_from_bytes(bytes(data))


@given(st.binary())
def test_noise_is_damage(noise):
    with pytest.raises(ProfileDamaged):
        codec.habits_from_bytes(noise)


@pytest.mark.parametrize(
    "document",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"logins": 1}',
        b"\xff",
        b'{"since_us": 1e30, "last": null, "logins": 1}',
        b"[" * (codec.MOST_BYTES - 1),
    ],
    ids=lambda document: document[:9],
)
def test_sound_bytes_of_another_shape_are_damage(document):
    for version, body in ((1, document), (2, zlib.compress(document)), (2, document)):
        with pytest.raises(ProfileDamaged):
            codec.habits_from_bytes(struct.pack("<BI", version, zlib.crc32(body)) + body)


@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-1], lambda body: body + b"x", lambda body: zlib.compress(bytes(10**7))]
)
def test_compressed_habits_that_end_early_or_late_or_swell_are_damage(spoil):
    body = spoil(codec.habits_to_bytes(habits())[5:])
    with pytest.raises(ProfileDamaged):
        codec.habits_from_bytes(struct.pack("<BI", 2, zlib.crc32(body)) + body)


def test_habits_from_before_places_were_learnt_have_none():
    document = codec.habits_to_json(habits())
    del document["places"]
    body = zlib.compress(json.dumps(document).encode())
    old = codec.habits_from_bytes(struct.pack("<BI", 2, zlib.crc32(body)) + body)
    assert (old.places, replace(old, places=habits().places)) == ((), habits())


def test_habits_from_before_they_were_compressed_still_read():
    document = json.dumps(codec.habits_to_json(habits())).encode()
    assert codec.habits_from_bytes(struct.pack("<BI", 1, zlib.crc32(document)) + document) == habits()


def test_habits_of_a_later_version_are_not_guessed_at():
    data = codec.habits_to_bytes(habits())
    with pytest.raises(ProfileDamaged):
        codec.habits_from_bytes(bytes([data[0] + 1]) + data[1:])


def test_a_raw_address_is_refused_inside_habits_too():
    with pytest.raises(RequestInvalid):
        codec.habits_to_bytes(Habits(last=LastLogin(NOW, Origin("192.0.2.1", HOME.prefix))))


@pytest.mark.parametrize(
    "damaged", ["[" * 60_000, '{"v":' * 10_000, b"[" * 60_000, "", "{", b"\xff"], ids=lambda text: text[:5]
)
def test_a_document_that_can_not_be_parsed_is_bad_data(damaged):
    with pytest.raises(ValueError):  # noqa: PT011 - bad data raises Python's own
        codec.loads(damaged)


def test_documents_over_their_bound_are_refused():
    with pytest.raises(RequestTooLarge):
        codec.dumps("evidence", "x" * codec.MOST_BYTES)
    with pytest.raises(RequestTooLarge):
        codec.habits_to_bytes(habits(values=2000))
