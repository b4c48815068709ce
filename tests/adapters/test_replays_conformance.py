"""Replays: what a database groups and one answer judges is what each decision by itself would have got."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.sql import replay as module
from idp_adapter.core.differences import difference
from idp_adapter.core.environments import Site, Whereabouts, heard_in
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import BreakGlass, decide
from idp_adapter.core.policy_layers import Layer, Override, ordered
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.replay import read_again
from idp_adapter.core.types import Evidence, Hook, Origin, Place, Reason, SubjectId
from idp_adapter.core.types.facts import Facts
from idp_adapter.services.replay import Replayer
from tests.core.policies import BASIC, MFA, PHR, named, shipped
from tests.support.records import NOW, REALM_A, REALM_B, record
from tests.support.sealing import changed as changed_rows

SINCE, UNTIL = NOW - timedelta(days=2), NOW + timedelta(days=2)
CODES = ("device_unknown", "travel_impossible", "network_new")


def decided(number: int, chance: random.Random, *, issuer: str = REALM_A):
    """One random decision, recorded under the policy that ships."""
    contributions = [
        Evidence(f"s{i}", nats := chance.uniform(-1.5, 2.2), (Reason(chance.choice(CODES), nats),),
                 behavioural=chance.random() < 0.3)
        for i in range(4)
    ]  # fmt: skip
    facts = Facts(
        hook=chance.choice([*Hook, "read"]),
        realm=issuer,
        client=chance.choice(["spa", "payout"]),
        subject=SubjectId("user", chance.choice(["alice", "bob", "carol"])),
        groups=frozenset(chance.sample(["/a", "/b"], chance.randint(0, 2))),
        networks=frozenset({"public", chance.choice(["public", "vpn", "deny"])}),
        country=chance.choice(["PT", "SG", ""]),
        session_acr=chance.choice([None, BASIC, MFA]),
        auth_age_s=chance.choice([None, 0, 50, 60, 61, 900, 901, 90_000]),
        session_age_s=chance.choice([None, 0, 3600, 3601]),
        access_token_s=chance.choice([None, 60, 300]),
        is_exempt=chance.random() < 0.2,
        demands=chance.choice([0, 0, 12]),
    )
    risk = fuse(heard_in((), contributions), shipped().settings.scale)
    decision = decide(shipped(), facts, risk, decision_id=f"d{number}")
    place = Place(facts.country or None, 1, *chance.choice([(38.7, -9.1, 5.0), (1.3, 103.8, 5.0), (None, None, None)]))
    return replace(
        record(f"d{number}"),
        issuer=issuer,
        decision=decision,
        subject=facts.subject,
        hook=facts.hook,
        client=facts.client,
        time=NOW + timedelta(seconds=chance.randint(-80_000, 80_000)),
        origin=Origin("a", "p", place),
        learnable=None,
        facts=facts,
    )


def changed(**settings):
    return replace(shipped(), settings=replace(shipped().settings, **settings))


LOOSE = {"medium": 0.3, "high": 0.6}
ALWAYS = {"acr_low": PHR, "acr_medium": PHR, "acr_high": PHR}
LAYERS = ordered(
    [
        Override("a", Layer.CLIENT, Condition(client=named("payout")), LOOSE, may_loosen=True),
        Override("b", Layer.MEMBERSHIP, Condition(group=named("/a")), ALWAYS),
    ]
)
CANDIDATES = {
    "the same": shipped(),
    "thresholds": changed(medium=0.03, high=0.1, refuse_token=0.6, refuse=0.8),
    "another prior": changed(prior=0.05, floor=0.05),
    "another prior and rules": replace(
        changed(prior=0.03, quorum=6),
        rules=(Rule("travel", Condition(reason=named("travel_impossible")), Effect(refuse=True)),),
    ),
    "another prior for one": replace(
        shipped(), overrides=(Override("p", Layer.CLIENT, Condition(client=named("spa")), {"prior": 0.04}),)
    ),
    "layers": replace(shipped(), overrides=LAYERS),
    "rules": replace(
        shipped(),
        rules=(
            Rule("age", Condition(auth_age_over_s=60, session_age_over_s=3600), Effect(require_acr=MFA, max_age_s=50)),
            Rule("travel", Condition(reason=named("travel_impossible")), Effect(refuse=True)),
            Rule("hours", Condition(hour=frozenset({7, 8, 9, 22})), Effect(limit=True)),
            Rule("bob", Condition(subject=named("bob")), Effect(access_token_lifespan_s=30)),
            Rule("abroad", Condition(), Effect(require_acr=MFA), Condition(country=named("PT"))),
        ),
    ),
    "places unknown": replace(
        shipped(),
        rules=(
            Rule("hidden", Condition(place_known=False), Effect(require_acr=MFA)),
            Rule("abroad", Condition(country=named("SG")), Effect(limit=True)),
        ),
    ),
    "places": replace(
        shipped(),
        whereabouts=Whereabouts(sites=(Site("lisbon", Place(latitude=38.7, longitude=-9.1), 30.0),)),
        rules=(Rule("away", Condition(), Effect(limit=True), Condition(site=named("lisbon"))),),
        break_glass=(BreakGlass("g", SubjectId("user", "carol")),),
    ),
}  # fmt: skip


@pytest.fixture
def records(store):
    chance = random.Random(7)
    kept = [decided(number, chance) for number in range(400)]
    for item in kept:
        store.record(item)
    store.record(decided(9999, chance, issuer=REALM_B))
    store.record(replace(kept[0], decision=replace(kept[0].decision, id="old"), facts=None))
    return kept


def one_by_one(candidate, records) -> Counter:
    found: Counter = Counter()
    for item in records:
        facts, risk = read_again(candidate, item.facts, item.decision.risk, time=item.time, place=item.origin.place)
        other = decide(candidate, facts, risk, decision_id="")
        found[(difference(item.decision, other, facts, candidate.ladder), item.client, item.facts.is_exempt)] += 1
    return found


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_grouped_replay_is_the_sum_of_decisions_judged_one_by_one(store, records, name, monkeypatch):
    monkeypatch.setattr(module, "MOST_IN_SLICE", 90)
    candidate = CANDIDATES[name]
    told = []
    report = Replayer(store.replays, shipped()).replay(
        candidate, REALM_A, since=SINCE, until=UNTIL, on_progress=lambda done, of: told.append((done, of))
    )
    expected = one_by_one(candidate, records)
    by_client, by_exemption = {}, {}
    for (kind, client, exempt), count in expected.items():
        by_client.setdefault(client, Counter())[kind] += count
        by_exemption.setdefault("exempt from behaviour" if exempt else "not exempt", Counter())[kind] += count
    assert report.by_client == by_client
    assert report.by_exemption == by_exemption
    assert (report.judged, report.without_facts) == (400, 1)
    assert told[-1] == (401, 401)
    assert len(told) >= 4


def test_a_replay_takes_only_its_span_of_time(store, records):
    report = Replayer(store.replays, shipped()).replay(
        shipped(), REALM_A, since=NOW, until=UNTIL, on_progress=lambda *_: None
    )
    assert report.judged + report.without_facts == store.replays.count(REALM_A, since=NOW, until=UNTIL)
    assert 0 < report.judged < 400


@pytest.mark.parametrize("name", ["the same", "another prior", "another prior for one"])
@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE decision SET facts = '{"v": 99}' WHERE id = 'd3'""",
        """UPDATE decision SET obligations = '[]' WHERE id = 'd3'""",
        """UPDATE decision SET evidence = '{"v": 1}' WHERE id = 'd3'""",
        """UPDATE decision SET evidence = '{"v": 1, "contributions": [{"source": 1}]}' WHERE id = 'd3'""",
    ],
)
def test_a_damaged_decision_is_counted_apart_and_the_others_are_judged(store, records, name, statement):
    assert changed_rows(store, statement) == 1
    report = Replayer(store.replays, shipped()).replay(
        CANDIDATES[name], REALM_A, since=SINCE, until=UNTIL, on_progress=lambda *_: None
    )
    reads_it = "evidence" not in statement or name != "the same"
    assert (report.judged, report.unreadable) == ((399, 1) if reads_it else (400, 0))


def test_a_realm_without_decisions_has_an_empty_report(store):
    report = Replayer(store.replays, shipped()).replay(
        shipped(), REALM_A, since=SINCE, until=UNTIL, on_progress=lambda *_: None
    )
    assert report.judged == 0
