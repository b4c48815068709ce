"""Core types to stored values and back; the only file that knows how they are written.

JSON documents carry their version in `v`, habits in a head of version and CRC-32 before compressed JSON. Habits that
don't read back as their version says raise `ProfileDamaged`, documents one of Python's own errors for bad data, which
the store turns into the same; nothing is guessed. What can't be written (NaN, NUL) raises `RequestInvalid`.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from idp_adapter.core.types import (
    Binding,
    Doubt,
    Evidence,
    FamiliarPlace,
    Habits,
    Json,
    LastLogin,
    Learnable,
    Obligations,
    Origin,
    Place,
    Reason,
    Scalar,
    SessionFate,
    Sighting,
    Typing,
)
from idp_adapter.errors import ProfileDamaged, RequestInvalid, RequestTooLarge

VERSION: Final = 1
MOST_BYTES: Final = 64 * 1024  # of one stored body
MOST_KEY_BYTES: Final = 512  # of one part of a key: five parts stay inside a PostgreSQL index row
HABITS_VERSION: Final = 2  # compressed; 1 was not

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEAD: Final = struct.Struct("<BI")
_SIGHTINGS: Final = ("addresses", "prefixes", "networks", "countries", "user_agents", "clients")
_TYPING: Final = tuple(member.name for member in fields(Typing))  # a new member is stored; an old row has its default
_OBLIGATIONS: Final = tuple(member.name for member in fields(Obligations))
_ERASE: Final = "erase the subject's profile; it is learnt again"
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

Bound: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Sequence[Any]  # one row as the drivers give it


def to_us(time: datetime) -> int:
    """Whole microseconds since 1970 UTC of an aware time."""
    return (time - _EPOCH) // _MICROSECOND


def from_us(time_us: int) -> datetime:
    """The aware UTC time of `to_us`."""
    return _EPOCH + timedelta(microseconds=time_us)


def key(name: str, value: str) -> str:
    """A part of a key, checked: storable text within its bound."""
    return _checked(name, value, MOST_KEY_BYTES)


def text(name: str, value: str) -> str:
    """A text column, checked: storable text within the bound of a body."""
    return _checked(name, value, MOST_BYTES)


def _checked(name: str, value: str, most: int) -> str:
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise RequestInvalid(f"`{name}` holds a character that can't be stored", hint="send UTF-8 text") from None
    if size > most:
        raise RequestTooLarge(f"`{name}` is over {most} bytes")
    if "\0" in value:
        raise RequestInvalid(f"`{name}` holds a NUL character", hint="send text without control characters")
    return value


def body(name: str, value: bytes) -> bytes:
    """A profile's bytes, within their bound."""
    if len(value) > MOST_BYTES:
        raise RequestTooLarge(f"`{name}` is over {MOST_BYTES} bytes")
    return value


def dumps(name: str, value: object) -> str:
    """Compact JSON text within its bound."""
    try:
        written = _encode(value)
    except ValueError:
        raise RequestInvalid(f"`{name}` holds a number that isn't finite") from None
    if len(written) > MOST_BYTES:
        raise RequestTooLarge(f"`{name}` is over {MOST_BYTES} bytes")
    if "\\u0000" in written:
        raise RequestInvalid(f"`{name}` holds a NUL character", hint="send text without control characters")
    return written


@lru_cache(maxsize=256)
def texts(name: str, values: tuple[str, ...]) -> str:
    """Some texts as a JSON document, which read back as a list."""
    return dumps(name, values)


def loads(value: Any) -> Any:
    """What `dumps` wrote. Bad data raises Python's own errors, ValueError too where it is nested without end."""
    try:
        return json.loads(value)
    except RecursionError:
        raise ValueError("nested too deep") from None


# --- habits: bytes of a profile row -----------------------------------------------------------------


def habits_to_bytes(habits: Habits) -> bytes:
    """Head (version, CRC-32), then compressed JSON."""
    written = zlib.compress(dumps("habits", habits_to_json(habits)).encode())
    return _HEAD.pack(HABITS_VERSION, zlib.crc32(written)) + written


