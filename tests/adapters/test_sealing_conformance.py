"""One suite for every store: what is learnt is sealed at rest, and opens for its own subject alone."""

from __future__ import annotations

import json
import sqlite3
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from idp_adapter.adapters.sql import codec, statements
from idp_adapter.adapters.sql import data_keys as data_keys_module
from idp_adapter.core.types import Habits, OutcomeType, SubjectId
from idp_adapter.errors import ProfileDamaged, ProfileLocked
from idp_adapter.services.ports import Lesson, Retention
from tests.support.records import ALICE, BOB, LEARNABLE, NOW, REALM_A, REALM_B, device, habits, outcome, query, record
from tests.support.sealing import KEY, ROWS, TEMPLATE, changed, lesson, read

DAY = timedelta(days=1)
HEAD = TEMPLATE[:8]  # magic and shape; the magic alone is three bytes, which noise may hold
HABITS = codec.habits_to_bytes(habits())[8:24]


def template_body(store: Any, subject: str = "alice", issuer: str = REALM_A) -> bytes:
    where = f"issuer = '{issuer}' AND subject_id = '{subject}' AND kind = 'template'"
    return bytes(read(store, f"SELECT body FROM profile WHERE {where}")[0][0])


def data_keys(store: Any) -> int:
    return read(store, "SELECT count(*) FROM data_key")[0][0]


# --- at rest ------------------------------------------------------------------------------------------------


def test_no_column_holds_what_was_learnt_or_typed_in_plain(store):
    store.record(record())
    store.teach(lesson())
    kept = [bytes(row[0]) for row in read(store, "SELECT body FROM profile")]
    kept += [bytes(row[0]) for row in read(store, "SELECT learnable FROM decision")]
    assert len(kept) == 3
    for body in kept:
        assert not any(word in body for word in (HEAD, HABITS, b"down_s", b"logins", b"address"))
    assert store.load(query()).templates == {KEY: TEMPLATE}
    assert store.decision(REALM_A, "decision-1").learnable == LEARNABLE


def pieces() -> list[bytes]:
    """What a thief would look for: magic, stored rows, learnt values, words of a typing."""
    rows = [row.astype("<f2").tobytes() for row in ROWS[-3:]]
    found = [row for row in rows if row[:12] in TEMPLATE]
    return [HEAD, HABITS, *(row[:12] for row in found), b"down_s", b"0.1439", b"address-0", b"country-1"]


def test_a_stolen_database_file_tells_nothing_of_how_its_subjects_type(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'risk.db'}")
    for i in range(30):
        store.record(record(f"decision-{i}"))
        store.teach(replace(lesson(f"outcome-{i}"), settles=i % 2 == 0))
    stolen = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"alice" in stolen  # it is the right file
    assert len(pieces()) >= 7
    assert [piece for piece in pieces() if piece in stolen] == []


def test_an_erased_data_key_leaves_no_bytes_in_the_file(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'risk.db'}")
    store.teach(lesson())
    store.teach(lesson("outcome-b", subject=BOB))
    wrapped = bytes(read(store, "SELECT wrapped FROM data_key WHERE subject_id = 'alice'")[0][0])
    store.erase(REALM_A, ALICE)
    store.close()
    assert wrapped not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_each_write_has_a_nonce_of_its_own(store):
    nonces = set()
    for i in range(50):
        store.teach(lesson(f"outcome-{i}"))
        nonces |= {bytes(row[0])[1:13] for row in read(store, "SELECT body FROM profile")}
    assert len(nonces) == 100


# --- moved and changed rows -----------------------------------------------------------------------------------


def test_templates_swapped_between_subjects_are_refused(store, damaged):
    store.teach(lesson())
    store.teach(lesson("outcome-b", subject=BOB))
    of_bob = template_body(store, "bob")
    changed(store, "UPDATE profile SET body = :body WHERE subject_id = 'alice' AND kind = 'template'", body=of_bob)
    history = store.load(query())
    assert (history.templates, history.habits) == ({}, habits())
    assert [type(error) for error in damaged] == [ProfileDamaged]
    assert store.load(query(BOB)).templates == {KEY: TEMPLATE}


def test_templates_swapped_between_realms_are_refused(store, damaged):
    store.teach(lesson())
    store.teach(lesson(issuer=REALM_B))
    changed(
        store,
        "UPDATE profile SET body = :body WHERE issuer = :issuer AND kind = 'template'",
        body=template_body(store, issuer=REALM_B),
        issuer=REALM_A,
    )
    assert store.load(query()).templates == {}
    assert len(damaged) == 1


def test_a_template_moved_to_another_key_is_refused(store, damaged):
    store.teach(lesson())
    changed(store, "UPDATE profile SET key = 'pin/1/10' WHERE kind = 'template'")
    assert store.load(query()).templates == {}
    assert len(damaged) == 1


