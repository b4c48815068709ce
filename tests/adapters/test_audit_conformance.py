"""The audit chain under attack, on every store: what is removed, added, altered, forged or cut is found."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp_adapter.adapters import jose
from idp_adapter.adapters.notary import REMOVAL, read_unverified
from idp_adapter.core.audit import START, Fault, leaf_digest, linked
from idp_adapter.services import audit as service
from idp_adapter.services import audit_verification
from idp_adapter.services.audit import Sealing
from idp_adapter.services.ports import Retention
from tests.support.audit import LATER, LONG, Office, faults, seal, stated, verify
from tests.support.records import ALICE, NOW, REALM_A, REALM_B, outcome, record
from tests.support.sealing import changed, lesson


@pytest.fixture
def store(store_url, opened, office):
    return opened(store_url, attest=office.notary)


def test_what_was_decided_is_sealed_once_and_verifies(store, office, sealed):
    assert [segment.count for segment in sealed] == [3, 3, 1]
    assert seal(store, office) == ()
    verdict = verify(store, office)
    assert faults(verdict) == {}
    assert (verdict.segments, verdict.sealed, verdict.unsealed) == (3, 7, 0)
    assert verdict.head == sealed[-1].head.hex()


def test_each_realm_has_its_own_chain(store, office, sealed):
    store.record(record("other", issuer=REALM_B))
    (other,) = seal(store, office, REALM_B)
    assert other.number == 1
    assert faults(verify(store, office, REALM_B)) == {}
    assert verify(store, office).sealed == 7
    assert verify(store, office, "https://nowhere.example").segments == 0


def test_what_is_younger_than_the_last_checkpoint_counts_as_not_yet_sealed(store, office, sealed):
    store.record(record("young", time=LATER))
    verdict = verify(store, office)
    assert (faults(verdict), verdict.unsealed) == ({}, 1)
    assert [segment.count for segment in seal(store, office)] == [1]


def test_a_commit_that_came_late_is_sealed_with_the_next_segment(store, office, sealed):
    store.record(record("late", time=LATER - timedelta(seconds=30)))
    seal(store, office, now=LATER + timedelta(seconds=10))
    assert faults(verify(store, office)) == {}


def test_a_run_is_bounded_and_the_next_goes_on(store, office, monkeypatch):
    monkeypatch.setattr(service, "MOST_IN_RUN", 2)
    for number in range(8):
        store.record(record(f"d{number}", time=NOW + timedelta(seconds=number), learnable=None))
    assert [[item.count for item in seal(store, office)] for _ in range(3)] == [[3, 3], [2], []]
    assert faults(verify(store, office)) == {}


# --- attacks on decisions -----------------------------------------------------------------------------


def test_a_deleted_decision_is_found(store, office, sealed):
    assert changed(store, "DELETE FROM decision WHERE id = :id", id="d4") == 1
    verdict = verify(store, office)
    assert faults(verdict) == {"removed": 1}
    assert verdict.findings[0].where == "decision d4"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decision SET permitted = true WHERE id = 'd4'",
        "UPDATE decision SET probability = 0.01 WHERE id = 'd4'",
        "UPDATE decision SET client = 'other' WHERE id = 'd4'",
        "UPDATE decision SET subject_id = 'mallory' WHERE id = 'd4'",
        "UPDATE decision SET sid = NULL WHERE id = 'd4'",
        "UPDATE decision SET policy_version = '2' WHERE id = 'd4'",
        """UPDATE decision SET evidence = '{"v": 1, "contributions": [], "reasons": []}' WHERE id = 'd4'""",
        """UPDATE decision SET obligations = '{"v": 2}' WHERE id = 'd4'""",
        "UPDATE decision SET time_us = time_us - 1 WHERE id = 'd4'",
        "UPDATE decision SET inputs = 'x' WHERE id = 'd4'",
        """UPDATE decision SET shadow = '{"v": 1}' WHERE id = 'd4'""",
    ],
)
def test_an_altered_decision_is_found_whatever_was_altered(store, office, sealed, statement):
    assert changed(store, statement) == 1
    verdict = verify(store, office)
    assert faults(verdict) == {"altered": 1}
    assert verdict.findings[0].where == "decision d4"


def test_a_decision_put_in_among_sealed_ones_is_found_and_never_sealed(store, office, sealed):
    store.record(record("forged", time=NOW + timedelta(seconds=2)))
    assert seal(store, office, now=LATER + timedelta(minutes=5)) == ()
    verdict = verify(store, office)
    assert faults(verdict) == {"added": 1}
    assert verdict.findings[0].where == "decision forged"


def test_what_outcomes_and_retention_change_lawfully_is_no_fault(store, office, sealed):
    store.teach(replace(lesson("o1"), outcome=outcome("o1", decision_id="d0", received=LATER), settles=True))
    store.retain(Retention(LONG, LONG, LONG, LONG, timedelta(0)), now=LATER)
    assert store.decision(REALM_A, "d0").learnable is None
    assert faults(verify(store, office)) == {}


# --- attacks on the chain -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit_leaf SET digest = (SELECT digest FROM audit_leaf WHERE record_id = 'd0') "
         "WHERE record_id = 'd4'", {"segment": 1, "altered": 1}),
        ("UPDATE audit_leaf SET record_id = 'd9' WHERE record_id = 'd4'", {"removed": 1, "added": 1}),
        ("DELETE FROM audit_leaf WHERE record_id = 'd4'", {"segment": 1, "added": 1}),
        ("UPDATE audit_leaf SET removal = 'made-up' WHERE record_id = 'd4'", {"statement": 1}),
        ("UPDATE audit_segment SET head = root WHERE number = 2", {"link": 2}),
        ("UPDATE audit_segment SET count = 2 WHERE number = 2", {"link": 1, "segment": 1}),
        ("UPDATE audit_segment SET time_us = time_us + 1 WHERE number = 3", {"link": 1}),
        ("DELETE FROM audit_segment WHERE number = 2", {"link": 2}),
        ("DELETE FROM audit_segment WHERE number = 1", {"link": 2}),
    ],
)  # fmt: skip
def test_a_changed_leaf_or_link_is_found(store, office, sealed, statement, found):
    assert changed(store, statement) == 1
    assert faults(verify(store, office)) == found


def test_a_checkpoint_of_another_key_realm_or_segment_is_found(store, office, sealed, tmp_path):
    thief = Office(tmp_path / "thief").notary
    for forged in (
        thief.certify(sealed[-1], now=NOW),
        office.notary.certify(replace(sealed[-1], issuer=REALM_B), now=NOW),
        office.notary.certify(sealed[0], now=NOW),
        office.signer.sign({"sub": REALM_A, "number": 3, "head": sealed[-1].head.hex()}, typ=REMOVAL),
        "no.jws.here",
    ):
        changed(store, "UPDATE audit_segment SET checkpoint = :text WHERE number = 3", text=forged)
        assert faults(verify(store, office)) == {"checkpoint": 1}


def test_a_chain_that_a_thief_made_anew_is_found_by_its_signature(store, office, sealed, tmp_path):
    """Whoever writes to the database can make every digest right again; the signature they can't."""
    changed(store, "UPDATE decision SET client = 'other' WHERE id = 'd4'")
    for table in ("audit_segment", "audit_leaf"):
        changed(store, f"DELETE FROM {table}")
    thief = Office(tmp_path / "thief")
    seal(store, thief)
    assert faults(verify(store, office)) == {"checkpoint": 1}
    assert faults(verify(store, thief)) == {}


