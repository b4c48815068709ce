"""No key identity leaves: the payload is the same whichever keys were pressed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.collector.conftest import Open, Sent, typed
from tests.collector.hand import US_KEYS, strike

pytestmark = pytest.mark.browser

# Downs and ups in seconds, of a quick hand: most keys go down before the one before has come up.
RHYTHM = [(0.15 * i + 0.02 * (i % 3), 0.15 * i + 0.02 * (i % 3) + (0.09, 0.18, 0.12, 0.21)[i % 4]) for i in range(12)]
MARKS = [mark for mark in US_KEYS if mark != " "]
PLAIN = MARKS[::2] + MARKS[1::2]  # no two of one key side by side
TEXTS = [
    "abcdefghijkl",
    "lkjihgfedcba",
    "fdbhjlkigeca",
    *("".join(PLAIN[i : i + 12]) for i in range(0, len(PLAIN) - 11, 12)),
    "".join(PLAIN[-12:]),
]
ABOUT_THE_VISIT = ("age_ms", "clock_step_ms")


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(leaves, value.values()))
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(leaves, value))
    else:
        yield value


def in_whole_ms(value: object) -> object:
    """The same, its numbers without what the browser blurs of a time."""
    if isinstance(value, dict):
        return {name: in_whole_ms(item) for name, item in value.items()}
    if isinstance(value, list):
        return [in_whole_ms(item) for item in value]
    return round(value) if isinstance(value, float) else value


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


def test_at_equal_timings_every_text_of_a_length_gives_the_same_payload(login_page: Open, submitted: Sent) -> None:
    assert set("".join(TEXTS)) == set(PLAIN)
    seen = {}
    for text in TEXTS:
        page = login_page()
        strike(page, "password", text, RHYTHM)
        assert page.input_value("#password") == text
        payload = submitted()
        for name in ABOUT_THE_VISIT:
            del payload[name]
        payload["fields"][1]["started_ms"] = 0.0
        seen[text] = json.dumps(in_whole_ms(payload))

    first = json.loads(seen[TEXTS[0]])["fields"][1]
    assert first["complete"]
    assert first["keys"][:2] == [[0, 90], [170, 350]]
    assert {text for text, sent in seen.items() if sent != seen[TEXTS[0]]} == set()


def test_a_longer_text_differs_by_its_further_presses_only(login_page: Open, submitted: Sent) -> None:
    fields = []
    for text in ("abcdefghijkl", "mnopqrst"):
        strike(login_page(), "password", text, RHYTHM[: len(text)])
        fields.append(in_whole_ms(submitted()["fields"][1]))

    longer, shorter = fields

    assert shorter["keys"] == longer["keys"][:8]
    same = ("keys", "started_ms")
    assert {k: v for k, v in shorter.items() if k not in same} == {k: v for k, v in longer.items() if k not in same}


# A keypad that the page draws: where it is pressed tells the digit -----------------------------------------------

KEYPAD = (
    '<input id="username" name="username"><input id="otp" name="otp" type="%s">'
    '<div id="pad" style="display:grid;grid-template-columns:60px 60px 60px">'
    + "".join(f'<button type="button" class="digit">{digit}</button>' for digit in range(1, 10))
    + "</div>"
)
WRITE_THE_DIGIT = """<script>
    for (const digit of document.querySelectorAll('.digit')) digit.addEventListener('click', () => {
        const write = () => { document.querySelector('#otp').value += digit.textContent; };
        if (window.later) setTimeout(write, 20); else write();
    });
</script>"""


def tap(page: Page, digits: str) -> None:
    for digit in digits:
        page.tap(f".digit >> nth={int(digit) - 1}")
        page.wait_for_timeout(40)


@pytest.mark.parametrize("kind", ["text", "password", "hidden"])
@pytest.mark.parametrize("later", [False, True])
def test_taps_on_a_drawn_keypad_keep_their_pressure_but_not_their_places(
    touch_page: Open, submitted: Sent, kind: str, later: bool
) -> None:
    page = touch_page(fields=KEYPAD % kind, extra=WRITE_THE_DIGIT)
    page.evaluate(f"window.later = {json.dumps(later)}")
    tap(page, "2794")

    payload = submitted()

    touches = [sample for sample in payload["pointer"] if len(sample) == 7]
    assert payload["keypad"]
    assert [sample[3] for sample in touches] == ["d", "u"] * 4
    assert {(sample[1], sample[2]) for sample in payload["pointer"]} == {(0, 0)}
    assert all(0 <= sample[4] <= 1 and sample[5] > 0 and sample[6] > 0 for sample in touches)


def test_clicks_on_a_drawn_keypad_leave_no_places_either(login_page: Open, submitted: Sent) -> None:
    page = login_page(fields=KEYPAD % "password", extra=WRITE_THE_DIGIT)
    typed(page, "username", "alice")
    for digit in (2, 7, 9):
        page.click(f".digit >> nth={digit - 1}")

    payload = submitted()

    assert payload["keypad"]
    assert {(x, y) for _, x, y, *_ in payload["pointer"]} == {(0, 0)}


def test_pressing_between_the_fields_that_one_types_into_is_no_keypad(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    for field in ("username", "password"):
        page.click(f"#{field}")
        page.keyboard.type("alice", delay=5)

    payload = submitted()

    assert not payload["keypad"]
    assert len({(x, y) for _, x, y, *_ in payload["pointer"]}) >= 2


def test_typing_into_a_field_that_is_not_watched_is_no_keypad(login_page: Open, submitted: Sent) -> None:
    page = login_page(extra='<input id="note" aria-label="note">')
    for field in ("note", "username"):
        page.click(f"#{field}")
        page.keyboard.type("alice", delay=5)

    assert not submitted()["keypad"]
