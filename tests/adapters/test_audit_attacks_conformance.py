"""Somebody who writes to the database, and knows how the chain is made, against every store: all is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.notary import read_unverified
from idp_adapter.errors import RequestInvalid, Unavailable
from idp_adapter.services.audit_verification import Verification
from idp_adapter.services.ports import Retention
from tests.support.audit import LATER, LONG, faults, placed, seal, stated, unsigned, verify
from tests.support.records import ALICE, BOB, NOW, REALM_A, record
from tests.support.sealing import changed, read

EXPIRE_ALL_OF_THEN = Retention(timedelta(days=365), LONG, LONG, LONG, LONG)


@pytest.fixture
def store(store_url, opened, office):
    return opened(store_url, attest=office.notary)


# --- lawful removal as a cover ------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [0, -1, 4, 999])
def test_a_forged_statement_is_not_trusted_for_a_segment_that_does_not_exist(store, office, sealed, segment):
    digest = store.audit.leaves(REALM_A, 1)[1].digest.hex()
    said = {"sub": REALM_A, "jti": "forged", "kind": "erased", "root": digest, "count": 1}
    changed(store, "DELETE FROM decision WHERE id = 'd1'")
    stated(store, unsigned(said), segment)
    changed(store, "UPDATE audit_leaf SET removal = 'forged' WHERE record_id = 'd1'")
    assert faults(verify(store, office)) == {"statement": 1}


def test_a_decision_set_back_in_time_so_that_retention_takes_it_is_found(store, office, sealed):
    changed(store, "UPDATE decision SET time_us = 0 WHERE id = 'd4'")
    assert store.retain(EXPIRE_ALL_OF_THEN, now=LATER)["decision"] == 1
    seal(store, office)
    verdict = verify(store, office)
    assert faults(verdict) == {"removed": 1}
    assert verdict.findings[0].where == "decision d4"


def test_a_decision_given_to_another_subject_who_is_then_erased_is_found(store, office, sealed):
    changed(store, "UPDATE decision SET subject_id = 'mallory' WHERE id = 'd4'")
    store.erase(REALM_A, replace(ALICE, id="mallory"))
    store.erase(REALM_A, BOB)
    seal(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({"removed": 1}, 3)
    assert verdict.findings[0].where == "decision d4"


def test_an_altered_decision_does_not_expire_into_order(store, office, sealed):
    changed(store, "UPDATE decision SET probability = 0.01 WHERE id = 'd4'")
    store.retain(EXPIRE_ALL_OF_THEN, now=LATER + timedelta(days=400))
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({"removed": 1}, 6)


def test_what_was_removed_and_restored_may_be_removed_again(store, office, sealed):
    kept = store.decision(REALM_A, "d4")
    store.erase(REALM_A, ALICE)
    store.record(replace(kept, learnable=None))
    assert faults(verify(store, office)) == {}
    store.erase(REALM_A, ALICE)
    assert faults(verify(store, office)) == {}


# --- forged places in the chain -------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [0, -1, 4, 999])
def test_a_decision_put_in_with_a_leaf_of_no_segment_is_found(store, office, sealed, segment):
    store.record(record("forged", time=NOW + timedelta(seconds=2)))
    placed(store, segment, 0)
    verdict = verify(store, office)
    assert faults(verdict) == {"added": 1}
    assert verdict.findings[0].where == "decision forged"


def test_two_decisions_that_changed_places_are_found(store, office, sealed):
    for old, new in (("d3", "x"), ("d4", "d3"), ("x", "d4")):
        changed(store, "UPDATE decision SET id = :new WHERE id = :old", old=old, new=new)
    verdict = verify(store, office)
    assert faults(verdict) == {"altered": 2}
    assert {finding.where for finding in verdict.findings} == {"decision d3", "decision d4"}


@pytest.mark.parametrize("column", ["probability", "nats", "prior_nats", "without_behaviour"])
def test_risk_in_numbers_is_sealed(store, office, sealed, column):
    changed(store, f"UPDATE decision SET {column} = {column} + 0.0000001 WHERE id = 'd4'")
    assert faults(verify(store, office)) == {"altered": 1}


def test_a_chain_that_is_gone_whole_is_found_by_a_checkpoint_kept_elsewhere(store, office, sealed):
    kept = read_unverified(REALM_A, sealed[1].checkpoint)
    for table in ("audit_segment", "audit_leaf", "audit_removal"):
        changed(store, f"DELETE FROM {table}")
    assert faults(verify(store, office)) == {}
    assert faults(verify(store, office, known=[kept])) == {"truncated": 1}


# --- poison ---------------------------------------------------------------------------------------------


POISON = [
    f"UPDATE decision SET facts = '{'[' * 5_000}{']' * 5_000}' WHERE id = 'young'",
    f"""UPDATE decision SET shadow = '{{"v": 1{"0" * 5000}}}' WHERE id = 'young'""",
    "UPDATE decision SET client = x'00ff' WHERE id = 'young'",
    "UPDATE decision SET nats = 'NaN' WHERE id = 'young'",
    "UPDATE decision SET nats = '-Infinity' WHERE id = 'young'",
    "UPDATE decision SET facts = '1e400' WHERE id = 'young'",
]
POISON_THAT_POSTGRESQL_REFUSES = [
    "UPDATE decision SET evidence = 'not JSON' WHERE id = 'young'",
    f"UPDATE decision SET evidence = '{'[' * 20_000}' WHERE id = 'young'",
    "UPDATE decision SET evidence = x'00ff' WHERE id = 'young'",
    "UPDATE decision SET nats = 9e999 WHERE id = 'young'",
]


def poisoned_and_sealed(store, office, statement: str) -> None:
    store.record(record("young", time=LATER, learnable=None))
    store.record(record("younger", time=LATER + timedelta(seconds=1), learnable=None))
    assert changed(store, statement) == 1
    now = LATER + timedelta(seconds=5)
    assert [item.count for item in seal(store, office, now=now)] == [2]
    assert faults(verify(store, office)) == {}
    changed(store, "UPDATE decision SET client = 'other' WHERE id = 'young'")
    assert faults(verify(store, office)) == {"altered": 1}


@pytest.mark.parametrize("statement", POISON, ids=lambda statement: statement[:40])
def test_a_decision_that_can_not_be_read_stops_no_sealing(store, office, sealed, statement):
    poisoned_and_sealed(store, office, statement)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@pytest.mark.parametrize("statement", POISON_THAT_POSTGRESQL_REFUSES, ids=lambda statement: statement[:40])
def test_what_sqlite_takes_for_a_decision_stops_no_sealing(store, office, sealed, statement):
    poisoned_and_sealed(store, office, statement)


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("statement", POISON_THAT_POSTGRESQL_REFUSES, ids=lambda statement: statement[:40])
def test_what_postgresql_does_not_take_for_a_decision_changes_nothing(store, office, sealed, statement):
    with pytest.raises((RequestInvalid, Unavailable)):
        changed(store, statement.replace("'young'", "'d0'"))
    assert faults(verify(store, office)) == {}


# --- what no service ever wrote ---------------------------------------------------------------------------

FORGED = [
    ("audit_segment SET number = -1 WHERE number = 1", {"link": 3, "statement": 1}),
    ("audit_segment SET number = -1 WHERE number = 4", {"link": 1}),
    ("audit_segment SET count = -1 WHERE number = 2", {"link": 1, "segment": 1}),
    ("audit_segment SET time_us = 9223372036854775807 WHERE number = 4", {"link": 1}),
    ("audit_segment SET time_us = -9223372036854775807 WHERE number = 4", {"link": 1}),
    ("audit_segment SET checkpoint = '' WHERE number = 4", {"checkpoint": 1}),
    ("audit_leaf SET position = -1 WHERE record_id = 'd4'", {"segment": 1}),
    ("audit_removal SET segment = -1", {"segment": 1}),
]
FORGED_IN_SQLITE = [
    ("audit_segment SET number = 9223372036854775807 WHERE number = 4", {"link": 1}),
    ("audit_segment SET number = 'x' WHERE number = 2", {"link": 3, "statement": 1}),
    ("audit_segment SET number = 2.5 WHERE number = 2", {"link": 3, "statement": 1}),
    ("audit_segment SET time_us = 'x' WHERE number = 4", {"link": 1}),
    ("audit_segment SET time_us = 1.5 WHERE number = 2", {"link": 1}),
    ("audit_segment SET count = 9223372036854775807 WHERE number = 2", {"link": 1, "segment": 1}),
    ("audit_segment SET root = 'x' WHERE number = 2", {"link": 1, "segment": 1}),
    ("audit_segment SET head = 999999999999 WHERE number = 4", {"link": 1, "checkpoint": 1}),
    ("audit_segment SET checkpoint = x'00' WHERE number = 4", {"checkpoint": 1}),
    ("audit_leaf SET digest = 'x' WHERE record_id = 'd4'", {"segment": 1, "altered": 1}),
    ("audit_leaf SET record_id = x'00' WHERE record_id = 'd4'", {"removed": 1, "added": 1}),
    ("audit_leaf SET removal = x'00' WHERE record_id = 'd4'", {"statement": 1}),
    ("audit_removal SET statement = x'ff'", {"statement": 1, "segment": 1}),
    ("audit_removal SET id = x'00', segment = 'x'", {"statement": 2, "segment": 1}),
    ("decision SET time_us = 'x' WHERE id = 'd4'", {"altered": 1}),
]


@pytest.fixture
def erased(store, office, sealed):
    """Seven decisions in three segments, and a fourth that holds the statement of an erasure."""
    store.erase(REALM_A, BOB)
    (segment,) = seal(store, office)
    assert (segment.number, segment.count) == (4, 0)


def forged_and_found(store, office, change: str, found: dict[str, int]) -> None:
    assert changed(store, f"UPDATE {change}") == 1
    assert faults(verify(store, office)) == found


@pytest.mark.parametrize(("change", "found"), FORGED, ids=lambda value: str(value)[:60])
def test_a_value_that_no_chain_has_is_found_and_stops_no_verification(store, office, erased, change, found):
    forged_and_found(store, office, change, found)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@pytest.mark.parametrize(("change", "found"), FORGED_IN_SQLITE, ids=lambda value: str(value)[:60])
def test_a_value_of_another_type_is_found_and_stops_no_verification(store, office, erased, change, found):
    forged_and_found(store, office, change, found)


@pytest.mark.parametrize("time_us", [2**63 - 1, 2**61, -(2**63) + 1])
def test_a_segment_of_another_age_does_not_end_the_chain(store, office, sealed, time_us):
    changed(store, f"UPDATE audit_segment SET time_us = {time_us} WHERE number = 3")
    store.record(record("young", time=LATER))
    assert [segment.count for segment in seal(store, office, now=LATER)] == [1]
    assert faults(verify(store, office)) == {"link": 1}


# --- a service that goes on ------------------------------------------------------------------------------


class Meanwhile:
    """The log of a running service: something happens after the first segment was looked at."""

    def __init__(self, log, happens) -> None:
        self._log, self._happens = log, happens

    def __getattr__(self, name):
        return getattr(self._log, name)

    def leaves(self, issuer, number):
        found = self._log.leaves(issuer, number)
        happens, self._happens = self._happens, lambda: None
        happens()
        return found


@pytest.mark.parametrize("and_then_seals", [False, True])
def test_a_verification_beside_a_running_service_finds_no_fault(store, office, sealed, and_then_seals):
    store.retain(Retention(timedelta(seconds=1), LONG, LONG, LONG, LONG), now=NOW + timedelta(seconds=2))

    def happens() -> None:
        store.erase(REALM_A, ALICE)
        store.record(record("young", time=LATER + timedelta(seconds=1)))
        if and_then_seals:
            seal(store, office, now=LATER + timedelta(seconds=2))

    verdict = Verification(Meanwhile(store.audit, happens), office.notary).verify(REALM_A)
    assert (faults(verdict), verdict.segments) == ({}, 3)
    assert faults(verify(store, office)) == {}


def test_statements_survive_retention_erasure_and_rotated_keys_in_between(store, office, sealed):
    store.erase(REALM_A, BOB)
    seal(store, office)
    office.keys.rotate(NOW + timedelta(seconds=5))
    office.now = NOW + timedelta(days=3)
    office.keys.rotate(office.now)
    store.record(record("young", time=office.now))
    seal(store, office, now=office.now)
    store.retain(Retention(timedelta(days=2), LONG, LONG, LONG, LONG), now=office.now)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({}, 7)
    assert read(store, "SELECT count(*) FROM decision")[0][0] == 1
    changed(store, "DELETE FROM decision WHERE id = 'young'")
    assert faults(verify(store, office)) == {"removed": 1}