def test_a_tail_that_was_cut_is_found_by_a_checkpoint_kept_elsewhere(store, office, sealed):
    kept = read_unverified(REALM_A, sealed[-1].checkpoint)
    assert faults(verify(store, office, known=[kept])) == {}
    changed(store, "DELETE FROM decision WHERE id = 'd6'")
    changed(store, "DELETE FROM audit_leaf WHERE segment = 3")
    changed(store, "DELETE FROM audit_segment WHERE number = 3")
    assert faults(verify(store, office)) == {}
    assert faults(verify(store, office, known=[kept])) == {"truncated": 1}


def test_a_chain_rewritten_under_a_checkpoint_kept_elsewhere_is_found_even_with_the_keys(store, office, sealed):
    kept = read_unverified(REALM_A, sealed[-1].checkpoint)
    changed(store, "UPDATE decision SET client = 'other' WHERE id = 'd4'")
    for table in ("audit_segment", "audit_leaf"):
        changed(store, f"DELETE FROM {table}")
    seal(store, office)
    assert faults(verify(store, office)) == {}
    assert faults(verify(store, office, known=[kept])) == {"truncated": 1}


# --- lawful removal -------------------------------------------------------------------------------------


def test_erasure_leaves_a_signed_statement_and_the_chain_whole(store, office, sealed):
    assert store.erase(REALM_A, ALICE) > 0
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({}, 4)
    (pending,) = store.audit.pending(REALM_A)
    said = json.loads(jose.read_jws(pending.statement).payload)
    assert (said["kind"], said["count"]) == ("erased", 4)
    assert "alice" not in str(said)
    (segment,) = seal(store, office)
    assert (segment.count, store.audit.pending(REALM_A)) == (0, [])
    assert faults(verify(store, office)) == {}


def test_retention_leaves_a_statement_too_and_the_rest_verifies(store, office, sealed):
    kept = Retention(timedelta(seconds=1), LONG, LONG, LONG, LONG)
    assert store.retain(kept, now=NOW + timedelta(seconds=4))["decision"] == 3
    seal(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.removed_lawfully) == ({}, 3)
    said = json.loads(jose.read_jws(store.audit.removals(REALM_A)[0].statement).payload)
    assert said["kind"] == "expired"


