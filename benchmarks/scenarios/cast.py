"""The cast: people, browsers, networks, places and hands that the scenarios name, read from `cast.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from benchmarks.scenarios.reading import Table
from tools.demo_geoip import Network

FILE: Final = Path(__file__).parent / "cast.toml"
FEEDS: Final = ("allow", "deny", "tor", "vpn", "hosting", "relay")
# How a field can be filled in. `steady` is a person's own rhythm; the rest names what else comes from a form.
HANDS: Final = ("steady", "soft_keyboard", "input_method", "password_manager", "even_gaps", "instant", "copied")


@dataclass(frozen=True, slots=True)
class Person:
    """An account: who it is, what it can prove, and who types where nothing else is said."""

    name: str
    type: str
    hand: str
    factors: tuple[str, ...]
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    zone: ZoneInfo
    is_new: bool


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser profile (or an application): what it says of itself, and whether it keeps a key and a cookie."""

    name: str
    user_agent: str
    platform: str
    mobile: bool
    languages: tuple[str, ...]
    has_key: bool
    has_cookie: bool
    is_shared: bool
    webdriver: bool
    profile: str  # whose key and cookie it holds


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody sits: a network and an address in it; `host` 0 is another address each time."""

    network: str
    host: int


@dataclass(frozen=True, slots=True)
class Hand:
    """A way of filling in a form. `of` is the hand that a `copied` one imitates."""

    kind: str
    seed: int
    pace: float
    spread: float
    of: str


@dataclass(frozen=True, slots=True)
class Client:
    """An application; a public one's refreshes come from the user's own browser."""

    public: bool


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody and everything, by name. `feeds` holds the networks that each feed lists."""

    people: Mapping[str, Person]
    browsers: Mapping[str, Browser]
    networks: Mapping[str, Network]
    feeds: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Place]
    hands: Mapping[str, Hand]
    clients: Mapping[str, Client]


@cache
def cast() -> Cast:
    """The cast, read once. Raises `ScenarioInvalid`."""
    whole = Table.of_file(FILE)
    hands = {name: _hand(table) for name, table in whole.table("hands").named()}
    for name, hand in hands.items():
        if hand.of and hand.of not in hands:
            raise whole.wrong(f"hands.{name}.of", f"names {hand.of!r}, which is no hand")
    networks, feeds = {}, {}
    for name, table in whole.table("networks").named():
        feeds[name] = table.texts("feeds", of=FEEDS)
        networks[name] = _network(table)
    found = Cast(
        people={name: _person(name, table, hands) for name, table in whole.table("people").named()},
        browsers={name: _browser(name, table) for name, table in whole.table("browsers").named()},
        networks=networks,
        feeds={tag: tuple(networks[name].prefix for name in networks if tag in feeds[name]) for tag in FEEDS},
        places={name: _place(table, networks) for name, table in whole.table("places").named()},
        hands=hands,
        clients={name: _client(table) for name, table in whole.table("clients").named()},
    )
    whole.done()
    return found


def _person(name: str, table: Table, hands: Mapping[str, Hand]) -> Person:
    zone = table.text("timezone", "Europe/Lisbon")
    try:
        zone_info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise table.wrong("timezone", f"is {zone!r}; write an IANA name such as Europe/Lisbon") from None
    person = Person(
        name=name,
        type=table.text("type", "user", of=("user", "service_account")),
        hand=table.text("hand", "", of=tuple(hands)),
        factors=table.texts("factors", of=("otp", "webauthn")),
        roles=table.texts("roles"),
        groups=table.texts("groups"),
        zone=zone_info,
        is_new=table.flag("new"),
    )
    table.done()
    return person


def _browser(name: str, table: Table) -> Browser:
    browser = Browser(
        name=name,
        user_agent=table.text("user_agent"),
        platform=table.text("platform", ""),
        mobile=table.flag("mobile"),
        languages=table.texts("languages", ("en-GB", "en")),
        has_key=table.flag("key", True),
        has_cookie=table.flag("cookie", True),
        is_shared=table.flag("shared"),
        webdriver=table.flag("webdriver"),
        profile=table.text("same_profile_as", name),
    )
    table.done()
    return browser


def _network(table: Table) -> Network:
    network = Network(
        prefix=table.text("prefix"),
        city=table.text("city"),
        country=table.text("country"),
        continent=table.text("continent", "EU"),
        latitude=table.number("latitude"),
        longitude=table.number("longitude"),
        asn=table.whole("asn", least=1),
        operator=table.text("operator"),
        radius_km=table.whole("radius_km", 20),
    )
    table.done()
    return network


def _place(table: Table, networks: Mapping[str, Network]) -> Place:
    place = Place(network=table.text("network", of=tuple(networks)), host=table.whole("host", 0))
    table.done()
    return place


def _hand(table: Table) -> Hand:
    hand = Hand(
        kind=table.text("kind", "steady", of=HANDS),
        seed=table.whole("seed", 0),
        pace=table.number("pace", 1.0),
        spread=table.number("spread", 0.15),
        of=table.text("of", ""),
    )
    table.done()
    return hand


def _client(table: Table) -> Client:
    client = Client(public=table.flag("public", True))
    table.done()
    return client
