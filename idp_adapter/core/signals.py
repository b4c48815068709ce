"""Untrusted telemetry to typed `Telemetry`: the only parser of signals.

Rules: a payload is used whole or rejected by name; bounds come before work, so a hostile one costs bounded time;
times are finite, monotone where the hand makes them so, and counted from the first press. Missing telemetry is
"none", not "bad". The wire is described in `docs/collector.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from idp_adapter.core.evidence.pointed import moves_of
from idp_adapter.core.types import BrowserFacts, Json, Pointer, Signals, Telemetry, Typing
from idp_adapter.errors import TelemetryRejected

VERSION: Final = 1
MAX_FIELDS: Final = 8
MAX_KEYS: Final = 128
MAX_POINTS: Final = 256
MAX_PX: Final = 1e6
MAX_CONTACT_PX: Final = 10_000.0
MAX_SCREEN: Final = 100_000.0
MAX_TIME_MS: Final = 3_600_000.0
MAX_TEXT: Final = 64
AT_ONCE_S: Final = 0.05  # a press and its touch are one event, told twice
FIELD_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}", re.ASCII)
POINTER_KINDS: Final = frozenset("mduw")


def parse_telemetry(payload: Mapping[str, Json], *, expected_challenge: str | None, key_id: str | None) -> Telemetry:
    """Check and type one payload of the collector.

    `expected_challenge` is what the enforcer says the form carried; a payload for another form is rejected, since
    it may be a replay. Raises `TelemetryRejected` with one of: `version`, `challenge`, `fields`, `keys`, `times`,
    `pointer`, `device`.
    """
    if payload.get("v") != VERSION:
        raise TelemetryRejected("version", f"telemetry `v` must be {VERSION}")
    if not expected_challenge or payload.get("challenge") != expected_challenge:
        raise TelemetryRejected("challenge", "telemetry `challenge` is not the one of the form that was sent")
    points = _pointer(payload.get("pointer", []))
    return Telemetry(
        fields=_fields(payload.get("fields", []), points),
        pointer=points,
        moves=moves_of(points),
        facts=_facts(payload.get("device", {})),
        clock_step_s=_clock_step(payload.get("clock_step_ms")),
        untrusted=_count(payload.get("untrusted", 0)),
        key_id=key_id,
    )


def without_behaviour(signals: Signals) -> Signals:
    """The same, without how the subject typed and pointed; what the device and the network tell stays."""
    if signals.telemetry is None:
        return signals
    return replace(signals, telemetry=replace(signals.telemetry, fields=(), pointer=(), moves=b"", untrusted=0))


def _fields(value: Json, points: Sequence[Pointer]) -> tuple[Typing, ...]:
    if not isinstance(value, list) or len(value) > MAX_FIELDS:
        raise TelemetryRejected("fields", f"telemetry `fields` must be a list of at most {MAX_FIELDS}")
    touches = [point for point in points if point.kind == "d" and point.contact_px is not None]
    fields = tuple(_typing(item, touches) for item in value)
    if len({typing.field for typing in fields}) != len(fields):
        raise TelemetryRejected("fields", "telemetry `fields` names a field twice")
    return fields


def _typing(value: Json, touches: Sequence[Pointer]) -> Typing:
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(name, str) or not FIELD_NAME.fullmatch(name):
        raise TelemetryRejected("fields", "each of telemetry `fields` needs a `name` of 1 to 32 plain characters")
    keys = value.get("keys", [])
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise TelemetryRejected("keys", f"`keys` must be a list of at most {MAX_KEYS}")
    down_s, up_s = _key_times(keys)
    return Typing(
        field=name,
        down_s=down_s,
        up_s=up_s,
        corrections=_count(value.get("corrections", 0)),
        pasted=value.get("pasted") is True,
        autofilled=value.get("autofilled") is True,
        complete=value.get("complete") is True,
        virtual=value.get("virtual") is True or value.get("ime") is True,
        untrusted=_count(value.get("untrusted", 0)),
        contacts=_contacts(value.get("started_ms"), down_s, touches),
    )


def _contacts(
    started: Json, down_s: Sequence[float], touches: Sequence[Pointer]
) -> tuple[tuple[float, float, float], ...]:
    """Pressure and size of each press, where each was a touch of the page as well and no other touch came between."""
    started_ms = _number(started)
    if started_ms is None or not down_s or not touches:
        return ()
    presses = [started_ms / 1000 + down for down in down_s]
    beside = [point for point in touches if presses[0] - AT_ONCE_S <= point.time_s <= presses[-1] + AT_ONCE_S]
    if len(beside) != len(presses):
        return ()
    if any(abs(point.time_s - press) > AT_ONCE_S for point, press in zip(beside, presses, strict=True)):
        return ()
    return tuple((point.pressure or 0.0, *(point.contact_px or (0.0, 0.0))) for point in beside)


def _key_times(keys: Sequence[Json]) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    down_s: list[float] = []
    up_s: list[float | None] = []
    previous = 0.0
    for pair in keys:
        if not isinstance(pair, list) or len(pair) != 2:
            raise TelemetryRejected("keys", "each of `keys` must be `[down_ms, up_ms]`")
        down = _time(pair[0])
        up = None if pair[1] is None else _time(pair[1])
        if down < previous or (up is not None and up < down):
            raise TelemetryRejected("times", "`keys` must be pressed in order and released after they are pressed")
        previous = down
        down_s.append(down / 1000)
        up_s.append(None if up is None else up / 1000)
    return tuple(down_s), tuple(up_s)


def _time(value: Json) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= MAX_TIME_MS:
        raise TelemetryRejected("times", f"times must be numbers from 0 to {MAX_TIME_MS:.0f} ms")
    return number


def _number(value: Json) -> float | None:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if type(value) is not int:  # a bool is none
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _count(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
        raise TelemetryRejected("fields", "counts must be integers from 0 to 100000")
    return value


def _pointer(value: Json) -> tuple[Pointer, ...]:
    if not isinstance(value, list) or len(value) > MAX_POINTS:
        raise TelemetryRejected("pointer", f"telemetry `pointer` must be a list of at most {MAX_POINTS}")
    points = tuple(_point(item) for item in value)
    if any(later.time_s < earlier.time_s for earlier, later in pairwise(points)):
        raise TelemetryRejected("times", "`pointer` must be in the order of its times")
    return points


def _point(item: Json) -> Pointer:
    kind = item[3] if isinstance(item, list) and len(item) in (4, 7) else None
    if not isinstance(item, list) or not isinstance(kind, str) or kind not in POINTER_KINDS:
        raise TelemetryRejected("pointer", "each of `pointer` must be `[ms, x, y, kind]`, or that and three for touch")
    time_ms, x, y = _number(item[0]), _number(item[1]), _number(item[2])
    if time_ms is None or x is None or y is None or not 0 <= time_ms <= MAX_TIME_MS or max(abs(x), abs(y)) > MAX_PX:
        raise TelemetryRejected("pointer", "`pointer` holds a number out of range")
    if len(item) == 4:
        return Pointer(time_ms / 1000, x, y, kind)
    return Pointer(time_ms / 1000, x, y, kind, *_contact(item[4:]))


def _contact(touch: Sequence[Json]) -> tuple[float, tuple[float, float]]:
    """Pressure and size of a touch."""
    pressure, width, height = map(_number, touch)
    if pressure is None or width is None or height is None:
        raise TelemetryRejected("pointer", "`pointer` holds a number out of range")
    if not (0 <= pressure <= 1 and 0 <= width <= MAX_CONTACT_PX and 0 <= height <= MAX_CONTACT_PX):
        raise TelemetryRejected("pointer", "`pressure` must be 0 to 1, `width` and `height` 0 to 10000 px")
    return pressure, (width, height)


def _facts(value: Json) -> BrowserFacts:
    if not isinstance(value, dict):
        raise TelemetryRejected("device", "telemetry `device` must be an object")
    hints = value.get("ua_data")
    hints = hints if isinstance(hints, dict) else {}
    languages = value.get("languages")
    screen = value.get("screen")
    mobile = hints.get("mobile")
    numbers = [_number(part) for part in screen[:3]] if isinstance(screen, list) else []
    screen_px = tuple(number for number in numbers if number is not None and 0 <= number <= MAX_SCREEN)
    return BrowserFacts(
        languages=_texts(languages[:8]) if isinstance(languages, list) else (),
        timezone=_text(value.get("timezone")),
        screen=screen_px if len(screen_px) == len(numbers) else (),
        touch_points=int(min(max(_number(value.get("touch_points")) or 0, 0), 64)),
        webdriver=value.get("webdriver") is True,
        platform=_text(hints.get("platform")),
        mobile=mobile if isinstance(mobile, bool) else None,
    )


def _texts(values: Sequence[Json]) -> tuple[str, ...]:
    return tuple(text for text in map(_text, values) if text is not None)


def _text(value: Json) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _clock_step(value: Json) -> float | None:
    step_ms = _number(value)
    return step_ms / 1000 if step_ms is not None and 0 < step_ms <= 1000 else None
