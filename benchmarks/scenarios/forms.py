"""What a login form sends: the collector's string for a browser, a hand and a page, honest or tampered with."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.scenarios.cast import Browser, Cast
from tools.driver.telemetry import Device, DeviceKey, Hand, compact

FIELDS: Final = (("username", 8), ("password", 12))  # name, length


class Forms:
    """Fills in login forms. Keys of browsers are made once; `take` numbers occasions, so that no typing repeats."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._keys: dict[str, DeviceKey] = {}

    def key(self, browser: Browser, who: str) -> DeviceKey:
        """The key of a browser profile, shared by all who use a shared one."""
        return self._keys.setdefault(
            browser.profile if browser.is_shared else f"{browser.profile} of {who}", DeviceKey()
        )

    def typed(self, hand: str, take: int) -> list[dict[str, Any]]:
        """Both fields, filled in by a hand of the cast."""
        found = self._cast.hands[hand]
        if found.kind == "copied":
            found = self._cast.hands[found.of]
        typing = Hand(found.seed, pace=found.pace, spread=found.spread, take=take + 1)
        return [_KINDS[found.kind](typing.type(name, length)) for name, length in FIELDS]

    def telemetry(self, browser: Browser, who: str, challenge: str, fields: list[dict[str, Any]]) -> str:
        """The string of an honest page, signed where the browser keeps a key."""
        device = Device(user_agent=browser.user_agent, languages=browser.languages, webdriver=browser.webdriver)
        device.key = self.key(browser, who) if browser.has_key else None
        payload = json.loads(_payload(device.telemetry(challenge, fields)))
        payload["device"]["ua_data"] = (
            {"platform": browser.platform, "mobile": browser.mobile} if browser.platform else {}
        )
        payload["device"]["touch_points"] = 5 if browser.mobile else 0
        raw = compact(payload)
        return device.key.sign(raw) if device.key else raw.decode()


def tampered(how: str, text: str) -> str:
    """An honest string made hostile."""
    payload = json.loads(_payload(text))
    if how == "with a broken signature":
        head, body, signature = text.split(".")
        return f"{head}.{body}.{'A' * len(signature)}"
    if how == "of 20 KB":
        payload["padding"] = "x" * 20_000
    if how == "nested":
        payload["pointer"] = json.loads("[" * 40 + "]" * 40)
    if how == "with NaN":
        payload["clock_step_ms"] = float("nan")
    if how == "running backwards":
        payload["fields"][0]["keys"].reverse()
    return json.dumps(payload)


def _payload(text: str) -> bytes:
    if text.startswith("{"):
        return text.encode()
    body = text.split(".")[1]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def _steady(field: dict[str, Any]) -> dict[str, Any]:
    return field


def _silent(**flags: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda field: {**field, "keys": [], "started_ms": None, "complete": False, **flags}


def _even(field: dict[str, Any]) -> dict[str, Any]:
    return {**field, "keys": [[120.0 * place, 120.0 * place + 70] for place in range(len(field["keys"]))]}


def _instant(field: dict[str, Any]) -> dict[str, Any]:
    keys = [[3.0 * place, 3.0 * place + 1] for place in range(len(field["keys"]))]
    return {**field, "keys": keys, "untrusted": len(keys)}


_KINDS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "steady": _steady,
    "soft_keyboard": _silent(virtual=True),
    "input_method": _silent(ime=True),
    "password_manager": _silent(autofilled=True),
    "even_gaps": _even,
    "instant": _instant,
}


def seeded(*parts: object) -> random.Random:
    """Chance that is the same in every run."""
    return random.Random(zlib.crc32("|".join(map(str, parts)).encode()))
