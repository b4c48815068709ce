"""Outcomes in the audit chain, on every store: sealed beside decisions, and found whatever is done to them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters import jose
from idp_adapter.adapters.sql import schema
from idp_adapter.core.audit import START, RecordId, RecordKind, linked
from idp_adapter.core.types import OutcomeType
from idp_adapter.services import audit as service
from idp_adapter.services.audit import Sealing
from idp_adapter.services.ports import Lesson, Retention
from tests.support.audit import LATER, LONG, faults, placed, prune, seal, verify
from tests.support.records import ALICE, BOB, NOW, REALM_A, outcome, record
from tests.support.sealing import changed, read

OUTCOMES_EXPIRE = Retention(LONG, timedelta(days=365), LONG, LONG, LONG)
DIGESTS = {  # of `record()` and an outcome: what was sealed once must verify for ever; documents differ by database
    "decision": {
        "sqlite": "97c24214b1f4de45b09aae24a54684be55ee0fadd59d6767eed44d50c0ebfce8",
        "postgresql": "4e6345ce752401931be971990a991b68601744864489f320ef0170153e4a5cda",
    },
    "outcome": {
        "sqlite": "37dc6290b2ff8139bfadc2b0ff09e5f430136119ec88a6a7357195f048c75707",
        "postgresql": "84f11dc42dc28cd8315c474e04e2b38fc642111496bd208eb54886024aa2847c",
    },
}


@pytest.fixture
def store(store_url, opened, office):
    return opened(store_url, attest=office.notary)


def told(store, id_: str, type_: OutcomeType = OutcomeType.STEP_UP_FAILED, **changes) -> bool:
    """Store an outcome that teaches nothing."""
    return store.teach(Lesson(outcome(id_, type_, **changes)))


@pytest.fixture
def reported(store, office):
    """Four decisions of two people, each with an outcome half a second later, sealed three to a segment.

    Keycloak's clock says that all happened hours before.
    """
    for number in range(4):
        at, who = NOW + timedelta(seconds=number), (ALICE, BOB)[number % 2]
        store.record(record(f"d{number}", time=at, subject=who))
        times = {"time": NOW - timedelta(hours=3), "received": at + timedelta(seconds=0.5)}
        told(store, f"o{number}", decision_id=f"d{number}", subject=who, **times)
    return seal(store, office)


def sealed_ids(store) -> list[str]:
    return [str(leaf.record_id) for number in range(1, 9) for leaf in store.audit.leaves(REALM_A, number)]


def where(verdict) -> list[str]:
    return sorted(finding.where for finding in verdict.findings)


def test_decisions_and_outcomes_are_sealed_in_the_order_in_which_they_were_stored(store, office, reported):
    assert [segment.count for segment in reported] == [3, 3, 2]
    assert sealed_ids(store) == [id_ for n in range(4) for id_ in (f"decision d{n}", f"outcome o{n}")]
    verdict = verify(store, office)
    assert (faults(verdict), verdict.sealed, verdict.unsealed) == ({}, 8, 0)


def test_an_outcome_that_comes_hours_after_its_time_is_sealed_as_of_its_receipt(store, office, reported):
    told(store, "late", time=NOW - timedelta(hours=9), received=LATER + timedelta(seconds=1))
    assert (faults(verify(store, office)), verify(store, office).unsealed) == ({}, 1)
    seal(store, office, now=LATER + timedelta(seconds=9))
    assert sealed_ids(store)[-1] == "outcome late"
    assert faults(verify(store, office)) == {}


def test_a_segment_holds_no_more_records_for_there_being_two_kinds(store, office, monkeypatch):
    monkeypatch.setattr(service, "MOST_IN_RUN", 2)
    for number in range(4):
        store.record(record(f"d{number}", learnable=None))
        told(store, f"o{number}")
    assert [[item.count for item in seal(store, office)] for _ in range(2)] == [[3, 3], [2]]
    assert faults(verify(store, office)) == {}


@pytest.mark.parametrize("record_kind", list(RecordKind))
def test_the_digest_of_a_record_is_what_it_always_was(store, kind, record_kind):
    store.record(record())
    told(store, "outcome-1", OutcomeType.LOGIN_SUCCEEDED, decision_id="decision-1", error="none")
    digests = {item.record_id.kind: item.digest.hex() for item in store.audit.unsealed(REALM_A, since_us=None, most=9)}
    assert digests[record_kind] == DIGESTS[record_kind]["postgresql" if kind == "postgresql" else "sqlite"]


def test_no_column_of_a_record_is_called_as_what_tells_digests_of_kinds_apart():
    assert "kind" not in {*schema.decision.c.keys(), *schema.outcome.c.keys()}


# --- attacks ------------------------------------------------------------------------------------------


def test_a_deleted_outcome_is_found(store, office, reported):
    changed(store, "DELETE FROM outcome WHERE id = 'o1'")
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"removed": 1}, ["outcome o1"])


@pytest.mark.parametrize(
    "change",
    [
        "type = 'step_up_succeeded'",
        "type = 'takeover_reported'",
        "decision_id = 'd0'",
        "decision_id = NULL",
        "subject_id = 'mallory'",
        "subject_type = 'service_account'",
        "client = 'other'",
        "acr = NULL",
        """methods = '["pwd"]'""",
        "country = 'SG'",
        "asn = 1",
        "latitude = latitude + 0.1",
        "error = 'x'",
        "time_us = time_us - 1",
        "received_us = received_us + 1",
        "received_us = received_us + 1000000000",
    ],
)
def test_an_altered_outcome_is_found_whatever_was_altered(store, office, reported, change):
    assert changed(store, f"UPDATE outcome SET {change} WHERE id = 'o1'") == 1
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"altered": 1}, ["outcome o1"])


def test_an_outcome_put_in_among_sealed_ones_is_found_and_never_sealed(store, office, reported):
    told(store, "forged", OutcomeType.STEP_UP_SUCCEEDED, received=NOW + timedelta(seconds=2))
    assert seal(store, office, now=LATER + timedelta(minutes=5)) == ()
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"added": 1}, ["outcome forged"])


@pytest.mark.parametrize("segment", [0, -1, 4, 999])
def test_an_outcome_put_in_with_a_leaf_of_no_segment_is_found(store, office, reported, segment):
    told(store, "forged", received=NOW + timedelta(seconds=2))
    placed(store, segment, 0, kind="outcome")
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"added": 1}, ["outcome forged"])


def test_an_outcome_given_to_another_subject_who_is_then_erased_is_found(store, office, reported):
    changed(store, "UPDATE outcome SET subject_id = 'mallory' WHERE id = 'o0'")
    store.erase(REALM_A, replace(ALICE, id="mallory"))
    store.erase(REALM_A, BOB)
    seal(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict), verdict.removed_lawfully) == ({"removed": 1}, ["outcome o0"], 4)


def test_an_outcome_given_to_another_decision_before_an_erasure_is_found(store, office, reported):
    changed(store, "UPDATE outcome SET decision_id = 'd2' WHERE id = 'o0'")
    store.erase(REALM_A, ALICE)
    seal(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict), verdict.removed_lawfully) == ({"removed": 1}, ["outcome o0"], 3)


def test_an_outcome_set_back_in_time_so_that_retention_takes_it_is_found(store, office, reported):
    changed(store, "UPDATE outcome SET time_us = 0 WHERE id = 'o1'")
    assert store.retain(OUTCOMES_EXPIRE, now=LATER)["outcome"] == 1
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"removed": 1}, ["outcome o1"])


@pytest.fixture
def namesakes(store, office):
    """A decision and an outcome of the same id, each sealed; and one of each that only the other kind has sealed."""
    store.record(record("same"))
    told(store, "same")
    store.record(record("d"))
    told(store, "o")
    seal(store, office, most=9)
    told(store, "d", received=NOW)
    store.record(record("o"))


def test_a_leaf_of_one_kind_covers_no_record_of_the_other(store, office, namesakes):
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"added": 2}, ["decision o", "outcome d"])
    changed(store, "UPDATE audit_leaf SET kind = 'outcome' WHERE record_id = 'd'")
    verdict = verify(store, office)
    assert faults(verdict) == {"added": 2, "altered": 1}
    assert where(verdict) == ["decision d", "decision o", "outcome d"]
    changed(store, "UPDATE audit_leaf SET kind = 'decision' WHERE record_id = 'o'")
    assert faults(verify(store, office)) == {"added": 2, "altered": 2}


@pytest.mark.parametrize("kind_of_record", ["decision", "outcome"])
def test_of_two_records_of_one_id_the_one_that_is_gone_is_found(store, office, namesakes, kind_of_record):
    for table, id_ in (("outcome", "d"), ("decision", "o"), (kind_of_record, "same")):
        changed(store, f"DELETE FROM {table} WHERE id = '{id_}'")
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"removed": 1}, [f"{kind_of_record} same"])


def test_a_leaf_of_a_kind_that_there_is_not_is_found(store, office, reported):
    changed(store, "UPDATE audit_leaf SET kind = 'x' WHERE record_id = 'o1'")
    verdict = verify(store, office)
    assert (faults(verdict), where(verdict)) == ({"removed": 1, "added": 1}, ["outcome o1", "x o1"])


POISON = [
    f"UPDATE outcome SET methods = '{'[' * 5_000}{']' * 5_000}' WHERE id = 'young'",
    "UPDATE outcome SET latitude = 'NaN' WHERE id = 'young'",
    "UPDATE outcome SET received_us = 4611686018427387904 WHERE id = 'young'",
]
POISON_OF_SQLITE = [
    "UPDATE outcome SET methods = x'00ff' WHERE id = 'young'",
    "UPDATE outcome SET client = CAST(x'61ff62' AS TEXT) WHERE id = 'young'",
    "UPDATE outcome SET received_us = 'x' WHERE id = 'young'",
    "UPDATE outcome SET asn = 9e999 WHERE id = 'young'",
]


def poisoned_and_sealed(store, office, statement: str) -> None:
    told(store, "young", received=LATER)
    store.record(record("younger", time=LATER + timedelta(seconds=1), learnable=None))
    assert changed(store, statement) == 1
    assert [item.count for item in seal(store, office, now=LATER + timedelta(seconds=5))] == [2]
    assert faults(verify(store, office)) == {}
    changed(store, "UPDATE outcome SET acr = 'other' WHERE id = 'young'")
    assert faults(verify(store, office)) == {"altered": 1}


@pytest.mark.parametrize("statement", POISON, ids=lambda statement: statement[:40])
def test_an_outcome_that_can_not_be_read_stops_no_sealing(store, office, reported, statement):
    poisoned_and_sealed(store, office, statement)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@pytest.mark.parametrize("statement", POISON_OF_SQLITE, ids=lambda statement: statement[:40])
def test_what_sqlite_takes_for_an_outcome_stops_no_sealing(store, office, reported, statement):
    poisoned_and_sealed(store, office, statement)


# --- lawful removal -------------------------------------------------------------------------------------


def test_an_erasure_states_outcomes_apart_from_decisions_and_leaves_the_chain_whole(store, office, reported):
    store.erase(REALM_A, ALICE)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({}, 4)
    said = [json.loads(jose.read_jws(item.statement).payload) for item in store.audit.pending(REALM_A)]
    assert [(one["kind"], one["count"]) for one in said] == [("erased", 2)] * 2
    assert "alice" not in str(said)
    seal(store, office)
    assert faults(verify(store, office)) == {}


def test_outcomes_that_expire_before_their_decisions_leave_a_statement_and_the_rest_verifies(store, office, reported):
    assert store.retain(OUTCOMES_EXPIRE, now=LATER + timedelta(days=400))["outcome"] == 4
    seal(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({}, 4)
    assert read(store, "SELECT count(*) FROM decision")[0][0] == 4


def test_an_outcome_that_was_never_sealed_is_removed_without_a_statement(store, office):
    told(store, "o0")
    store.erase(REALM_A, ALICE)
    assert store.audit.removals(REALM_A) == []
    assert faults(verify(store, office)) == {}


def test_an_outcome_that_is_reported_again_after_its_subject_was_erased_was_stored_before(store, office, reported):
    store.erase(REALM_A, ALICE)
    seal(store, office)
    assert not told(store, "o0", decision_id="d0", time=NOW, received=LATER + timedelta(minutes=1))
    assert told(store, "d0", received=LATER + timedelta(minutes=1))  # an outcome of a decision's id is another record
    assert store.export(REALM_A, ALICE)["outcomes"][0]["id"] == "d0"
    assert faults(verify(store, office)) == {}


def test_an_outcome_erased_while_it_is_being_sealed_is_not_sealed(store, office):
    for number in range(3):
        told(store, f"o{number}")
    unsealed = store.audit.unsealed(REALM_A, since_us=None, most=9)
    segment = linked(START, REALM_A, 1, [item.digest for item in unsealed], [])
    changed(store, "DELETE FROM outcome WHERE id = 'o1'")
    assert not store.audit.append(replace(segment, checkpoint="x"), unsealed, [])
    assert store.audit.last(REALM_A) is None
    assert [item.count for item in seal(store, office)] == [2]


def test_processes_that_seal_at_once_while_a_subject_is_erased_make_one_chain_of_both_kinds(store, office):
    for number in range(20):
        at, who = NOW + timedelta(seconds=number), (ALICE, BOB)[number % 2]
        store.record(record(f"d{number}", time=at, subject=who, learnable=None))
        told(store, f"o{number}", subject=who, received=at)
    sealing = Sealing(store.audit, office.notary)
    with ThreadPoolExecutor(4) as callers:
        erasing = callers.submit(store.erase, REALM_A, BOB)
        list(callers.map(lambda _: tuple(sealing.seal(REALM_A, now=LATER)), range(8)))
        erasing.result()
    tuple(sealing.seal(REALM_A, now=LATER))
    verdict = verify(store, office)
    assert (faults(verdict), verdict.sealed - verdict.removed_lawfully, verdict.unsealed) == ({}, 20, 0)


# --- pruning --------------------------------------------------------------------------------------------


def test_a_segment_is_forgotten_once_its_records_of_both_kinds_are_gone(store, office, reported):
    later = NOW + timedelta(days=400)
    store.retain(OUTCOMES_EXPIRE, now=later)
    seal(store, office)
    assert prune(store, office) == 0
    store.retain(Retention(timedelta(days=365), LONG, LONG, LONG, LONG), now=later)
    seal(store, office)
    assert prune(store, office) == 8
    verdict = verify(store, office)
    assert (faults(verdict), verdict.base.number, verdict.sealed) == ({}, 4, 0)
    told(store, "forged", received=NOW)
    assert where(verify(store, office)) == ["outcome forged"]


def test_pruning_forgets_of_two_records_of_one_id_the_one_that_is_gone(store, office):
    store.record(record("same", subject=BOB))
    told(store, "same", received=NOW + timedelta(seconds=1))
    store.record(record("last", time=NOW + timedelta(seconds=2)))
    seal(store, office, most=1)
    store.erase(REALM_A, BOB)
    seal(store, office)
    assert prune(store, office) == 1
    verdict = verify(store, office)
    assert (faults(verdict), verdict.sealed) == ({}, 2)
    assert store.audit.leaves(REALM_A, 2)[0].record_id == RecordId("outcome", "same")