def test_a_template_said_to_be_of_another_version_is_refused(store, damaged):
    store.teach(lesson())
    changed(store, "UPDATE profile SET version = 2 WHERE kind = 'template'")
    assert store.load(query()).templates == {}
    assert len(damaged) == 1


def test_habits_put_in_the_place_of_a_template_are_refused(store, damaged):
    store.teach(lesson())
    body = bytes(read(store, "SELECT body FROM profile WHERE kind = 'habits'")[0][0])
    changed(store, "UPDATE profile SET body = :body WHERE kind = 'template'", body=body)
    assert store.load(query()).templates == {}
    assert len(damaged) == 1


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"", lambda b: b[:20], lambda b: b[:-1] + b"\0", bytes])
def test_a_changed_or_shortened_body_is_refused_and_learnt_anew(store, damaged, spoil):
    store.teach(lesson())
    body = template_body(store)
    spoilt = body[:40] + bytes([body[40] ^ 1]) + body[41:] if spoil is bytes else spoil(body)
    if spoilt == body:  # one in 256: its last byte was 0 already
        spoilt = body[:-1] + b"\1"
    changed(store, "UPDATE profile SET body = :body WHERE kind = 'template'", body=spoilt)
    assert store.load(query()).templates == {}
    assert len(damaged) == 1
    store.teach(lesson("outcome-2"))
    assert store.load(query()).templates == {KEY: TEMPLATE}


def test_a_template_slipped_in_unsealed_is_refused(store, damaged):
    store.teach(lesson())
    changed(store, "UPDATE profile SET body = :body WHERE kind = 'template'", body=TEMPLATE)
    assert store.load(query()).templates == {}
    assert len(damaged) == 1


def test_what_one_decision_may_teach_serves_no_other(store, damaged):
    store.record(record())
    store.record(record("decision-2"))
    store.record(record("decision-3", subject=BOB))
    of_first = bytes(read(store, "SELECT learnable FROM decision WHERE id = 'decision-1'")[0][0])
    changed(store, "UPDATE decision SET learnable = :body WHERE id <> 'decision-1'", body=of_first)
    assert store.decision(REALM_A, "decision-2") == record("decision-2", learnable=None)
    assert store.decision(REALM_A, "decision-3").learnable is None
    assert len(damaged) == 2


def test_a_data_key_put_in_the_place_of_anothers_opens_nothing(store, damaged):
    store.teach(lesson())
    store.teach(lesson("outcome-b", subject=BOB))
    of_bob = bytes(read(store, "SELECT wrapped FROM data_key WHERE subject_id = 'bob'")[0][0])
    changed(store, "UPDATE data_key SET wrapped = :body WHERE subject_id = 'alice'", body=of_bob)
    history = store.load(query())
    assert (history.templates, history.habits) == ({}, Habits())
    assert [type(error) for error in damaged] == [ProfileLocked]


def test_what_is_reported_names_nobody_and_shows_no_key(store, damaged):
    store.teach(lesson())
    changed(store, "UPDATE profile SET body = :body", body=b"\1" * 40)
    store.load(query())
    changed(store, "UPDATE data_key SET wrapped = :body", body=b"\1" * 61)
    store.load(query())
    shown = " ".join(f"{error!r} {error.message} {error.hint}" for error in damaged)
    assert len(damaged) == 3
    assert not any(word in shown for word in ("alice", KEY, REALM_A, "\\x01"))


# --- one data key a subject ---------------------------------------------------------------------------------------


def test_the_first_records_and_lessons_of_a_subject_at_once_share_one_data_key(store_url, kind, opened, damaged):
    stores = [opened(store_url, on_damaged=damaged.append) for _ in range(1 if kind == "memory" else 3)]
    together = threading.Barrier(12)

    def write(i: int) -> None:
        store = stores[i % len(stores)]
        together.wait()
        if i % 2:
            store.record(record(f"decision-{i}"))
        else:
            store.teach(lesson(f"outcome-{i}", key=f"password/{i}/10"))

    with ThreadPoolExecutor(12) as callers:
        list(callers.map(write, range(12)))
    for store in stores:
        assert data_keys(store) == 1
        assert len(store.load(query()).templates) == 6
        assert all(store.decision(REALM_A, f"decision-{i}").learnable == LEARNABLE for i in range(1, 12, 2))
    assert damaged == []


def test_subjects_have_data_keys_of_their_own(store):
    store.teach(lesson())
    store.teach(lesson("outcome-b", subject=BOB))
    store.teach(lesson(issuer=REALM_B))
    store.record(record("decision-c", subject=SubjectId("service_account", "alice")))
    assert data_keys(store) == 4


def test_a_subject_of_whom_nothing_is_learnt_has_no_data_key(store):
    store.load(query())
    store.record(record(learnable=None))
    store.teach(Lesson(outcome("outcome-1", OutcomeType.LOGIN_FAILED), failure=True))
    store.teach(Lesson(outcome("outcome-2"), templates={KEY: None}, forgotten=(device(),)))
    assert data_keys(store) == 0


