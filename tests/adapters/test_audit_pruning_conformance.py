"""Pruning of the audit chain, on every store: what is gone is forgotten, and no thief makes anything forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.notary import read_unverified
from idp_adapter.adapters.sql import store as store_module
from idp_adapter.core.audit import Checkpoint
from idp_adapter.services.ports import Retention
from tests.support.audit import LATER, LONG, Office, faults, placed, prune, seal, stated, unsigned, verify
from tests.support.records import ALICE, BOB, NOW, REALM_A, REALM_B, record
from tests.support.sealing import changed, read

KEPT_S = 4  # of seven decisions, a second apart, the first four expire: all of segment 1, and one of segment 2


@pytest.fixture
def store(store_url, opened, office):
    return opened(store_url, attest=office.notary)


@pytest.fixture
def expired(store, office, sealed, monkeypatch) -> None:
    """Of d0 to d6 in segments 1 to 3, d0 to d2 expired, and then d3; segment 4 holds the two statements."""
    monkeypatch.setattr(store_module, "MOST_IN_BATCH", 3)
    expire(store, seconds=KEPT_S)
    seal(store, office)


def expire(store, *, seconds: float, now=NOW) -> None:
    store.retain(Retention(timedelta(0), LONG, LONG, LONG, LONG), now=now + timedelta(seconds=seconds))


def rows(store) -> dict[str, int]:
    tables = ("audit_segment", "audit_leaf", "audit_removal", "decision")
    return {table.removeprefix("audit_"): read(store, f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_segments_whose_decisions_are_all_gone_are_forgotten_and_the_rest_verifies(store, office, expired):
    assert verify(store, office).spent == Checkpoint(1, store.audit.segment(REALM_A, 1).head)
    assert prune(store, office) == 3
    verdict = verify(store, office)
    assert (faults(verdict), verdict.base.number, verdict.sealed) == ({}, 1, 4)
    assert rows(store) == {"segment": 4, "leaf": 4, "removal": 3, "decision": 3}
    store.record(record("young", time=LATER))
    seal(store, office, now=LATER)
    assert faults(verify(store, office)) == {}


def test_what_is_forgotten_takes_no_room_once_all_that_speaks_of_it_is_gone(store, office, expired):
    for day in range(1, 4):
        now = NOW + timedelta(days=day)
        for number in range(4):
            store.record(record(f"day-{day}-{number}", time=now, learnable=None))
        seal(store, office, now=now + timedelta(minutes=1))
        expire(store, now=now, seconds=-3600)
        seal(store, office, now=now + timedelta(minutes=2))
        prune(store, office, now=now + timedelta(minutes=3))
        assert faults(verify(store, office)) == {}
    held = rows(store)
    assert held["decision"] == 4
    assert held["leaf"] <= 8
    assert held["segment"] <= 6
    assert held["removal"] <= 4


def test_nothing_is_forgotten_of_a_decision_that_is_stored_or_of_the_newest_segment(store, office, sealed):
    assert prune(store, office) == 0
    assert rows(store) == {"segment": 3, "leaf": 7, "removal": 0, "decision": 7}
    expire(store, seconds=60)
    verdict = verify(store, office)
    assert verdict.spent.number == 2
    prune(store, office)
    assert faults(verify(store, office)) == {}


def test_a_digest_stays_as_long_as_its_statement_names_later_ones(store, office, sealed):
    expire(store, seconds=KEPT_S - 1)  # d0 to d2: all of segment 1
    store.erase(REALM_A, BOB)  # d3 and d5 of segment 2
    store.erase(REALM_A, ALICE)  # d4 of segment 2, d6 of segment 3
    seal(store, office)
    prune(store, office)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.base.number) == ({}, 3)
    assert prune(store, office) == 0
    assert faults(verify(store, office)) == {}


def test_a_second_run_goes_on_where_one_was_interrupted(store, office, expired, monkeypatch):
    class Cut(Exception):
        pass

    def cut(*_, **__):
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(type(store.audit), "prune", cut)
        with pytest.raises(Cut):
            prune(store, office)
    assert faults(verify(store, office)) == {}
    assert prune(store, office) > 0
    assert faults(verify(store, office)) == {}


def test_a_chain_with_findings_is_not_pruned(store, office, expired):
    changed(store, "DELETE FROM decision WHERE id = 'd5'")
    before = rows(store)
    with pytest.raises(ValueError, match="findings"):
        prune(store, office)
    assert rows(store) == before


def test_each_realm_is_pruned_by_itself(store, office, expired):
    store.record(record("other", issuer=REALM_B))
    seal(store, office, REALM_B)
    prune(store, office)
    assert verify(store, office, REALM_B).sealed == 1
    assert faults(verify(store, office, REALM_B)) == {}


def test_a_pruned_chain_holds_checkpoints_from_its_beginning_on_and_none_from_before(store, office, sealed):
    kept = [read_unverified(REALM_A, segment.checkpoint) for segment in sealed]
    expire(store, seconds=60)
    seal(store, office)
    prune(store, office)
    assert verify(store, office).base == kept[2]
    assert faults(verify(store, office, known=kept[2:])) == {}
    assert faults(verify(store, office, known=kept[:1])) == {"truncated": 1}


def test_a_statement_of_pruning_holds_when_its_key_is_gone(store, office, expired):
    prune(store, office)
    office.keys.rotate(NOW + timedelta(seconds=5))
    office.now = NOW + timedelta(days=3)
    office.keys.rotate(office.now)
    seal(store, office, now=office.now)
    assert faults(verify(store, office)) == {}


# --- attacks --------------------------------------------------------------------------------------------


def cut(store, *, upto: int) -> None:
    """What a thief takes away: decisions, their digests and their segments."""
    changed(store, f"DELETE FROM decision WHERE id IN (SELECT record_id FROM audit_leaf WHERE segment <= {upto})")
    changed(store, f"DELETE FROM audit_leaf WHERE segment <= {upto}")
    changed(store, f"DELETE FROM audit_segment WHERE number <= {upto}")


def test_a_chain_that_was_cut_at_its_beginning_is_no_pruned_one(store, office, sealed):
    cut(store, upto=2)
    assert faults(verify(store, office)) == {"link": 2}


@pytest.mark.parametrize("segment", [None, 0, 1, 2, 3, 4, 999])
def test_a_forged_statement_of_pruning_hides_no_cut(store, office, sealed, segment, tmp_path):
    head = store.audit.segment(REALM_A, 2).head
    claims = {"sub": REALM_A, "jti": "forged", "number": 2, "head": head.hex()}
    thief = Office(tmp_path / "thief").notary.prune(REALM_A, "forged", Checkpoint(2, head))[1]
    cut(store, upto=2)
    for text in (thief, unsigned(claims, typ="audit-pruning+jwt")):
        stated(store, text, segment)
        found = faults(verify(store, office))
        assert found
        assert found.keys() <= {"link", "statement", "segment"}
        changed(store, "DELETE FROM audit_removal WHERE id = 'forged'")


def test_a_statement_of_another_realm_or_kind_prunes_nothing(store, office, sealed):
    head = store.audit.segment(REALM_A, 2).head
    elsewhere = office.notary.prune(REALM_B, "forged", Checkpoint(2, head))[1]
    checkpoint = store.audit.segment(REALM_A, 2).checkpoint
    cut(store, upto=2)
    for text in (elsewhere, checkpoint):
        stated(store, text)
        assert faults(verify(store, office)) == {"link": 2, "statement": 1}
        changed(store, "DELETE FROM audit_removal WHERE id = 'forged'")


def test_a_pruned_chain_whose_statement_is_gone_or_that_was_cut_further_is_found(store, office, expired):
    prune(store, office)
    (statement,) = [item for item in store.audit.removals(REALM_A) if office.notary.pruned(REALM_A, item.statement)]
    cut(store, upto=2)
    assert faults(verify(store, office))["link"] == 2
    changed(store, "DELETE FROM audit_removal WHERE id = :id", id=statement.id)
    assert {"link", "segment"} <= faults(verify(store, office)).keys()


@pytest.mark.parametrize("segment", [0, 1])
def test_a_decision_put_in_among_what_was_forgotten_is_found(store, office, expired, segment):
    prune(store, office)
    store.record(record("forged", time=NOW + timedelta(seconds=1)))
    assert faults(verify(store, office)) == {"added": 1}
    placed(store, segment, 99)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.findings[0].where) == ({"added": 1}, "decision forged")
    seal(store, office, now=LATER + timedelta(minutes=5))
    assert faults(verify(store, office)) == {"added": 1}


@pytest.mark.parametrize("segment", [0, 1])
def test_a_forged_removal_that_a_forgotten_segment_is_said_to_hold_covers_no_theft(store, office, expired, segment):
    prune(store, office)
    (leaf,) = [leaf for leaf in store.audit.leaves(REALM_A, 2) if leaf.record_id.id == "d5"]
    said = {"sub": REALM_A, "jti": "forged", "kind": "erased", "root": leaf.digest.hex(), "count": 1}
    stated(store, unsigned(said), segment)
    changed(store, "DELETE FROM decision WHERE id = 'd5'")
    changed(store, "UPDATE audit_leaf SET removal = 'forged' WHERE record_id = 'd5'")
    assert faults(verify(store, office)) == {"statement": 1}


def test_a_forged_removal_that_covers_nothing_is_found_in_a_pruned_chain_too(store, office, expired):
    prune(store, office)
    stated(store, unsigned({"sub": REALM_A, "jti": "forged", "kind": "erased", "root": "00", "count": 1}))
    assert faults(verify(store, office)) == {"statement": 1}


def test_a_pruned_chain_of_which_nothing_is_left_is_found(store, office, expired):
    prune(store, office)
    for table in ("audit_segment", "audit_leaf", "decision"):
        changed(store, f"DELETE FROM {table}")
    assert faults(verify(store, office)) == {"link": 1}


def test_a_true_removal_of_what_was_forgotten_covers_no_theft(store, office, expired):
    lawful = store.audit.removals(REALM_A)
    prune(store, office)
    changed(store, "DELETE FROM decision WHERE id = 'd5'")
    for item in lawful:
        changed(store, "UPDATE audit_leaf SET removal = :id WHERE record_id = 'd5'", id=item.id)
        assert faults(verify(store, office)) == {"statement": 1}


def test_a_segment_put_back_after_pruning_changes_nothing(store, office, expired):
    first = store.audit.segment(REALM_A, 1)
    prune(store, office)
    assert store.audit.append(replace(first, time_us=0), [], [])
    assert faults(verify(store, office)) == {}
    assert prune(store, office) == 0
    assert store.audit.segment(REALM_A, 1) is None
