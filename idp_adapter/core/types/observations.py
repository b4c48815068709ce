"""What was observed in one request, typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp_adapter.core.types.knowledge import Origin
from idp_adapter.core.types.names import ComplianceStatus


@dataclass(frozen=True, slots=True)
class Typing:
    """Key timings of one field by position, never by key; `down_s[i]` and `up_s[i]` count from the first press.

    `up_s[i]` is None where the release was not seen. `complete` says that each character came from one press, in order.
    `contacts`: pressure, width and height (px) of the touch that each press was; empty where any was none.
    """

    field: str
    down_s: tuple[float, ...]
    up_s: tuple[float | None, ...]
    complete: bool = True
    corrections: int = 0
    pasted: bool = False
    autofilled: bool = False
    virtual: bool = False  # an IME or on-screen keyboard gave no usable times
    untrusted: int = 0  # events that a script made
    contacts: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """One point of the trace: time since load, page position, kind (m, d, u, w), pressure and contact where given."""

    time_s: float
    x: float
    y: float
    kind: str
    pressure: float | None = None
    contact_px: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """Device facts that the page can see."""

    languages: tuple[str, ...] = ()
    timezone: str | None = None
    screen: tuple[float, ...] = ()
    touch_points: int = 0
    webdriver: bool = False
    platform: str | None = None
    mobile: bool | None = None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the collector saw of one form. `key_id` is the thumbprint of the key that signed it, None when unsigned.

    `moves`: the trace's last movements of a mouse, as the pointer model reads them (`pointer.Run`).
    """

    fields: tuple[Typing, ...] = ()
    pointer: tuple[Pointer, ...] = ()
    moves: bytes = b""
    facts: BrowserFacts = BrowserFacts()
    clock_step_s: float | None = None
    untrusted: int = 0  # pointer and click events that a script made
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class PostureAssertion:
    """What a trusted issuer signed of the device that this request proved."""

    status: ComplianceStatus
    time: datetime


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything observed in one request, typed. `telemetry` is None when none came or none could be used."""

    origin: Origin = Origin()
    ip_kind: str = "unknown"  # "public", "private", "shared" (CGNAT), "loopback" or "unknown"
    network_tags: tuple[str, ...] = ()  # what feeds say of the address: `network_feeds.TAGS`
    user_agent: str = ""  # family/major on platform, with the class where it is not the usual one; or ""
    cookie_id: str | None = None  # pseudonym of the device cookie
    telemetry: Telemetry | None = None
    telemetry_rejected: str | None = None  # a named rejection, counted
    platform_version: tuple[str, int] | None = None  # as far as the user agent tells it
    posture: PostureAssertion | None = None
    posture_rejected: str | None = None  # a named rejection, counted
