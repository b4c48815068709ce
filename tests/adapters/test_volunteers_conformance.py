"""Who counts in a background, on every store: those whose newest decision says that they agreed, and nobody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.sql import volunteers
from idp_adapter.core.types import SubjectId
from idp_adapter.core.types.facts import Facts
from idp_adapter.errors import ProfileDamaged, ProfileLocked
from idp_adapter.services.ports import Lesson
from tests.support.records import NOW, REALM_A, REALM_B, outcome, record
from tests.support.sealing import changed, sealer

SOURCE = "any_text"
NEW_SECRET = b"n" * 32


def agreed(issuer: str = REALM_A, *, is_volunteer: bool = True, **more: object) -> Facts:
    return Facts("login", issuer, "spa", SubjectId("user", "x"), is_volunteer=is_volunteer, **more)  # type: ignore[arg-type]


def login(store, name: str, facts: Facts | None, *, issuer: str = REALM_A, days: int = 0, type_: str = "user") -> None:
    subject = SubjectId(type_, name)
    kept = record(f"d-{name}-{days}", subject=subject, issuer=issuer, time=NOW + timedelta(days=days))
    facts = None if facts is None else replace(facts, subject=subject)
    store.record(replace(kept, facts=facts))


def taught(store, name: str, *, issuer: str = REALM_A, type_: str = "user", **templates: bytes) -> None:
    told = outcome(f"o-{name}", issuer=issuer, subject=SubjectId(type_, name), decision_id=None)
    store.teach(Lesson(told, templates={key.replace("__", "/"): body for key, body in templates.items()}))


def found(store, issuer: str = REALM_A) -> list[dict[str, bytes]]:
    return list(store.volunteers.templates(issuer, SOURCE))


def test_templates_of_those_who_agreed_are_read_by_subject_and_by_source(store):
    for name in ("anna", "ben"):
        taught(store, name, any_text__otp=name.encode(), any_text__totp=b"t", keystroke__otp=b"k", anyxtext__otp=b"x")
        login(store, name, agreed())
    both = [{"any_text/otp": name, "any_text/totp": b"t"} for name in (b"anna", b"ben")]
    assert found(store) == both
    assert store.volunteers.count(REALM_A, SOURCE) == 2
    assert found(store, REALM_B) == []
    assert store.volunteers.count(REALM_B, SOURCE) == 0


def test_whoever_did_not_agree_or_no_longer_does_is_not_read(store):
    for name in ("never", "before facts were", "left", "came", "erased", "undecided"):
        taught(store, name, any_text__otp=name.encode())
    login(store, "never", agreed(is_volunteer=False))
    login(store, "before facts were", None)
    login(store, "left", agreed())
    login(store, "left", agreed(is_volunteer=False), days=1)
    login(store, "came", agreed(is_volunteer=False))
    login(store, "came", agreed(), days=1)
    login(store, "erased", agreed())
    store.erase(REALM_A, SubjectId("user", "erased"))
    assert found(store) == [{"any_text/otp": b"came"}]
    assert store.volunteers.count(REALM_A, SOURCE) == 1


def test_a_role_that_is_named_as_the_fact_is_no_agreement(store):
    taught(store, "sly", any_text__otp=b"sly")
    login(store, "sly", agreed(is_volunteer=False, roles=frozenset({"is_volunteer"})))
    assert found(store) == []


def test_workloads_are_not_read(store):
    taught(store, "robot", type_="service_account", any_text__otp=b"robot")
    login(store, "robot", agreed(), type_="service_account")
    assert found(store) == []


def test_every_subject_is_read_once_however_many_batches_it_takes(store, monkeypatch):
    monkeypatch.setattr(volunteers, "MOST_IN_BATCH", 3)
    for i in range(8):
        taught(store, f"s{i}", any_text__otp=b"%d" % i, any_text__totp=b"t")
        login(store, f"s{i}", agreed())
    assert found(store) == [{"any_text/otp": b"%d" % i, "any_text/totp": b"t"} for i in range(8)]


CUT = '{"v": 1, "is_volunteer": true'
DEEP = '{"is_volunteer":' * 5_000 + "1" + "}" * 5_000


@pytest.mark.parametrize("facts", [CUT, DEEP], ids=["cut", "deep"])
def test_a_decision_whose_facts_can_not_be_read_is_no_agreement_and_stops_nobody(store, kind, damaged, facts):
    if (kind, facts) == ("postgresql", CUT):
        pytest.skip("takes no half documents")
    for name in ("anna", "ben"):
        taught(store, name, any_text__otp=name.encode())
        login(store, name, agreed())
    changed(store, "UPDATE decision SET facts = :facts WHERE subject_id = 'anna'", facts=facts)
    assert found(store) == [{"any_text/otp": b"ben"}]
    assert [type(error) for error in damaged] == [ProfileDamaged]


def test_who_counts_is_read_while_another_process_writes(tmp_path, opened):
    path = tmp_path / "risk.db"
    store = opened(f"sqlite:///{path}", budget_s=0.2, slow_budget_s=0.2)
    taught(store, "anna", any_text__otp=b"anna")
    login(store, "anna", agreed())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert found(store) == [{"any_text/otp": b"anna"}]
        assert store.volunteers.count(REALM_A, SOURCE) == 1


def test_what_does_not_open_is_left_out_and_told(store_url, opened, damaged):
    store = opened(store_url)
    taught(store, "anna", any_text__otp=b"anna")
    login(store, "anna", agreed())
    if store_url == "sqlite://":
        pytest.skip("memory ends with its process")
    wrong = opened(store_url, sealer=sealer(NEW_SECRET), on_damaged=damaged.append)
    assert found(wrong) == []
    assert [type(error) for error in damaged] == [ProfileLocked]