def test_what_was_never_sealed_is_removed_without_a_statement(store, office):
    store.record(record("d0"))
    assert store.erase(REALM_A, ALICE) > 0
    assert store.audit.removals(REALM_A) == []
    assert faults(verify(store, office)) == {}


def test_a_thief_can_not_pass_a_deletion_for_an_erasure(store, office, sealed, tmp_path):
    store.erase(REALM_A, ALICE)
    lawful = store.audit.removals(REALM_A)[0]
    changed(store, "DELETE FROM decision WHERE id = 'd1'")
    changed(store, "UPDATE audit_leaf SET removal = :id WHERE record_id = 'd1'", id=lawful.id)
    assert faults(verify(store, office)) == {"statement": 1}
    thief = Office(tmp_path / "thief").notary
    digest = store.audit.leaves(REALM_A, 1)[1].digest
    _, statement = thief.state(REALM_A, "forged", "erased", digest.hex(), 1)
    stated(store, statement)
    changed(store, "UPDATE audit_leaf SET removal = 'forged' WHERE record_id = 'd1'")
    assert faults(verify(store, office)) == {"statement": 1}
    seal(store, office)
    assert [item.id for item in store.audit.pending(REALM_A)] == ["forged"]
    assert faults(verify(store, office)) == {"statement": 1}
    changed(store, "UPDATE audit_removal SET segment = 3 WHERE id = 'forged'")
    assert faults(verify(store, office)) == {"segment": 1}


def test_a_statement_whose_key_is_gone_is_vouched_for_by_the_segment_that_holds_it(store, office, sealed):
    store.erase(REALM_A, ALICE)
    seal(store, office)
    office.keys.rotate(NOW + timedelta(seconds=5))
    office.now = NOW + timedelta(days=3)
    office.keys.rotate(office.now)
    assert faults(verify(store, office)) == {"checkpoint": 1}
    (renewed,) = seal(store, office, now=office.now)
    assert renewed.count == 0
    assert faults(verify(store, office)) == {}
    assert seal(store, office, now=office.now) == ()


# --- several processes -----------------------------------------------------------------------------------


def test_processes_that_seal_at_once_make_one_chain(store, office):
    for number in range(40):
        store.record(record(f"d{number}", time=NOW + timedelta(seconds=number), learnable=None))
    sealing = Sealing(store.audit, office.notary)
    with ThreadPoolExecutor(4) as callers:
        made = [
            item for done in callers.map(lambda _: tuple(sealing.seal(REALM_A, now=LATER)), range(8)) for item in done
        ]
    assert sum(segment.count for segment in made) == 40
    verdict = verify(store, office)
    assert (faults(verdict), verdict.sealed) == ({}, 40)


def test_a_decision_erased_while_it_is_being_sealed_is_not_sealed(store, office):
    for number in range(3):
        store.record(record(f"d{number}", learnable=None))
    unsealed = store.audit.unsealed(REALM_A, since_us=None, most=9)
    segment = linked(START, REALM_A, 1, [item.digest for item in unsealed], [])
    segment = replace(segment, checkpoint=office.notary.certify(segment, now=NOW))
    changed(store, "DELETE FROM decision WHERE id = 'd1'")
    assert not store.audit.append(segment, unsealed, [])
    assert store.audit.last(REALM_A) is None
    assert [item.count for item in seal(store, office)] == [2]


def test_digests_read_back_alike_for_numbers_of_any_form(store, office):
    from idp_adapter.core.types import Evidence, Reason

    kept = record("odd")
    numbers = {"whole": 8450.0, "tiny": 1e-17, "huge": 1e20, "flag": True, "words": ("a", "é\u2028"), "zero": -0.0}
    contributions = (Evidence("s", 0.1 + 0.2, (Reason("code", 0.1 + 0.2, numbers),)),)
    risk = replace(kept.decision.risk, contributions=contributions)
    store.record(replace(kept, decision=replace(kept.decision, risk=risk)))
    first, second = (store.audit.unsealed(REALM_A, since_us=None, most=1)[0].digest for _ in range(2))
    assert first == second != leaf_digest(b"")
    seal(store, office)
    assert faults(verify(store, office)) == {}


def test_a_document_that_can_not_be_read_is_an_alteration(store, office, sealed, kind):
    if kind == "postgresql":
        pytest.skip("PostgreSQL refuses to store it")
    changed(store, "UPDATE decision SET evidence = 'not JSON' WHERE id = 'd4'")
    assert faults(verify(store, office)) == {"altered": 1}


def test_a_verdict_lists_some_findings_and_counts_all(store, office, monkeypatch):
    monkeypatch.setattr(audit_verification, "MOST_TOLD", 2)
    for number in range(5):
        store.record(record(f"d{number}"))
    seal(store, office)
    changed(store, "DELETE FROM decision")
    verdict: Any = verify(store, office)
    assert (len(verdict.findings), verdict.faults[Fault.REMOVED]) == (2, 5)
