"""Backgrounds as files: what is written is read back, and nothing else is used."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from idp_adapter.adapters import background_files
from idp_adapter.core.evidence import pointer
from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.errors import Invalid
from idp_adapter.services.backgrounds import Fitted, Model
from tests.core import hands, typists

MADE = datetime(2026, 11, 21, 8, tzinfo=UTC)
REALMS = ("https://id.example/realms/a",)


def written(path, model=Model.ANY_TEXT, subjects=212):
    background = typists.background() if model is Model.ANY_TEXT else hands.crowd()
    return background_files.write(path, Fitted(model, background, subjects), realms=REALMS, made=MADE)


def load(path, model=Model.ANY_TEXT):
    texts, hand_file = (path, None) if model is Model.ANY_TEXT else (None, path)
    return background_files.load(any_text_file=texts, pointer_file=hand_file)


def test_without_files_what_ships_is_used():
    backgrounds, known = background_files.load(any_text_file=None, pointer_file=None)
    assert (backgrounds.any_text, backgrounds.pointer, backgrounds.versions) == (None, pointer.SHIPPED, ())
    assert known == ()


def test_what_was_written_weighs_as_what_was_fitted(tmp_path):
    texts, hand_file = tmp_path / "texts.json", tmp_path / "hands.json"
    made = [written(texts), written(hand_file, Model.POINTER)]
    backgrounds, known = background_files.load(any_text_file=texts, pointer_file=hand_file)
    assert list(known) == made
    assert backgrounds.versions == tuple(each.digest for each in made)
    assert (known[0].made, known[0].subjects, known[0].realms) == ("2026-11-21", 212, REALMS)
    assert str(known[0]).startswith("of 212 subjects, made 2026-11-21, ")
    typed = typists.rows(1, 5, 1)
    profile = AnyText().profile(typists.rows(1, 30))
    fitted, read = AnyText(typists.background()), AnyText(backgrounds.any_text)
    assert read.score_samples(profile, typed) == pytest.approx(fitted.score_samples(profile, typed), abs=1e-3)
    moved, run = hands.enrolled(1, 100), hands.run(2, 12)
    nats = [Pointer(background=each).score_actions(moved, run) for each in (hands.crowd(), backgrounds.pointer)]
    assert nats[0] == pytest.approx(nats[1], abs=1e-3)


def test_the_same_background_makes_the_same_bytes(tmp_path):
    written(tmp_path / "a")
    written(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_file_that_can_not_be_written_or_read_is_said_to_be_so(tmp_path):
    with pytest.raises(Invalid, match="can't be written"):
        written(tmp_path / "none" / "texts.json")
    with pytest.raises(Invalid, match="can't be read"):
        load(tmp_path)


def test_every_changed_byte_is_found(tmp_path):
    path = tmp_path / "texts.json"
    written(path)
    whole = path.read_bytes()
    for at in np.random.default_rng(0).integers(0, len(whole), 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Invalid):
            load(path)


def resealed(path, change) -> None:
    """Change a file and its hash with it, as somebody who may write it could."""
    document = json.loads(path.read_text("utf-8"))
    del document["sha256"]
    change(document)
    path.write_text(json.dumps({**document, "sha256": background_files._digest(document)}), "utf-8")


def put(*names, value):
    def change(document):
        for name in names[:-1]:
            document = document[name]
        document[names[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("format", value="idp-adapter background 2"), "is not of the format `idp-adapter background 1`"),
        (put("more", value=1), "is not of the format"),
        (put("model", value="pointer"), "is a background of the model pointer, not of any-text"),
        (put("basis", value="views 0"), "was made on `views 0`, this version reads `views 1`: make it again by"),
        (put("provenance", value=[]), "does not say where it came from, of 200 subjects and more"),
        (put("provenance", "made", value="lately"), "does not say where it came from"),
        (put("provenance", "subjects", value=199), "of 200 subjects and more"),
        (put("provenance", "subjects", value="many"), "of 200 subjects and more"),
        (put("numbers", value=[]), "has no numbers"),
        (put("numbers", value={}), "has no `calibration` of shape"),
        (put("numbers", "mean", value=[0.0] * 16), "has no `mean` of shape"),
        (put("numbers", "mean", value=[1e9] * 17), "has no `mean` of shape"),
        (put("numbers", "mean", value=["0"] * 16 + [{}]), "has no `mean` of shape"),
        (put("numbers", "within", value=[list(range(17))] * 17), "holds a `within` that is no cov"),
        (put("numbers", "between", value=(-np.eye(17)).tolist()), "holds a `between` that is no covariance"),
    ],
)
def test_what_is_no_background_of_any_text_is_refused_by_name(tmp_path, change, problem):
    path = tmp_path / "texts.json"
    written(path)
    resealed(path, change)
    with pytest.raises(Invalid) as caught:
        load(path)
    assert problem in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("basis", value="weights 0"), "was made on `weights 0`"),
        (put("numbers", "between", value=[0.0] * 48), "holds a variance in `between` that is not above 0"),
        (put("numbers", "drift", value=None), "has no `drift` of shape"),
        (put("numbers", "total", value=[[0.0]]), "has no `total` of shape"),
    ],
)
def test_what_is_no_background_of_the_pointer_is_refused_by_name(tmp_path, change, problem):
    path = tmp_path / "hands.json"
    written(path, Model.POINTER)
    resealed(path, change)
    with pytest.raises(Invalid) as caught:
        load(path, Model.POINTER)
    assert problem in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": NaN}', "[" * 99 + "]" * 99, " " * 1_000_001])
def test_what_is_no_file_of_ours_is_refused(tmp_path, text):
    path = tmp_path / "texts.json"
    path.write_text(text)
    with pytest.raises(Invalid, match=r"is no background|not of the format"):
        load(path)
