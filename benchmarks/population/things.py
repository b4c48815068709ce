"""What people bring along: browsers with a key and a cookie, and hands that type.

A hand is log-normal: a text has its own rhythm for everybody, a hand its own pace and its own way with each key, and
each typing its tempo, some noise and now and then a pause. The spreads are set so that the shipped scorer's error rates
come out about as on real data (docs/behaviour.md: equal error .02 to .04 from twenty logins on); `tests/benchmarks`
holds them there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from tools.driver.telemetry import DeviceKey

EPOCH: Final = datetime.fromisoformat("2026-03-02T00:00:00+00:00")  # a Monday
HOLD_S, GAP_S = 0.095, 0.20
TEXT_SPREAD, PACE_SPREAD, KEY_SPREAD, NOISE, TEMPO = 0.22, 0.35, 0.35, 0.25, 0.08  # of logarithms
PAUSED, PAUSE = 0.05, 0.6  # share of gaps that a thought lengthens, and by what, log
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Family, platform and share of all browsers.
MARKET: Final = (
    ("Chrome", "Windows", 0.33), ("Edge", "Windows", 0.14), ("Chrome", "macOS", 0.09), ("Safari", "macOS", 0.09),
    ("Firefox", "Windows", 0.06), ("Firefox", "Linux", 0.03), ("Chrome", "Android", 0.14), ("Safari", "iOS", 0.12),
)  # fmt: skip
MOBILE: Final = frozenset({"Android", "iOS"})
_FIRST_MAJOR: Final = {"Chrome": 138, "Edge": 138, "Firefox": 140, "Safari": 18}
_SYSTEMS: Final = {
    "Windows": "Windows NT 10.0; Win64; x64", "macOS": "Macintosh; Intel Mac OS X 10_15_7",
    "Linux": "X11; Linux x86_64", "Android": "Linux; Android 10; K", "iOS": "iPhone; CPU iPhone OS 18_5 like Mac OS X",
}  # fmt: skip


class Key(DeviceKey):
    """A browser's key that the seed gives, so that runs are equal."""

    def __init__(self, rng: Random) -> None:
        self._key = ec.derive_private_key(rng.randrange(1, _P256_ORDER), ec.SECP256R1())


@dataclass
class Browser:
    """A browser profile. It upgrades itself some days after each release, four weeks apart (Safari: yearly)."""

    family: str
    platform: str
    cookie: str
    key: Key | None
    late: timedelta = timedelta()
    majors_ahead: int = 0
    later_keys: list[tuple[datetime, Key]] = field(default_factory=list)  # in order; each from a time on

    def key_at(self, at: datetime) -> Key | None:
        """The key that it has at a time."""
        return next((key for since, key in reversed(self.later_keys) if since <= at), self.key)

    @property
    def is_mobile(self) -> bool:
        """Whether its keyboard tells no times."""
        return self.platform in MOBILE

    def user_agent(self, at: datetime) -> str:
        """The header at a time."""
        major = self.major(at)
        system = _SYSTEMS[self.platform]
        mobile = " Mobile" if self.is_mobile else ""
        if self.family == "Firefox":
            return f"Mozilla/5.0 ({system}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"
        if self.family == "Safari":
            mobile = " Mobile/15E148" if self.is_mobile else ""
            webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
            return f"Mozilla/5.0 ({system}) {webkit} Version/{major}.5{mobile} Safari/604.1"
        edge = f" Edg/{major}.0.0.0" if self.family == "Edge" else ""
        return (
            f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0{mobile} Safari/537.36"
            + edge
        )

    def major(self, at: datetime) -> int:
        """The version that runs at a time."""
        every = timedelta(days=365 if self.family == "Safari" else 28)
        return _FIRST_MAJOR[self.family] + self.majors_ahead + max(0, int((at - EPOCH - self.late) / every))


def browser(rng: Random, *, platforms: frozenset[str] | None = None, has_key: bool = True) -> Browser:
    """A browser from the market, of these platforms only where they are given."""
    choices = [row for row in MARKET if platforms is None or row[1] in platforms]
    family, platform, _ = rng.choices(choices, [row[2] for row in choices])[0]
    late = timedelta(days=rng.uniform(0, 14))
    return Browser(family, platform, f"{rng.getrandbits(128):032x}", Key(rng) if has_key else None, late)


def like(other: Browser, rng: Random, *, has_key: bool = True) -> Browser:
    """Another person's browser of the same kind and version, with a key and a cookie of its own."""
    return Browser(
        other.family, other.platform, f"{rng.getrandbits(128):032x}", Key(rng) if has_key else None, other.late,
        other.majors_ahead,
    )  # fmt: skip


@dataclass
class Text:
    """A user name or password: its rhythm for everybody, log seconds, holds and gaps."""

    field: str
    rhythm: np.ndarray[Any, np.dtype[np.float64]]

    @classmethod
    def of(cls, name: str, rng: np.random.Generator, keys: int) -> Text:
        """A text of so many keys."""
        return cls(name, rng.normal(0.0, TEXT_SPREAD, 2 * keys - 1))


@dataclass
class Hand:
    """A way of typing: pace, and a way with each key of each text; `noise` scales what differs from time to time."""

    rng: np.random.Generator
    noise: float = 1.0
    pace: float = field(init=False)
    _ways: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pace = float(self.rng.normal(0.0, PACE_SPREAD))

    def type(self, text: Text) -> dict[str, Any]:
        """One typing of a text, as the collector reports it."""
        width = len(text.rhythm)
        way = self._ways.get(text.field)
        if way is None or len(way) != width:
            way = self._ways[text.field] = self.rng.normal(0.0, KEY_SPREAD, width)
        logs = text.rhythm + self.pace + way + self.rng.normal(0.0, NOISE * self.noise, width)
        paused = (self.rng.random(width) < PAUSED) & (np.arange(width) % 2 == 1)
        logs += self.rng.normal(0.0, TEMPO) + paused * np.abs(self.rng.normal(0.0, PAUSE, width))
        base = np.where(np.arange(width) % 2 == 0, HOLD_S, GAP_S)
        times_ms = 1000 * base * np.exp(logs)
        holds, gaps = times_ms[0::2], times_ms[1::2]
        downs = np.concatenate([[0.0], np.cumsum(gaps)])
        keys = [[round(float(down), 1), round(float(down + hold), 1)] for down, hold in zip(downs, holds, strict=True)]
        return {"name": text.field, "keys": keys, "complete": True}


def telemetry(
    used: Browser, at: datetime, fields: list[dict[str, Any]], challenge: str, *, is_bot: bool = False
) -> str:
    """What the collector of a browser sends for a form: signed where the browser has a key."""
    payload = {
        "v": 1,
        "challenge": challenge,
        "clock_step_ms": 0.1,
        "untrusted": 9 if is_bot else 0,
        "fields": fields,
        "pointer": [],
        "device": {"languages": ["de"], "webdriver": is_bot, "touch_points": 5 if used.is_mobile else 0},
    }
    raw = json.dumps(payload, separators=(",", ":")).encode()
    key = used.key_at(at)
    return key.sign(raw) if key else raw.decode()
