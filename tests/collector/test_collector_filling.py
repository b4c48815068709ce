"""Text that no hand typed on keys that can be timed is said to be so, and gives no timings."""

from __future__ import annotations

import pytest

from tests.collector.conftest import Open, Sent, typed
from tests.collector.hand import strike

pytestmark = pytest.mark.browser


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


def test_what_a_password_manager_writes_over_typed_characters_is_filled_in(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "al")
    page.evaluate("""() => {
        const field = document.querySelector('#username');
        field.click();
        field.value = 'alice';
        field.dispatchEvent(new Event('input', { bubbles: true }));
    }""")
    typed(page, "password", "secret")
    page.evaluate("document.querySelector('#password').dispatchEvent(new Event('input', { bubbles: true }))")

    username, password = submitted()["fields"]

    assert (username["autofilled"], username["complete"], username["untrusted"]) == (True, False, 1)
    assert (password["autofilled"], password["complete"], password["untrusted"]) == (False, True, 1)


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


def test_a_keyboard_that_sends_no_key_events_gives_no_timings_and_says_so(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    devtools = page.context.new_cdp_session(page)
    for letter in "alice":
        devtools.send("Input.insertText", {"text": letter})

    field = submitted()["fields"][0]

    assert (field["virtual"], field["autofilled"], field["keys"], field["started_ms"]) == (True, False, [], None)


def test_characters_without_keys_among_typed_ones_make_the_whole_untimed(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "ali")
    page.context.new_cdp_session(page).send("Input.insertText", {"text": "c"})
    page.keyboard.type("e")

    field = submitted()["fields"][0]

    assert (field["virtual"], field["keys"], field["complete"]) == (True, [], False)


def test_keys_that_no_keyboard_has_are_a_soft_keyboards(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    devtools = page.context.new_cdp_session(page)
    for letter in "ab":
        key = {"key": letter, "code": "", "windowsVirtualKeyCode": ord(letter.upper())}
        devtools.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": letter, **key})
        page.wait_for_timeout(30)
        devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})

    field = submitted()["fields"][0]

    assert (field["virtual"], field["keys"], field["complete"]) == (True, [], False)


@pytest.mark.parametrize(("hold_s", "is_virtual"), [(0.002, True), (0.06, False)])
def test_on_a_touch_screen_keys_released_at_once_are_a_soft_keyboards(
    phone_page: Open, submitted: Sent, hold_s: float, is_virtual: bool
) -> None:
    strike(phone_page(), "username", "alice", [(0.2 * i, 0.2 * i + hold_s) for i in range(5)])

    field = submitted()["fields"][0]

    assert (field["virtual"], len(field["keys"])) == (is_virtual, 0 if is_virtual else 5)


def test_at_a_desk_keys_released_at_once_are_timed_for_what_they_are(login_page: Open, submitted: Sent) -> None:
    strike(login_page(), "username", "alice", [(0.2 * i, 0.2 * i + 0.002) for i in range(5)])

    field = submitted()["fields"][0]

    assert (field["virtual"], len(field["keys"]), field["complete"]) == (False, 5, True)


def test_a_held_key_that_repeats_is_no_soft_keyboard(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.focus("#username")
    for _ in range(4):
        page.keyboard.down("a")
    page.keyboard.up("a")
    assert page.input_value("#username") == "aaaa"

    field = submitted()["fields"][0]

    assert (field["virtual"], len(field["keys"]), field["complete"]) == (False, 1, False)


def test_text_dropped_into_a_field_is_said_to_be_pasted(login_page: Open, submitted: Sent) -> None:
    page = login_page(extra='<p id="note" style="user-select: all">secret</p>')
    page.click("#note", click_count=2)
    page.drag_and_drop("#note", "#username")
    assert page.input_value("#username") == "secret"

    field = submitted()["fields"][0]

    assert (field["pasted"], field["keys"], field["complete"]) == (True, [], False)


def test_a_password_manager_that_writes_and_tells_is_filling_in(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    page.evaluate("""() => {
        for (const field of document.querySelectorAll('#username, #password')) {
            field.focus();
            field.value = 'from-the-vault';
            for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
        }
    }""")

    for field in submitted()["fields"]:
        assert (field["autofilled"], field["keys"], field["complete"]) == (True, [], False)
