"""Envelope encryption: what was sealed opens where it was sealed, unchanged, under its own keys, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters import sealing
from idp_adapter.adapters.sealing import DataKey, Sealer, WrappedKey
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.errors import ProfileDamaged, ProfileLocked
from tests.support.sealing import SECRET, sealer

OTHER = bytes(reversed(SECRET))
ALICE = ("https://id.example/realms/a", "user", "alice")
PLACE = ("profile", "template", "password/1/10", "1")
PARTS = st.lists(st.text(max_size=8), max_size=5).map(tuple)


def made() -> tuple[DataKey, WrappedKey]:
    return sealer().make(ALICE)


@given(st.binary(max_size=300), PARTS)
def test_what_is_sealed_opens_in_its_place(body, place):
    key, stored = made()
    sealed = key.seal(body, *place)
    assert len(sealed) == len(body) + sealing.OVERHEAD
    assert sealer().unwrap(stored, ALICE).open(sealed, *place) == body


@given(PARTS, PARTS)
def test_it_opens_in_no_other_place_however_that_is_spelt(place, other):
    key, _ = made()
    sealed = key.seal(b"body", *place)
    if place == other:
        assert key.open(sealed, *other) == b"body"
    else:
        with pytest.raises(ProfileDamaged):
            key.open(sealed, *other)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_flipped_byte_anywhere_is_damage(at, flip):
    key, _ = made()
    sealed = bytearray(key.seal(b"body", *PLACE))
    sealed[at % len(sealed)] ^= flip
    with pytest.raises(ProfileDamaged):
        key.open(bytes(sealed), *PLACE)


@given(st.binary(max_size=80))
def test_noise_is_damage(noise):
    key, _ = made()
    with pytest.raises(ProfileDamaged):
        key.open(noise, *PLACE)


def test_every_shorter_piece_is_damage():
    key, _ = made()
    sealed = key.seal(b"body", *PLACE)
    for length in range(len(sealed)):
        with pytest.raises(ProfileDamaged):
            key.open(sealed[:length], *PLACE)


@pytest.mark.parametrize(
    "thief", [("https://id.example/realms/b", "user", "alice"), (*ALICE[:2], "bob"), (ALICE[0], "client", "alice")]
)
def test_neither_a_body_nor_a_data_key_serves_another_subject(thief):
    key, stored = made()
    sealed = key.seal(b"body", *PLACE)
    with pytest.raises(ProfileLocked):
        sealer().unwrap(stored, thief)
    with pytest.raises(ProfileDamaged):
        DataKey(SECRET, thief).open(DataKey(SECRET, ALICE).seal(b"body", *PLACE), *PLACE)
    assert key.open(sealed, *PLACE) == b"body"


def test_no_nonce_and_no_data_key_comes_twice():
    key, _ = made()
    assert len({key.seal(b"the same", *PLACE)[1:13] for _ in range(5000)}) == 5000
    assert len({made()[1].wrapped[1:13] for _ in range(1000)}) == 1000
    body = DataKey(SECRET, ALICE).seal(b"the same", *PLACE)
    with pytest.raises(ProfileDamaged):
        key.open(body, *PLACE)


def test_a_data_key_under_a_missing_key_is_locked_and_says_what_to_do():
    _, stored = made()
    with pytest.raises(ProfileLocked, match="isn't here") as locked:
        sealer(OTHER).unwrap(stored, ALICE)
    assert "Put the key back" in locked.value.hint


def test_a_data_key_that_is_said_to_be_wrapped_by_another_key_is_locked():
    _, stored = made()
    keys = GivenKeys(SECRET, OTHER)
    with pytest.raises(ProfileLocked, match="changed"):
        Sealer(keys).unwrap(WrappedKey(keys.newest().id, stored.wrapped), ALICE)


def test_rewrapping_changes_the_wrapping_and_not_the_data_key():
    key, stored = made()
    moved = sealer(SECRET, OTHER).rewrap(stored, ALICE)
    assert moved.kek_id == sealer(OTHER).newest_id() != stored.kek_id
    assert sealer(OTHER).unwrap(moved, ALICE).open(key.seal(b"body", *PLACE), *PLACE) == b"body"


def test_no_key_shows_when_anything_is_printed():
    keys = GivenKeys(SECRET)
    key, stored = Sealer(keys).make(ALICE)
    shown = f"{key!r} {stored!r} {keys!r} {keys.newest()!r} {Sealer(keys)!r}"
    for secret in (SECRET, stored.wrapped):
        for spelt in (secret.hex(), repr(secret)[2:20], str(list(secret))[1:20]):
            assert spelt not in shown
    with pytest.raises(ProfileLocked) as locked:
        sealer(OTHER).unwrap(stored, ALICE)
    assert "alice" not in f"{locked.value!r} {locked.value.hint}"
