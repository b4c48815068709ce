"""What is measured of typing: presses and releases by position, corrections, restarts."""

from __future__ import annotations

import pytest

from tests.collector.conftest import Open, Sent, typed

pytestmark = pytest.mark.browser


def test_each_key_press_has_a_press_and_a_release_time_by_position(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "alice", delay=30)
    typed(page, "password", "hunter2!", delay=20)

    username, password = submitted()["fields"]

    assert (username["name"], len(username["keys"])) == ("username", 5)
    assert (password["name"], len(password["keys"])) == ("password", 8)
    for field in (username, password):
        downs = [down for down, _ in field["keys"]]
        assert downs[0] == 0
        assert downs == sorted(downs)
        assert all(up >= down for down, up in field["keys"])
        assert all(round(time, 1) == time for press in field["keys"] for time in press)
        assert field["complete"]
        assert not any(field[flag] for flag in ("pasted", "autofilled", "ime", "virtual", "truncated"))
    assert 25 <= username["keys"][1][0] < 2000
    assert 0 <= username["started_ms"] < password["started_ms"]


def test_overlapping_keys_keep_their_own_release_times(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    for action, key in (("down", "a"), ("down", "b"), ("up", "a"), ("down", "c"), ("up", "c"), ("up", "b")):
        getattr(page.keyboard, action)(key)
        page.wait_for_timeout(15)

    first, second, third = submitted()["fields"][0]["keys"]

    assert second[0] < first[1], "the second key went down before the first came up"
    assert third[1] < second[1], "the second key came up last"


def test_a_release_after_the_focus_has_moved_on_still_counts(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    page.keyboard.down("x")
    page.keyboard.press("Tab")
    page.wait_for_timeout(20)
    page.keyboard.up("x")

    [[down, up]] = submitted()["fields"][0]["keys"]

    assert down == 0
    assert up >= 15


def test_a_release_that_was_never_seen_is_null_not_a_guess(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    page.keyboard.press("a")
    page.keyboard.down("b")

    keys = submitted()["fields"][0]["keys"]

    assert keys[0][1] is not None
    assert keys[1][1] is None


def test_auto_repeat_modifiers_and_shortcuts_are_not_presses(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    page.keyboard.down("a")
    page.keyboard.down("a")
    page.keyboard.down("a")
    page.keyboard.up("a")
    for key in ("Control+a", "Shift+B", "ArrowLeft", "CapsLock", "Escape", "F2"):
        page.keyboard.press(key)

    field = submitted()["fields"][0]

    assert len(field["keys"]) == 2
    assert not field["complete"], "the caret was moved and the value is not what the presses say"


def test_corrections_are_counted_and_make_the_row_incomplete(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "alixx")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type("ce")

    field = submitted()["fields"][0]

    assert field["corrections"] == 2
    assert len(field["keys"]) == 7
    assert not field["complete"]


def test_a_field_emptied_and_typed_again_starts_over(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "wrong")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type("alice", delay=10)

    field = submitted()["fields"][0]

    assert (field["restarts"], field["corrections"], len(field["keys"])) == (1, 0, 5)
    assert field["complete"]


def test_a_one_time_code_form_is_measured_too(login_page: Open, submitted: Sent) -> None:
    page = login_page(fields='<input id="otp" name="otp" autocomplete="one-time-code" type="text">')
    typed(page, "otp", "123456")

    [field] = submitted()["fields"]

    assert (field["name"], len(field["keys"]), field["complete"]) == ("otp", 6, True)
