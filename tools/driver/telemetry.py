"""Devices and typing hands, simulated: the strings that the collector would send for them."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

LAPTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"


def base64url(raw: bytes) -> str:
    """Return unpadded URL-safe base 64."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(value: object) -> bytes:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


class DeviceKey:
    """A browser profile's P-256 key, as the collector keeps it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        numbers = self._key.public_key().public_numbers()
        x, y = (base64url(part.to_bytes(32, "big")) for part in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def sign(self, payload: bytes, *, header: dict[str, Any] | None = None) -> str:
        """Return a compact ES256 JWS of `payload`."""
        protected = {"typ": "telemetry+jwt", "alg": "ES256", "jwk": self.jwk} if header is None else header
        signed = f"{base64url(compact(protected))}.{base64url(payload)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Hand:
    """A way of typing: its own mean hold and flight per position, with a person's spread around them.

    Each `take` of a seed is the same hand on another occasion.
    """

    def __init__(self, seed: int, *, pace: float = 1.0, spread: float = 0.08, take: int = 0) -> None:
        self._habit = random.Random(seed)  # noqa: S311 - simulation
        self._noise = random.Random(seed + 1_000_003 * (take + 1))  # noqa: S311 - simulation
        self._pace = pace
        self._spread = spread
        self._means: dict[str, list[tuple[float, float]]] = {}

    def type(self, name: str, length: int) -> dict[str, Any]:
        """Return one typing of a field: `keys` are [down, up] in milliseconds from the first press."""
        means = self._means.setdefault(name, [])
        while len(means) < length:
            means.append((self._habit.gauss(92, 14) * self._pace, self._habit.gauss(185, 45) * self._pace))
        down, keys = 0.0, []
        for place, (hold, gap) in enumerate(means[:length]):
            if place:
                down += max(self._noise.gauss(gap, gap * self._spread), 20.0)
            keys.append([round(down, 1), round(down + max(self._noise.gauss(hold, hold * self._spread), 15.0), 1)])
        return field_typed(name, keys)


def field_typed(name: str, keys: list[list[float]]) -> dict[str, Any]:
    """Return what the collector says of a field whose presses were these, [down, up] in milliseconds."""
    counts = dict.fromkeys(("corrections", "restarts", "untrusted"), 0)
    flags = dict.fromkeys(("pasted", "autofilled", "prefilled", "ime", "virtual", "truncated"), False)
    return {"name": name, "started_ms": 640.2, "keys": keys, "complete": True, **counts, **flags}


def by_script(name: str, length: int) -> dict[str, Any]:
    """Return a field that a program typed: every key alike."""
    return field_typed(name, [[110.0 * place, 110.0 * place + 1.0] for place in range(length)])


@dataclass
class Device:
    """A browser profile: what it says of itself, and the key that it keeps (None: it has no key)."""

    user_agent: str = LAPTOP
    languages: tuple[str, ...] = ("en-GB", "en")
    timezone: str = "Europe/Lisbon"
    screen: tuple[float, ...] = (1920, 1080, 1.0)
    webdriver: bool = False
    key: DeviceKey | None = field(default_factory=DeviceKey)

    @property
    def accept_language(self) -> str:
        """The header that goes with the languages."""
        return ",".join(f"{tag};q={1 - 0.1 * place:.1f}" if place else tag for place, tag in enumerate(self.languages))

    def telemetry(self, challenge: str, fields: list[dict[str, Any]]) -> str:
        """Return what the collector sends for a form: signed where there is a key, else bare JSON."""
        payload = {
            "v": 1,
            "challenge": challenge,
            "clock_step_ms": 0.1,
            "age_ms": 6120.4,
            "restored": False,
            "untrusted": 0,
            "fields": fields,
            "pointer": [[12.3, 410, 220, "m"], [96.1, 433, 251, "m"], [180.4, 440, 260, "d"], [260.9, 440, 260, "u"]],
            "device": {
                "ua_data": {},
                "languages": list(self.languages),
                "timezone": self.timezone,
                "screen": list(self.screen),
                "touch_points": 0,
                "webdriver": self.webdriver,
            },
        }
        raw = compact(payload)
        return self.key.sign(raw) if self.key else raw.decode()
