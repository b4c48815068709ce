"""A hand that is exact: keys and moves at given times, as the browser would stamp them, whenever it gets to them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from playwright.sync_api import Page

_ROWS = {
    "Digit": ("1234567890", "!@#$%^&*()"),
    "Key": ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}
_MARKS = {
    "-_": "Minus", "=+": "Equal", "[{": "BracketLeft", "]}": "BracketRight", ";:": "Semicolon", "'\"": "Quote",
    ",<": "Comma", ".>": "Period", "\\|": "Backslash", "`~": "Backquote", "/?": "Slash", " ": "Space",
}  # fmt: skip
US_KEYS = {
    **{mark: name + pair[0].upper() for name, row in _ROWS.items() for pair in zip(*row, strict=True) for mark in pair},
    **{mark: code for pair, code in _MARKS.items() for mark in pair},
}
"""The physical key of each printable character."""


def strike(page: Page, field: str, text: str, times_s: Sequence[tuple[float, float]]) -> None:
    """Press the keys of `text` in a field: (down, up) of each in seconds, in order of the presses."""
    page.focus(f"#{field}")
    devtools = page.context.new_cdp_session(page)
    codes = sorted(set(US_KEYS.values()))
    pairs = list(zip(text, times_s, strict=True))
    events = [(down, "keyDown", mark) for mark, (down, _) in pairs] + [(up, "keyUp", mark) for mark, (_, up) in pairs]
    start_s = time.time()
    for at_s, kind, mark in sorted(events):
        code = US_KEYS[mark]
        key = {"key": mark, "code": code, "windowsVirtualKeyCode": 48 + codes.index(code)}
        written = {"text": mark} if kind == "keyDown" else {}
        devtools.send("Input.dispatchKeyEvent", {"type": kind, "timestamp": start_s + at_s, **key, **written})
    devtools.detach()


def glide(page: Page, *, seconds: float, every_s: float) -> None:
    """Move the pointer to the right, one event in each step of time."""
    devtools = page.context.new_cdp_session(page)
    start_s = time.time()
    for number in range(round(seconds / every_s)):
        move = {"type": "mouseMoved", "x": 10 + number, "y": 300, "timestamp": start_s + number * every_s}
        devtools.send("Input.dispatchMouseEvent", move)
    devtools.detach()


class Finger:
    """One finger on a touch screen: `finger("touchStart", x, y, force=..., radiusX=..., radiusY=...)`."""

    def __init__(self, page: Page) -> None:
        self._devtools = page.context.new_cdp_session(page)

    def __call__(self, kind: str, x: int = 0, y: int = 0, **contact: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y, **contact}]
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