def test_a_lesson_whose_decision_was_erased_meanwhile_makes_no_data_key(store):
    store.record(record())
    store.erase(REALM_A, ALICE)
    store.teach(replace(lesson(decision_id="decision-1"), settles=True))
    assert data_keys(store) == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_data_key_erased_by_another_process_between_load_and_record_costs_the_learnable_alone(
    store_url, opened, damaged
):
    store, other = opened(store_url, on_damaged=damaged.append), opened(store_url)
    store.record(record())
    store.load(query())
    other.erase(REALM_A, ALICE)
    store.record(record("decision-2"))
    assert store.decision(REALM_A, "decision-2") == record("decision-2", learnable=None)
    assert len(damaged) == 1
    store.load(query())
    store.record(record("decision-3"))
    assert store.decision(REALM_A, "decision-3").learnable == LEARNABLE


def test_data_keys_at_hand_are_bounded(store, monkeypatch):
    monkeypatch.setattr(data_keys_module, "MOST_AT_HAND", 3)
    for i in range(10):
        subject = SubjectId("user", f"user-{i}")
        store.record(record(f"decision-{i}", subject=subject))
        store.load(query(subject))
        assert len(store._data_keys._at_hand) <= 3
    assert all(store.decision(REALM_A, f"decision-{i}").learnable == LEARNABLE for i in range(10))


# --- export, erasure, retention -----------------------------------------------------------------------------------


def test_an_export_opens_what_is_sealed_and_leaves_the_keys_out(store):
    store.record(record())
    store.teach(lesson())
    text = json.dumps(store.export(REALM_A, ALICE))
    exported = json.loads(text)
    by_kind = {row["kind"]: row["body"] for row in exported["profiles"]}
    assert by_kind["habits"]["logins"] == 8
    assert by_kind["template"] == b64encode(TEMPLATE).decode()
    assert exported["decisions"][0]["learnable"]["typings"]["password/1"]["down_s"] == [0.0, 0.1439, 0.29]
    (kek_id, wrapped) = read(store, "SELECT kek_id, wrapped FROM data_key")[0]
    assert not any(name in exported for name in ("data_key", "data_keys"))
    assert kek_id not in text
    assert bytes(wrapped).hex() not in text


def test_an_export_says_null_for_what_does_not_open(store):
    store.teach(lesson())
    changed(store, "UPDATE profile SET body = :body WHERE kind = 'template'", body=b"\1" * 40)
    by_kind = {row["kind"]: row["body"] for row in store.export(REALM_A, ALICE)["profiles"]}
    assert by_kind["template"] is None
    assert by_kind["habits"]["logins"] == 8


def test_without_its_data_key_what_an_interrupted_erasure_left_says_nothing(store, damaged):
    assert statements.TABLES[0].name == "data_key"
    store.teach(lesson())
    changed(store, "DELETE FROM data_key")
    assert store.load(query()).templates == {}
    assert {type(error) for error in damaged} == {ProfileDamaged}
    assert all(row["body"] is None for row in store.export(REALM_A, ALICE)["profiles"])
    store.teach(lesson("outcome-2"))
    assert store.load(query()).templates == {KEY: TEMPLATE}


def test_retention_takes_the_data_key_with_the_last_profile(store):
    long = 1000 * DAY
    retention = Retention(long, long, long, 10 * DAY, long)
    store.teach(lesson())
    store.teach(lesson("outcome-2", key="pin/1/6", time=NOW + 5 * DAY))
    gone = store.retain(retention, now=NOW + 12 * DAY)
    assert (gone["profile"], gone["data_key"]) == (1, 0)
    assert store.load(query()).templates == {"pin/1/6": TEMPLATE}
    gone = store.retain(retention, now=NOW + 16 * DAY)
    assert (gone["profile"], gone["data_key"]) == (2, 1)
    assert data_keys(store) == 0


def test_an_outcome_reported_late_does_not_age_the_data_key(store):
    long = 1000 * DAY
    store.teach(lesson(time=NOW))
    store.teach(lesson("outcome-2", key="pin/1/6", time=NOW - 9 * DAY))
    store.retain(Retention(long, long, long, 10 * DAY, long), now=NOW + 5 * DAY)
    assert store.load(query()).templates == {KEY: TEMPLATE}


# --- files of before -----------------------------------------------------------------------------------------------


def test_pages_of_a_file_are_cleared_even_where_the_first_start_after_the_upgrade_was_cut_short(tmp_path, opened):
    path: Path = tmp_path / "risk.db"
    opened(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE plain (body BLOB)")
        connection.execute("INSERT INTO plain VALUES (?)", (TEMPLATE * 20,))
        connection.execute("DROP TABLE plain")
        connection.execute("PRAGMA user_version=0")
        connection.commit()
    assert TEMPLATE[:16] in path.read_bytes() or HEAD in path.read_bytes()
    opened(f"sqlite:///{path}").close()
    assert HEAD not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
