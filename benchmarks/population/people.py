"""Honest people: who they are, from where and when they log in. `KINDS` is the table of what is assumed.

Each has a home with a fixed line, browsers, a hand, and habits of time; a kind changes one thing of that. A visit is
one login and, now and then, a refresh of its tokens later. Shares and rates are assumptions, not measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

import numpy as np

from benchmarks.population import things, world
from benchmarks.population.persons import DAYS, JOIN_DAYS, Home, Person, Visit
from benchmarks.population.things import Browser, Hand, Text
from benchmarks.population.world import address

DESKTOPS: Final = frozenset({"Windows", "macOS", "Linux"})
WITHOUT_SCRIPT: Final = 0.03  # of browsers send no telemetry
WITHOUT_KEY: Final = 0.03  # have no WebCrypto or forbid storage: telemetry unsigned
PASSWORD_MANAGER: Final = 0.35  # of people type nothing at a login
DYNAMIC_LINE: Final = 0.3  # of homes get another prefix of their provider every day; others another host in ten
ELSEWHERE: Final = 0.03  # of visits come from a café, friends, a train: any line or carrier, now and then a VPN
SCRIPT_FAILS: Final = 0.01  # of visits: blocked once, or too slow
KEY_LOST: Final = 0.004  # of visits: the browser dropped its key and kept its cookie
CLIENTS: Final = (("mail", 0.75), ("files", 0.2), ("payroll", 0.05))


_INDOORS: Final = frozenset({"shared office", "shared workstation"})

Where = Callable[[Person, datetime, Random], tuple[Browser, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of people: its share of all, what is assumed of it, and where a login of it comes from."""

    name: str
    share: float
    assumed: str
    where: Where
    shape: Callable[[Person, Random], None] = lambda person, rng: None


