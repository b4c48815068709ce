"""The protocol of any text: samples, who is tested, and what knowing keys takes away."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.biometrics import any_text
from benchmarks.biometrics.data import Sentence

KEYS = np.array([84, 72, 69, 32, 84, 72], np.uint8)  # "the th"


def sentence(slow: float = 1.0) -> Sentence:
    """A hand to whom `h` after `t` comes twice as fast as all else, and whose space is held twice as long."""
    gaps = np.where(KEYS[1:] == 72, 0.1, 0.2) * slow
    return Sentence(np.where(KEYS == 32, 0.2, 0.1), gaps, KEYS)


def test_samples_are_cut_within_sentences_in_their_order():
    parts = any_text.cut([sentence(), sentence(2.0)], 4)
    assert [part.keys.tolist() for part in parts] == [KEYS[:4].tolist()] * 2
    assert parts[1].row()[1] == pytest.approx(0.2)
    assert len(parts[0].row()) == 7


def test_those_tested_and_those_fitted_are_other_people(monkeypatch):
    monkeypatch.setattr(any_text, "TESTED", 3)
    everybody = [[sentence(1 + i / 10)] for i in range(8)]
    people = any_text.drawn(everybody)
    assert (len(people.tested), len(people.others)) == (3, 5)
    assert {id(each) for each in people.tested}.isdisjoint({id(each) for each in people.others})
    again = any_text.drawn(everybody)
    assert [id(each) for each in again.tested] == [id(each) for each in people.tested]


def test_what_is_usual_of_a_class_is_taken_off():
    usual = any_text.Usual.of([[sentence()] * 500], any_text.digraph)
    row = usual.row(sentence())
    assert np.ptp(np.log(row[1::2])) < 0.1 < np.ptp(np.log(sentence().row()[1::2]))
    assert np.ptp(np.log(row[0::2])) < 0.1


def test_coarse_classes_tell_kinds_of_keys_alone():
    assert any_text.coarse(72, 84) == any_text.coarse(69, 72) == ("letter", "letter")
    assert any_text.coarse(32, 8) == ("backspace", "space")
    assert any_text.coarse(49, 188) == ("other", "digit")
