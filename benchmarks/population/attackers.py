"""Attackers, each with the victim's right password or session. `KINDS` is the table of what is assumed.

`share` is a kind's share of all attempts; what is told per kind does not depend on it, calibration does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from benchmarks.population import things, world
from benchmarks.population.persons import Person, Visit
from benchmarks.population.things import Browser, Hand
from benchmarks.population.world import City, address
from idp_adapter.core.types import Hook

RESETS: Final = 0.08  # of VPN and targeted attempts
CLIENTS: Final = (("mail", 0.6), ("files", 0.2), ("payroll", 0.2))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attack, as the service will see it. `guesses`: wrong passwords of the same subject just before.

    `hand` None types nothing; `cookie` is one that was stolen; `age` is that of a stolen session; `resets`: a new
    password was set through a stolen mailbox.
    """

    at: datetime
    browser: Browser
    ip: str
    hook: Hook = Hook.LOGIN
    hand: Hand | None = None
    has_script: bool = True
    is_bot: bool = False
    cookie: str | None = None
    guesses: int = 0
    resets: bool = False
    age: timedelta | None = None


Plan = Callable[[Person, Visit, Hand, Random], Attempt]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of attackers: its share of all attempts, what is assumed of it, and one attempt of it.

    A plan knows the victim, the victim's last visit, and the attacker's own hand.
    """

    name: str
    share: float
    assumed: str
    plan: Plan


def _soon(visit: Visit, rng: Random) -> datetime:
    """At any time up to a day after a visit."""
    return visit.at + timedelta(hours=rng.uniform(0.2, 24))


def _naive(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    city = rng.choice(world.ABROAD)
    networks = [*world.in_country(world.FOREIGN_FIXED, city.country), *world.HOSTING, world.TOR]
    network = rng.choices(networks, [0.5, *[0.1] * len(world.HOSTING), 0.2])[0]
    has_script = rng.random() < 0.5
    return Attempt(
        _soon(visit, rng), things.browser(rng), address(network, city, rng), hand=hand if has_script else None,
        has_script=has_script, is_bot=rng.random() < 0.15, guesses=rng.choice((0, 0, 0, 2, 4, 7)),
    )  # fmt: skip


def _by_vpn(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    network = rng.choice((*world.VPNS, *world.HOSTING, world.UNLISTED))
    used = things.browser(rng, platforms=frozenset({"Windows", "macOS", "Linux"}))
    city = rng.choice(world.HOME)
    return Attempt(
        _soon(visit, rng), used, address(network, city, rng), hand=hand, guesses=rng.choice((0, 0, 0, 1, 3)),
        resets=rng.random() < RESETS,
    )  # fmt: skip


def _targeted(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    used = things.like(visit.browser, rng)
    used.late = timedelta(days=rng.uniform(0, 14))
    ip = _same_network(visit, rng, rng.choice(world.HOME))
    return Attempt(_soon(visit, rng), used, ip, hand=hand, resets=rng.random() < RESETS)


def _very_targeted(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    has_script = rng.random() < 0.5  # else no proof is sent rather than a new key's
    cookie = visit.browser.cookie if rng.random() < 0.2 else None
    ip = _same_network(visit, rng, world.CITIES[int(visit.ip.split(".")[1])])
    return Attempt(
        _soon(visit, rng), things.like(visit.browser, rng), ip, hand=hand if has_script else None,
        has_script=has_script, cookie=cookie,
    )  # fmt: skip


def _insider(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    at = visit.at + timedelta(hours=rng.uniform(0.1, 3))
    return Attempt(at, visit.browser, visit.ip, hand=hand, has_script=visit.has_script)


def _refresh_thief(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    age = timedelta(hours=rng.uniform(0.1, 8))
    return Attempt(visit.at + age, things.browser(rng), _elsewhere(rng), Hook.REFRESH, has_script=False, age=age)


def _cookie_thief(victim: Person, visit: Visit, hand: Hand, rng: Random) -> Attempt:
    age = timedelta(hours=rng.uniform(0.1, 8))
    used = things.like(visit.browser, rng) if rng.random() < 0.5 else things.browser(rng)
    return Attempt(
        visit.at + age, used, _elsewhere(rng), has_script=False, cookie=visit.browser.cookie, age=age
    )  # fmt: skip


def _elsewhere(rng: Random) -> str:
    """Abroad, behind an egress of the victim's country, or any line of that country."""
    draw = rng.random()
    if draw < 0.5:
        city = rng.choice(world.ABROAD)
        return address(rng.choice((*world.in_country(world.FOREIGN_FIXED, city.country), *world.HOSTING)), city, rng)
    networks = (*world.VPNS, *world.HOSTING) if draw < 0.75 else (*world.FIXED, *world.MOBILE)
    return address(rng.choice(networks), rng.choice(world.HOME), rng)


def _same_network(visit: Visit, rng: Random, city: City) -> str:
    """The AS of the victim's last visit, any prefix of a city there; where it isn't there, the city of the visit."""
    network = next(net for net in world.NETWORKS if net.first_byte == int(visit.ip.split(".")[0]))
    if city.country not in network.countries:
        city = world.CITIES[int(visit.ip.split(".")[1])]
    return address(network, city, rng)


KINDS: Final = (
    Kind("naive", 0.45, "any country but the victim's, any browser; half send no telemetry, half guess first", _naive),
    Kind("VPN", 0.20, "the victim's country by VPN or hosting (one in seven on no feed), any desktop browser", _by_vpn),
    Kind("targeted", 0.12, "the victim's country, AS, browser family and platform", _targeted),
    Kind("very targeted", 0.06, "city, AS, user agent and fingerprint; one in five has the cookie", _very_targeted),
    Kind("insider", 0.05, "the victim's own browser and address, another hand", _insider),
    Kind("refresh thief", 0.07, "the session's tokens, half abroad, a quarter behind an egress", _refresh_thief),
    Kind("cookie thief", 0.05, "the browser's cookies, half with the same browser", _cookie_thief),
)
