"""One suite for every store: the picture that it gives of a realm's population."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_adapter.adapters.sql import population, statements
from idp_adapter.core.population import Attempts
from idp_adapter.core.types import Origin, OutcomeType, Place, SubjectId
from idp_adapter.services.ports import Lesson
from tests.support.records import NOW, REALM_A, REALM_B, outcome

HOUR = timedelta(hours=1)
OFFICE = Origin("office", "office-24", Place("PT", 64500))
CAFE = Origin("cafe", "cafe-24", Place("PT", 64501))
BOTS = Origin("bot", "bot-24", Place("SG", 64999))


def tell(store, id_: str, who: str | None = "alice", origin: Origin = OFFICE, **changes) -> None:
    subject = None if who is None else SubjectId("user", who)
    type_ = changes.pop("type_", OutcomeType.LOGIN_SUCCEEDED)
    failed = type_ is OutcomeType.LOGIN_FAILED
    store.teach(Lesson(outcome(id_, type_, **{"subject": subject, "origin": origin, **changes}), failure=failed))


def test_a_realm_without_outcomes_has_no_population(store):
    empty = store.population(REALM_A, since=NOW)
    assert (empty.subjects, dict(empty.attempts)) == (0, {})


def test_subjects_are_counted_once_by_each_value_of_each_level(store):
    for i in range(3):
        tell(store, f"office-{i}", f"user-{i}")
        tell(store, f"again-{i}", f"user-{i}")
    tell(store, "cafe", "user-0", CAFE)
    seen = store.population(REALM_A, since=NOW)
    assert seen.subjects == 3
    assert seen.counts == {
        "address": {"office": 3, "cafe": 1},
        "prefix": {"office-24": 3, "cafe-24": 1},
        "asn": {"64500": 3, "64501": 1},
        "country": {"PT": 3},
    }


def test_failures_machines_and_other_realms_are_not_the_population(store):
    tell(store, "failed", type_=OutcomeType.LOGIN_FAILED)
    tell(store, "out", type_=OutcomeType.LOGOUT)
    tell(store, "machine", subject=SubjectId("service_account", "job"))
    tell(store, "elsewhere", issuer=REALM_B)
    tell(store, "nowhere", "bob", Origin())
    seen = store.population(REALM_A, since=NOW - HOUR)
    assert (seen.subjects, seen.counts["asn"]) == (1, {})
    assert store.population(REALM_B, since=NOW).counts["country"] == {"PT": 1}


def test_attempts_of_a_network_are_counted_by_subject_and_since_a_time(store):
    for i in range(4):
        tell(store, f"spray-{i}", f"victim-{i}", BOTS, type_=OutcomeType.LOGIN_FAILED)
        tell(store, f"more-{i}", f"victim-{i}", BOTS, type_=OutcomeType.LOGIN_FAILED)
        tell(store, f"guess-{i}", None, BOTS, type_=OutcomeType.LOGIN_FAILED)
    tell(store, "hit", "victim-9", BOTS)
    tell(store, "old", "victim-8", BOTS, type_=OutcomeType.LOGIN_FAILED, time=NOW - HOUR)
    assert store.population(REALM_A, since=NOW).attempts == {64999: Attempts(failed=4, nameless=4, succeeded=1)}


@pytest.fixture
def compiled_anew():
    """Statements with what a test set; they are kept for as long as a process lives."""
    statements.compiled.cache_clear()
    yield
    statements.compiled.cache_clear()


def test_only_the_newest_outcomes_and_the_most_common_values_are_looked_at(
    opened, store_url, monkeypatch, compiled_anew
):
    monkeypatch.setattr(population, "MOST_SAMPLED", 10)
    monkeypatch.setattr(population, "MOST_COMMON", 2)
    monkeypatch.setattr(population, "MOST_NETWORKS", 1)
    store = opened(store_url)
    for i in range(14):
        origin = Origin(f"a-{min(i, 12)}", "p", Place("PT", 64500 + i % 2))
        tell(store, f"o-{i}", f"user-{i}", origin, time=NOW + timedelta(seconds=i))
    seen = store.population(REALM_A, since=NOW)
    assert seen.subjects == 10
    assert len(seen.counts["address"]) == 2
    assert seen.counts["address"]["a-12"] == 2
    assert len(seen.attempts) == 1
