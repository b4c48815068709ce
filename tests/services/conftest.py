"""A whole service without HTTP: real store on SQLite, pseudonyms and telemetry; a map for places; fixed time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from idp_adapter.adapters.policy_file import load
from idp_adapter.adapters.pseudonyms import Pseudonyms
from idp_adapter.adapters.sql import SqlStore, open_store
from idp_adapter.adapters.telemetry import Opener
from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.policy import Policy
from idp_adapter.core.types import Decision, Hook, Network, Outcome, OutcomeType, Place, Request, Session
from idp_adapter.services.decide import Decider
from idp_adapter.services.outcomes import OutcomeReporter
from idp_adapter.services.population import Populations
from tests.core import builders as b
from tests.support.sealing import sealer

HOME_IP, ABROAD_IP = "192.0.2.7", "203.0.113.9"


class MapOfPlaces:
    """A geolocator double: two places, to spare these tests a database file."""

    def locate(self, ip: str) -> Place:
        return {HOME_IP: b.LISBON, ABROAD_IP: b.SINGAPORE}.get(ip, Place())

    def problems(self) -> list[str]:
        return []


class MapOfFeeds:
    """Feeds that tests set: tags by address."""

    def __init__(self) -> None:
        self.by_ip: dict[str, tuple[str, ...]] = {}

    def tags(self, ip: str, asn: int | None) -> tuple[str, ...]:
        return self.by_ip.get(ip, ())

    def problems(self) -> list[str]:
        return []


class Tally:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def decided(self, *, hook, level, answer, abstained) -> None:
        self.counts.update([f"decided {hook} {level} {answer}", *(f"abstained {name}" for name in abstained)])

    def break_glass_used(self, *, hook) -> None:
        self.counts[f"break-glass {hook}"] += 1

    def shadowed(self, difference) -> None:
        self.counts[f"shadow {difference}"] += 1

    def telemetry_rejected(self, reason) -> None:
        self.counts[f"rejected {reason}"] += 1

    def posture_rejected(self, reason) -> None:
        self.counts[f"posture rejected {reason}"] += 1

    def source_failed(self, source) -> None:
        self.counts[f"failed {source}"] += 1

    def dependency_unavailable(self, dependency) -> None:
        self.counts[f"unavailable {dependency}"] += 1

    def outcome(self, type_, *, learnt, duplicate) -> None:
        self.counts[f"outcome {type_} learnt={learnt} duplicate={duplicate}"] += 1

    def rolled_back(self, *, restored, erased, devices) -> None:
        self.counts.update({"restored": restored, "erased": erased, "devices": devices})


@dataclass
class House:
    """The services and a clock that tests set."""

    store: SqlStore
    tally: Tally = field(default_factory=Tally)
    feeds: MapOfFeeds = field(default_factory=MapOfFeeds)
    policy: Policy = field(default_factory=lambda: load(None))
    now: datetime = b.NOW
    backgrounds: Backgrounds = SHIPPED
    populations: Populations = field(init=False)
    asked: int = 0
    told: int = 0

    def __post_init__(self) -> None:
        self.populations = Populations(self.store, [login().issuer])

    @property
    def decider(self) -> Decider:
        return Decider(
            store=self.store,
            geolocator=MapOfPlaces(),
            feeds=self.feeds,
            pseudonymiser=Pseudonyms(b"k" * 32),
            opener=Opener(),
            observer=self.tally,
            policy_for=lambda _: self.policy,
            population_of=self.populations.of,
            backgrounds=self.backgrounds,
        )

    def ask(self, request: Request | None = None) -> Decision:
        self.asked += 1
        return self.decider.decide(request or login(), now=self.now, decision_id=f"d{self.asked}")

    def tell(self, decision: Decision, type_: OutcomeType = OutcomeType.LOGIN_SUCCEEDED, **changes) -> bool:
        self.told += 1
        request = login()
        outcome = Outcome(f"o{self.told}", request.issuer, type_, self.now, decision.id, request.subject.key)
        reporter = OutcomeReporter(self.store, self.tally, lambda _: self.policy, self.backgrounds, Opener())
        return reporter.report(replace(outcome, **changes), now=self.now)

    def familiar(self, logins: int = 4) -> None:
        """Quiet logins that were confirmed, an hour apart."""
        for _ in range(logins):
            self.tell(self.ask())
            self.now += timedelta(hours=1)


def login(ip: str = HOME_IP, cookie: str | None = "cookie-home", hook: str = Hook.LOGIN, **changes) -> Request:
    network = Network(ip=ip, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    acr = "urn:idp-adapter:acr:basic"
    asked = replace(b.request(hook), network=network, cookie_id=cookie, session=Session(sid="s", acr=acr))
    return replace(asked, **changes)


def telemetry(challenge: str = "c-1", **changes) -> str:
    keys = [[i * 150.0 + 10 * (i % 3), i * 150.0 + 90 + 10 * (i % 3)] for i in range(9)]
    fields = [{"name": "password", "keys": keys, "complete": True}]
    return json.dumps({"v": 1, "challenge": challenge, "clock_step_ms": 0.1, "fields": fields, **changes})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite", sealer=sealer(), budget_s=5.0)
    yield House(store)
    store.close()
