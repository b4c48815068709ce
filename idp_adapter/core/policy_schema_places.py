"""Zones, sites, groups of devices and work environments of a policy's document, checked."""

from __future__ import annotations

import ipaddress
from typing import Final

from idp_adapter.core.environments import Environment, Network, Response, Site, Whereabouts
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.policy_schema_rules import Defined, is_empty, read_condition
from idp_adapter.core.policy_table import Table
from idp_adapter.core.types import Place
from idp_adapter.core.types.facts import Names

MAX_NAMES: Final = 64
MAX_NETWORKS: Final = 1024
MAX_DEVICES: Final = 4096
_WHEN: Final = ("zone", "device", "client", "realm", "network")


def read_whereabouts(document: Table) -> Whereabouts:
    """`[zones]`, `[sites.NAME]` and `[device_groups]`."""
    return Whereabouts(_zones(document), _sites(document), _devices(document))


def read_environments(document: Table, defined: Defined) -> tuple[Environment, ...]:
    """`[[environment]]`, each name once."""
    found: dict[str, Environment] = {}
    for table in document.tables("environment", most=MAX_NAMES):
        environment = _environment(table, defined)
        if environment.name in found:
            table.wrong("name", f"is the second environment named `{environment.name}`; name it otherwise")
        found[environment.name] = environment
    return tuple(found.values())


def _zones(document: Table) -> tuple[tuple[str, Network], ...]:
    zones: list[tuple[str, Network]] = []
    table = document.table("zones")
    names = {name: table.texts(name) for name, _ in table.items(most=MAX_NAMES)}
    for name, entries in names.items():
        for entry in entries:
            try:
                zones.append((name, ipaddress.ip_network(entry)))
            except ValueError:
                table.wrong(name, f"holds `{entry}`: write a network such as '192.0.2.0/24', host bits zero")
    if len(zones) > MAX_NETWORKS:
        document.wrong("zones", f"must hold at most {MAX_NETWORKS} networks")
    return tuple(zones)


def _sites(document: Table) -> tuple[Site, ...]:
    sites = []
    owner = document.table("sites")
    for name, value in owner.items(most=MAX_NAMES):
        owner.take(name)
        table = Table(owner.at(name), value, owner.problems)
        latitude = table.number("latitude", least=-90, most=90)
        longitude = table.number("longitude", least=-180, most=180)
        radius_km = table.number("radius_km", least=0.1, most=20_100)
        sites.append(Site(name, Place(latitude=latitude, longitude=longitude), radius_km))
        table.done()
    return tuple(sites)


def _devices(document: Table) -> tuple[tuple[str, str], ...]:
    table = document.table("device_groups")
    names = {name: table.texts(name) for name, _ in table.items(most=MAX_NAMES)}
    devices = tuple((name, thumbprint) for name, thumbprints in names.items() for thumbprint in thumbprints)
    if len(devices) > MAX_DEVICES:
        document.wrong("device_groups", f"must hold at most {MAX_DEVICES} thumbprints")
    return devices


def _environment(table: Table, defined: Defined) -> Environment:
    name = table.title("name")
    when = read_condition(table.table("when"), defined, _WHEN)
    if is_empty(when):
        table.wrong("when", f"selects nothing: add one of {', '.join(_WHEN)}")
    sources = table.table("sources")
    known = [source.name for source in SOURCES]
    weights = sources.given({source: lambda name: sources.number(name, least=0, most=1) for source in known})
    sources.done()
    factors: Names | None = frozenset(table.texts("factors")) if table.has("factors") else None
    responses = frozenset(Response)
    if table.has("responses"):
        responses = frozenset(Response(item) for item in table.known("responses", Response, "response beside refusal"))
    table.done()
    return Environment(name, when, weights, factors, responses)