def habits_from_bytes(data: bytes) -> Habits:
    """Read what `habits_to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
    try:
        version, checksum = _HEAD.unpack_from(data)
        written = data[_HEAD.size :]
        if version not in (1, HABITS_VERSION) or checksum != zlib.crc32(written):
            raise ProfileDamaged("habits are damaged", hint=_ERASE)
        return _habits_from_json(loads(written if version == 1 else _decompressed(written)))
    except (struct.error, ValueError, TypeError, KeyError, IndexError, OverflowError):
        raise ProfileDamaged("habits are damaged", hint=_ERASE) from None


def _decompressed(written: bytes) -> bytes:
    """The bytes, as far as their bound: no document that we wrote is longer. Raises ValueError for anything else."""
    stream = zlib.decompressobj()
    try:
        document = stream.decompress(written, MOST_BYTES)
    except zlib.error as error:
        raise ValueError from error
    if not stream.eof or stream.unused_data:
        raise ValueError
    return document


def habits_to_json(habits: Habits) -> dict[str, Json]:
    """Habits as JSON values; counters as `[value, count, first_us, last_us]`."""
    written: dict[str, Json] = {
        "logins": habits.logins,
        "since_us": None if habits.since is None else to_us(habits.since),
        "hours": list(habits.hours),
        "places": [
            [
                place.latitude,
                place.longitude,
                place.radius_km,
                place.count,
                *map(to_us, (place.first_seen, place.last_seen)),
            ]
            for place in habits.places
        ],
        "last": None if habits.last is None else [to_us(habits.last.time), *_origin_to_list(habits.last.origin)],
        "doubts": [[doubt.sid, to_us(doubt.time), doubt.code, doubt.nats] for doubt in habits.doubts],
    }
    for name in _SIGHTINGS:
        written[name] = [
            [seen.value, seen.count, to_us(seen.first_seen), to_us(seen.last_seen)] for seen in getattr(habits, name)
        ]
    return written


def _habits_from_json(data: Any) -> Habits:
    last, since_us = data["last"], data["since_us"]
    return Habits(
        logins=data["logins"],
        since=None if since_us is None else from_us(since_us),
        addresses=_sightings(data["addresses"]),
        prefixes=_sightings(data["prefixes"]),
        networks=_sightings(data["networks"]),
        countries=_sightings(data["countries"]),
        user_agents=_sightings(data["user_agents"]),
        clients=_sightings(data["clients"]),
        hours=tuple(data["hours"]),
        last=None if last is None else LastLogin(from_us(last[0]), origin_from_row(last[1:])),
        places=tuple(_familiar_place(row) for row in data.get("places", ())),  # not in documents of before
        doubts=tuple(Doubt(sid, from_us(at_us), code, nats) for sid, at_us, code, nats in data.get("doubts", ())),
    )


def _familiar_place(row: Any) -> FamiliarPlace:
    latitude, longitude, radius_km, count, first_us, last_us = row
    return FamiliarPlace(latitude, longitude, radius_km, count, from_us(first_us), from_us(last_us))


def _sightings(rows: Any) -> tuple[Sighting, ...]:
    return tuple(Sighting(value, count, from_us(first), from_us(last)) for value, count, first, last in rows)


# --- origins: seven columns ---------------------------------------------------------------------------


def origin_columns(origin: Origin) -> dict[str, Bound]:
    """An origin as columns. Refuses what looks like a raw address: only pseudonyms are stored."""
    for name, value in (("address", origin.address), ("prefix", origin.prefix)):
        if value is not None and ("." in value or ":" in value):
            raise RequestInvalid(f"`origin.{name}` isn't a pseudonym", hint="pseudonymise addresses before storing")
    place = origin.place
    return {
        "address": origin.address,
        "prefix": origin.prefix,
        "country": place.country,
        "asn": place.asn,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "radius_km": place.radius_km,
    }


def _origin_to_list(origin: Origin) -> list[Json]:
    return [value if not isinstance(value, bytes) else None for value in origin_columns(origin).values()]


def origin_from_row(row: Row) -> Origin:
    """An origin from its seven columns, in the order of `origin_columns`."""
    address, prefix, country, asn, latitude, longitude, radius_km = row
    return Origin(address, prefix, Place(country, asn, latitude, longitude, radius_km))


# --- parts of a decision: JSON documents --------------------------------------------------------------


def evidence_to_text(contributions: Sequence[Evidence], reasons: Sequence[Reason]) -> str:
    """Contributions to the risk and the reasons of rules."""
    document = {
        "v": VERSION,
        "contributions": [
            {
                "source": item.source,
                "nats": item.nats,
                "abstains": item.abstains,
                "behavioural": item.behavioural,
                "reasons": _reasons_to_json(item.reasons),
            }
            for item in contributions
        ],
        "reasons": _reasons_to_json(reasons),
    }
    return dumps("evidence", document)


def evidence_from(value: Any) -> tuple[tuple[Evidence, ...], tuple[Reason, ...]]:
    """Contributions and reasons that `evidence_to_text` wrote."""
    document = versioned(value)
    contributions = tuple(
        Evidence(item["source"], item["nats"], _reasons_from(item["reasons"]), item["abstains"], item["behavioural"])
        for item in document["contributions"]
    )
    return contributions, _reasons_from(document["reasons"])


def contributions_in(value: Any) -> list[dict[str, Any]]:
    """The contributions that `evidence_to_text` wrote, member by member, for who reads very many."""
    contributions: list[dict[str, Any]] = versioned(value)["contributions"]
    return contributions


@lru_cache(maxsize=256)
def obligations_to_text(obligations: Obligations) -> str:
    """What the enforcer must also do. Few differ, of very many decisions."""
    document = {"v": VERSION, **{member: getattr(obligations, member) for member in _OBLIGATIONS}}
    return dumps("obligations", document)


def obligations_from(value: Any) -> Obligations:
    """Obligations that `obligations_to_text` wrote."""
    members = {name: member for name, member in versioned(value).items() if name != "v"}
    return Obligations(**{**members, "session": SessionFate(members["session"])})


def binding_to_text(binding: Binding) -> str | None:
    """The thumbprints that a request proved; None where there is none."""
    return None if binding == Binding() else dumps("binding", [binding.jkt, binding.x5t_s256])


def binding_from(value: Any) -> Binding:
    """What `binding_to_text` wrote."""
    return Binding() if value is None else Binding(*loads(value))


def learnable_to_bytes(learnable: Learnable) -> bytes:
    """What a confirmed outcome may teach, to be sealed."""
    typings = {
        name: {member: getattr(typing, member) for member in _TYPING} for name, typing in learnable.typings.items()
    }
    document = {
        "v": VERSION,
        "device_key": learnable.device_key,
        "device_cookie": learnable.device_cookie,
        "clock_step_s": learnable.clock_step_s,
        "typings": typings,
        "binding": [learnable.binding.jkt, learnable.binding.x5t_s256],
        "moves": {name: base64.b64encode(moves).decode("ascii") for name, moves in learnable.moves.items()},
    }
    return dumps("learnable", document).encode()


def learnable_from_bytes(data: bytes) -> Learnable:
    """The learnable part that `learnable_to_bytes` wrote."""
    document = versioned(data)
    typings = {
        name: Typing(
            **{**item, **{member: tuple(item[member]) for member in ("down_s", "up_s")}, "contacts": _contacts(item)}
        )
        for name, item in document["typings"].items()
    }
    return Learnable(
        document["device_key"],
        document["device_cookie"],
        typings,
        document["clock_step_s"],
        Binding(*document.get("binding", ())),
        {name: base64.b64decode(moves, validate=True) for name, moves in document.get("moves", {}).items()},
    )


def _contacts(typing: Any) -> tuple[tuple[float, float, float], ...]:
    return tuple((pressure, width, height) for pressure, width, height in typing.get("contacts", ()))


def versioned(value: Any) -> dict[str, Any]:
    """A document of this version that `dumps` wrote. Bad data raises Python's own errors."""
    document = loads(value)
    if not isinstance(document, dict) or document.get("v") != VERSION:
        raise ValueError
    return document


def _reasons_to_json(reasons: Sequence[Reason]) -> list[dict[str, object]]:
    return [
        {"code": reason.code, "nats": reason.nats, "params": dict(reason.params), "for_user": reason.for_user}
        for reason in reasons
    ]


def _reasons_from(items: Any) -> tuple[Reason, ...]:
    return tuple(Reason(item["code"], item["nats"], _params(item["params"]), item["for_user"]) for item in items)


def _params(params: Mapping[str, Any]) -> dict[str, Scalar]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
