"""Files of fitted numbers: written, or compared alone."""

from __future__ import annotations

import pytest

from tools import written


def test_a_fitted_file_is_written_and_a_check_tells_whether_it_is_what_the_fit_gives(tmp_path, capsys):
    out = tmp_path / "weights.py"
    assert written.settled(out, "A = 1\n", what="weights", check=True) == 1
    assert not out.exists()
    assert written.settled(out, "A = 1\n", what="weights", check=False) == 0
    assert written.settled(out, "A = 1\n", what="weights", check=True) == 0
    assert written.settled(out, "A = 2\n", what="weights", check=True) == 1
    assert out.read_text("utf-8") == "A = 1\n"
    assert capsys.readouterr().out.splitlines() == [
        "weights differ: fit again",
        "weights are what the fit gives",
        "weights differ: fit again",
    ]


def test_code_is_named_by_what_it_holds_in_its_order(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("1")
    other.write_text("2")
    assert written.code_version(one, other) != written.code_version(other, one)
    before = written.code_version(one)
    one.write_text("3")
    assert written.code_version(one) != before


def test_a_fit_reads_the_folder_that_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["fit", "--data", str(tmp_path)])
    out = tmp_path / "weights.py"
    assert written.main("weights", out, lambda folder: f"{folder}\n", sets="a set") == 0
    assert out.read_text("utf-8") == f"{tmp_path}\n"


def test_a_fit_without_its_folder_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["fit"])
    with pytest.raises(SystemExit):
        written.main("weights", None, str, sets="a set")
    assert "--data" in capsys.readouterr().err