def _at_desk(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    is_work = at.weekday() < 5 and 6 <= at.hour < 18
    return person.desk, person.desk_address() if is_work and rng.random() < 0.8 else person.line(at, rng)


def _commuting(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    draw = rng.random()
    if draw < 0.45:
        return person.desk, person.desk_address()
    if draw < 0.65:
        return person.desk, person.line(at, rng)
    return (person.phone if draw < 0.85 else person.desk), address(person.carrier, person.city, rng)


def _roaming(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    return person.phone if rng.random() < 0.6 else person.desk, address(person.carrier, person.city, rng)


def _by_vpn(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    if rng.random() < 0.5:
        return person.desk, person.line(at, rng)
    return person.desk, address(person.vpn, rng.choice(person.vpn_cities), rng)


def _at_home(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    return person.desk, person.line(at, rng)


def _in_one_office(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    return person.desk, person.desk_address()


def _shared(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    if person.home.browser is not None and rng.random() < 0.7:
        return person.home.browser, person.line(at, rng)
    return person.phone, person.line(at, rng) if rng.random() < 0.5 else address(person.carrier, person.city, rng)


def _at_workstation(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    return person.office.browser or person.desk, person.desk_address()


def _changing(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    used, ip = _at_desk(person, at, rng)
    if person.changes_at is not None and person.changed_to is not None and at >= person.changes_at:
        used = person.changed_to
    return used, ip


def _travelling(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    trip = next((trip for trip in person.trips if trip[0] <= at < trip[1]), None)
    if trip is None:
        return _at_desk(person, at, rng)
    city = trip[2]
    draw = rng.random()
    if draw < 0.5:  # a hotel's line
        (network, *_) = world.in_country(world.FOREIGN_FIXED, city.country)
        hotel = Random(f"{person.id}/{trip[0]}").randrange(network.prefixes)
        return person.desk, address(network, city, rng, prefix=hotel)
    if draw < 0.85:
        (network, *_) = world.in_country(world.FOREIGN_MOBILE, city.country)
        return person.phone, address(network, city, rng)
    return person.desk, address(person.vpn, rng.choice(person.vpn_cities), rng)


def _forgetful(person: Person, at: datetime, rng: Random) -> tuple[Browser, str]:
    """A browser that forgets everything when it is closed."""
    return things.like(person.desk, rng), _at_desk(person, at, rng)[1]


# --- what a kind changes of a person ----------------------------------------------------------------------------------


def _vpn_user(person: Person, rng: Random) -> None:
    person.vpn = rng.choice((*world.VPNS, world.UNLISTED))
    abroad = rng.random() < 0.4  # some like an exit abroad
    person.vpn_cities = tuple(rng.sample(world.CITIES if abroad else world.HOME, 2))


def _traveller(person: Person, rng: Random) -> None:
    trips = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        begins = things.EPOCH + timedelta(days=rng.uniform(JOIN_DAYS + 5, DAYS - 8))
        trips.append((begins, begins + timedelta(days=rng.uniform(3, 10)), rng.choice(world.ABROAD)))
    person.trips = tuple(trips)


def _new_device(person: Person, rng: Random) -> None:
    person.changes_at = things.EPOCH + timedelta(days=rng.uniform(35, DAYS - 5))
    person.changed_to = things.browser(rng, platforms=DESKTOPS | things.MOBILE)


def _late_upgrader(person: Person, rng: Random) -> None:
    """Some months behind; then all majors at once, on the same profile."""
    person.changes_at = things.EPOCH + timedelta(days=rng.uniform(35, DAYS - 5))
    old = person.desk
    person.changed_to = Browser(old.family, old.platform, old.cookie, old.key, timedelta(0), old.majors_ahead)
    old.late = timedelta(days=rng.uniform(60, 120))


def _other_browser(person: Person, rng: Random) -> None:
    """The same machine, another family."""
    person.changes_at = things.EPOCH + timedelta(days=rng.uniform(35, DAYS - 5))
    while True:
        other = things.browser(rng, platforms=frozenset({person.desk.platform}))
        if other.family != person.desk.family:
            break
    person.changed_to = other


def _without_telemetry(person: Person, rng: Random) -> None:
    person.has_script = False
    person.weekdays_only = False


def _night(person: Person, rng: Random) -> None:
    person.hours = (21.5, 1.0, 4.0)
    person.weekdays_only = False


def _evening(person: Person, rng: Random) -> None:
    person.hours = (17.5, 20.0)
    person.weekdays_only = False


def _seldom(person: Person, rng: Random) -> None:
    person.weekly = 0.8
    _evening(person, rng)


KINDS: Final = (
    Kind("office worker", 0.19, "desk at an office of 15, four days in five; else at home", _at_desk),
    Kind("commuter", 0.10, "office, home, and by phone or laptop through a carrier on the way", _commuting),
    Kind("carrier roamer", 0.12, "always through a carrier: some 6,000 addresses of one AS and city", _roaming),
    Kind("VPN user", 0.08, "home or a VPN by turns; one exit in four is on no feed", _by_vpn, _vpn_user),
    Kind("shared office", 0.09, "always behind one address that 15 share", _in_one_office),
    Kind("shared workstation", 0.05, "three people at one computer of one company", _at_workstation),
    Kind("family computer", 0.06, "two people with one browser, cookie and key; phones beside", _shared, _evening),
    Kind("device upgrader", 0.06, "a new device half-way, laptop or phone", _changing, _new_device),
    Kind("browser upgrader", 0.05, "months behind, then all versions at once", _changing, _late_upgrader),
    Kind("browser changer", 0.03, "another family on the same machine, half-way", _changing, _other_browser),
    Kind("traveller", 0.07, "one to three trips abroad with the own devices", _travelling, _traveller),
    Kind("forgetful browser", 0.02, "keeps neither cookie nor key", _forgetful),
    Kind("without telemetry", 0.03, "assistive technology or no script: a cookie only", _at_home, _without_telemetry),
    Kind("night worker", 0.03, "between 21 and 5, all week", _at_home, _night),
    Kind("infrequent user", 0.02, "about once in nine days", _at_home, _seldom),
)


def people(count: int, rng: Random) -> list[Person]:
    """So many people by the shares of their kinds, at least one of each."""
    counts = [max(1, round(kind.share * count)) for kind in KINDS]
    made: list[Person] = []
    for kind, number in zip(KINDS, counts, strict=True):
        for place in range(number):
            person = _person(f"{kind.name.replace(' ', '-')}-{place}", kind.name, rng)
            kind.shape(person, rng)
            made.append(person)
    _share(made, rng)
    return made


def visits(person: Person, kind: Kind, rng: Random) -> Iterator[Visit]:
    """All logins of a person, in order."""
    day = person.begins
    ends = things.EPOCH + timedelta(days=DAYS)
    per_day = person.weekly / (5 if person.weekdays_only else 7)
    while day < ends:
        if not (person.weekdays_only and day.weekday() >= 5 and rng.random() < 0.93):
            for at in sorted(_times(person, day, per_day, rng)):
                used, ip = kind.where(person, at, rng)
                if rng.random() < ELSEWHERE and kind.name not in _INDOORS:
                    network = rng.choice((*world.FIXED, *world.MOBILE, person.vpn))
                    ip = address(network, rng.choice((person.city, person.city, *world.HOME)), rng)
                if used.key is not None and rng.random() < KEY_LOST:
                    used.later_keys.append((at, things.Key(rng)))
                client = rng.choices([name for name, _ in CLIENTS], [share for _, share in CLIENTS])[0]
                yield Visit(at, used, ip, client, person.has_script and rng.random() >= SCRIPT_FAILS)
        day += timedelta(days=1)


def _times(person: Person, day: datetime, per_day: float, rng: Random) -> Iterator[datetime]:
    for centre in person.hours:
        if rng.random() < per_day / len(person.hours):
            hour = rng.uniform(0, 24) if rng.random() < 0.04 else rng.gauss(centre, 0.9) % 24
            yield day + timedelta(hours=hour)


def _person(id_: str, kind: str, rng: Random) -> Person:
    city = rng.choice(world.HOME)
    numbers = np.random.default_rng(rng.getrandbits(64))
    draw = rng.random()
    desk = things.browser(rng, platforms=DESKTOPS, has_key=draw >= WITHOUT_KEY)
    home = Home(city, rng.choice(world.FIXED), rng.randrange(40), rng.random() < DYNAMIC_LINE)
    office = Home(city, rng.choice(world.OFFICES), rng.randrange(60))
    texts = (
        Text.of("username", numbers, rng.randint(7, 12)),
        Text.of("password", numbers, rng.randint(8, 14)),
    )
    begins = things.EPOCH + timedelta(days=rng.randrange(JOIN_DAYS))
    has_script = rng.random() >= WITHOUT_SCRIPT
    return Person(
        id_, kind, city, home, office, rng.choice(world.MOBILE), desk, things.browser(rng, platforms=things.MOBILE),
        Hand(numbers, noise=rng.lognormvariate(0, 0.3)), texts, rng.random() >= PASSWORD_MANAGER, begins, has_script,
    )  # fmt: skip


def _share(everybody: list[Person], rng: Random) -> None:
    """Put people of offices, workstations and families together."""
    for name, size in (("office worker", 15), ("shared office", 15), ("shared workstation", 3), ("family computer", 2)):
        members = [person for person in everybody if person.kind == name]
        for first in range(0, len(members), size):
            group = members[first : first + size]
            shared = things.browser(rng, platforms=DESKTOPS)
            for person in group:
                person.city = group[0].city
                person.office = group[0].office
                if name == "shared workstation":
                    person.office.browser = shared
                if name == "family computer":
                    person.home = group[0].home
                    person.home.browser = shared
