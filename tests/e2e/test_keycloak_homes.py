"""What is kept of built Keycloaks: the newest few of each kind, with the extension and stock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.keycloak import _forget_older


def _homes(folder: Path, ending: str) -> list[Path]:
    """Five homes, the oldest first."""
    homes = [folder / f"26.7.4-{i}{ending}" for i in range(5)]
    for age, home in enumerate(reversed(homes)):
        home.mkdir()
        os.utime(home, (1_000_000 - age, 1_000_000 - age))
    return homes


@pytest.mark.parametrize("ending", ["", "-stock"])
def test_the_newest_three_of_a_kind_are_kept_and_none_of_the_other_is_touched(tmp_path: Path, ending: str):
    own, other = _homes(tmp_path, ending), _homes(tmp_path, "" if ending else "-stock")
    _forget_older(own[4], "26.7.4-")
    assert set(tmp_path.iterdir()) == {*own[2:], *other}


def test_the_home_just_built_is_kept_whatever_its_age(tmp_path: Path):
    own = _homes(tmp_path, "-stock")
    _forget_older(own[0], "26.7.4-")
    assert set(tmp_path.iterdir()) == {own[0], own[3], own[4]}
