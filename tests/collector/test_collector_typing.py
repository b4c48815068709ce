"""What the collector measures, seen through a real browser: timings by position and nothing that names a key."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Sent = Callable[[], dict[str, Any]]
Open = Callable[..., Page]


def typed(page: Page, field: str, text: str, delay: float = 15) -> None:
    page.focus(f"#{field}")
    page.keyboard.type(text, delay=delay)


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(leaves, value.values()))
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(leaves, value))
    else:
        yield value


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


def test_nothing_in_the_payload_names_a_key_or_a_character(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "Zq#~")
    typed(page, "password", "^|&Xw@%")

    payload = submitted()

    text = json.dumps(payload, ensure_ascii=False)
    assert not set("#~^|&@%") & set(text)
    assert not any(name in text for name in ("KeyZ", "KeyQ", "Digit", "Shift", "Zq", "Xw", "keyCode"))
    device = payload.pop("device")
    assert {leaf for leaf in leaves(payload) if isinstance(leaf, str)} <= {"code-1", "username", "password", *"mduw"}
    assert set(device) == {"ua_data", "languages", "timezone", "screen", "touch_points", "webdriver"}


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


def test_pasted_text_is_said_to_be_pasted(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "alice")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    page.focus("#password")
    page.keyboard.press("Control+v")
    assert page.input_value("#password") == "alice"

    username, password = submitted()["fields"]

    assert not username["pasted"]
    assert password["pasted"]
    assert (password["keys"], password["complete"], password["started_ms"]) == ([], False, None)


def test_a_value_that_came_without_keys_is_said_to_be_filled_in(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.evaluate("document.querySelector('#username').value = 'alice'")
    page.fill("#password", "secret")

    for field in submitted()["fields"]:
        assert field["autofilled"]
        assert not any(field[member] for member in ("pasted", "prefilled", "complete", "keys"))


def test_a_name_that_the_server_wrote_into_the_form_is_prefilled_not_autofilled(
    login_page: Open, submitted: Sent
) -> None:
    page = login_page(
        fields='<input id="username" name="username" value="alice">'
        '<input id="password" type="password" autocomplete="current-password">'
    )
    typed(page, "password", "secret")

    username, password = submitted()["fields"]

    assert (username["prefilled"], username["autofilled"]) == (True, False)
    assert (password["prefilled"], password["complete"], password["name"]) == (False, True, "password")


def test_events_made_by_a_script_are_counted_and_give_no_timings(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.evaluate("""() => {
        const field = document.querySelector('#username');
        for (const letter of 'bot') {
            field.dispatchEvent(new KeyboardEvent('keydown', { key: letter, bubbles: true }));
            field.value += letter;
            field.dispatchEvent(new InputEvent('input', { inputType: 'insertText', bubbles: true }));
            field.dispatchEvent(new KeyboardEvent('keyup', { key: letter, bubbles: true }));
        }
        document.body.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: 4 }));
        document.body.click();
    }""")

    payload = submitted()

    field = payload["fields"][0]
    assert (field["untrusted"], field["keys"], field["autofilled"]) == (9, [], True)
    assert payload["untrusted"] == 2
    assert all(sample[1] != 4 for sample in payload["pointer"])


def test_a_driven_browser_says_so(login_page: Open, submitted: Sent) -> None:
    login_page()
    assert submitted()["device"]["webdriver"] is True


def test_an_input_method_gives_no_timings_and_says_so(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "ab")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1})
    devtools.send("Input.insertText", {"text": "日"})

    field = submitted()["fields"][0]

    assert (field["ime"], field["keys"], field["complete"], field["started_ms"]) == (True, [], False, None)


def test_a_soft_keyboard_that_hides_its_keys_gives_no_timings_and_says_so(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    devtools = page.context.new_cdp_session(page)
    event = {"key": "Unidentified", "code": "", "windowsVirtualKeyCode": 229}
    devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **event})
    devtools.send("Input.insertText", {"text": "a"})
    devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    field = submitted()["fields"][0]

    assert (field["virtual"], field["ime"], field["keys"], field["autofilled"]) == (True, False, [], False)


def test_the_pointer_leaves_a_thinned_trace_of_moves_presses_and_wheels(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    for step in range(40):
        page.mouse.move(10 + 5 * step, 20 + step)
        page.wait_for_timeout(4)
    page.mouse.down()
    page.mouse.up()
    page.mouse.wheel(0, 30)
    page.wait_for_timeout(50)

    trace = submitted()["pointer"]

    times = [sample[0] for sample in trace]
    moves = [sample[0] for sample in trace if sample[3] == "m"]
    assert {sample[3] for sample in trace} == set("mduw")
    assert all(len(sample) == 4 for sample in trace)
    assert all(isinstance(place, int) for _, x, y, _ in trace for place in (x, y))
    assert min(times) >= 0
    assert all(later - earlier >= 19.9 for earlier, later in itertools.pairwise(moves))


def test_touch_carries_pressure_and_contact_size(touch_page: Open, submitted: Sent) -> None:
    page = touch_page()
    page.touchscreen.tap(60, 70)

    payload = submitted()

    touches = [sample for sample in payload["pointer"] if len(sample) == 7]
    assert [sample[3] for sample in touches][:2] == ["d", "u"]
    assert all(0 <= sample[4] <= 1 and sample[5] >= 0 and sample[6] >= 0 for sample in touches)
    assert payload["device"]["touch_points"] > 0


@pytest.mark.parametrize(("events_ms", "now_ms", "step"), [(16.667, 16.667, 16.667), (5, 0.1, 5), (100, 100, 100)])
def test_the_step_of_a_coarse_clock_is_measured(
    login_page: Open, submitted: Sent, page: Page, events_ms: float, now_ms: float, step: float
) -> None:
    page.add_init_script(f"""(() => {{
        const stamp = Object.getOwnPropertyDescriptor(Event.prototype, 'timeStamp').get;
        const grid = (time, unit) => Math.floor(time / unit) * unit;
        Object.defineProperty(Event.prototype, 'timeStamp', {{
            get() {{ return grid(stamp.call(this), {events_ms}); }},
        }});
        const now = performance.now.bind(performance);
        Performance.prototype.now = () => grid(now(), {now_ms});
    }})()""")
    login_page()
    typed(page, "username", "alice-and-bob", delay=41)
    typed(page, "password", "correct horse battery", delay=37)
    if step == 100:
        typed(page, "password", "staple", delay=130)

    assert submitted()["clock_step_ms"] == pytest.approx(step, abs=0.02)


def test_the_step_of_this_browsers_clock_is_a_tenth_of_a_millisecond_or_less(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "alice")
    assert 0 < submitted()["clock_step_ms"] <= 0.11


def test_a_one_time_code_form_is_measured_too(login_page: Open, submitted: Sent) -> None:
    page = login_page(fields='<input id="otp" name="otp" autocomplete="one-time-code" type="text">')
    typed(page, "otp", "123456")

    [field] = submitted()["fields"]

    assert (field["name"], len(field["keys"]), field["complete"]) == ("otp", 6, True)
