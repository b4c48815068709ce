"""One suite for every store: what `ports.Store` promises."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp_adapter.adapters.sql import statements
from idp_adapter.adapters.sql import store as store_module
from idp_adapter.core.audit import RecordId
from idp_adapter.core.types import Binding, Habits, History, Origin, OutcomeType, Place, Reason, SubjectId
from idp_adapter.errors import ProfileDamaged, RequestInvalid, RequestTooLarge, Unavailable
from idp_adapter.services.ports import Lesson, Retention, Store
from tests.support.records import (
    ALICE,
    BOB,
    DECISION,
    LEARNABLE,
    NOW,
    REALM_A,
    REALM_B,
    device,
    habits,
    outcome,
    query,
    record,
)
from tests.support.sealing import changed

DAY = timedelta(days=1)
LONG = 1000 * DAY
KEPT = Retention(LONG, LONG, LONG, LONG, LONG)


def full_lesson(id_: str = "outcome-1", **changes: Any) -> Lesson:
    of = outcome(id_, decision_id="decision-1", **changes)
    return Lesson(of, habits(), (device("key-1"), device("key-2")), {"keystroke/password/10": b"\x00\xff"})


def settling(id_: str = "outcome-1", **changes: Any) -> Lesson:
    return replace(full_lesson(id_, **changes), settles=True)


def failed(id_: str, **changes: Any) -> Lesson:
    return Lesson(outcome(id_, OutcomeType.LOGIN_FAILED, **changes), failure=True)


def rows(store: Store, issuer: str = REALM_A, subject: SubjectId = ALICE) -> dict[str, int]:
    exported = store.export(issuer, subject)
    return {name: len(held) for name, held in exported.items() if isinstance(held, list)}


def fill(store: Store, issuer: str = REALM_A, subject: SubjectId = ALICE) -> None:
    store.record(record(issuer=issuer, subject=subject))
    store.teach(full_lesson(issuer=issuer, subject=subject))
    store.teach(failed("outcome-2", issuer=issuer, subject=subject))


# --- decisions ----------------------------------------------------------------------------------------


def test_a_decision_reads_back_as_it_was_written(store):
    store.record(record())
    assert store.decision(REALM_A, "decision-1") == record()


def test_a_decision_without_anything_optional_reads_back(store):
    bare = record(sid=None, origin=Origin(), device_ids=(), learnable=None, user_agent="")
    store.record(bare)
    assert store.decision(REALM_A, "decision-1") == bare


def test_a_decision_of_that_id_stored_before_is_left_as_it_is(store):
    store.record(record(client="first"))
    store.record(record(client="second"))
    assert store.decision(REALM_A, "decision-1").client == "first"


def test_an_unknown_decision_is_none(store):
    assert store.decision(REALM_A, "none") is None


def test_decisions_of_many_callers_at_once_are_all_stored(store):
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda i: store.record(record(f"decision-{i}")), range(200)))
    assert rows(store)["decisions"] == 200


# --- history and lessons ----------------------------------------------------------------------------------


def test_an_unknown_subject_has_an_empty_history(store):
    assert store.load(query()) == History()


def test_a_lesson_is_what_the_next_load_brings(store):
    assert store.teach(full_lesson())
    history = store.load(query())
    assert history.habits == habits()
    assert {known.id: known for known in history.devices} == {"key-1": device("key-1"), "key-2": device("key-2")}
    assert history.templates == {"keystroke/password/10": b"\x00\xff"}


def test_a_request_without_behaviour_is_told_all_but_the_templates(store):
    store.teach(full_lesson())
    whole = store.load(query())
    assert store.load(replace(query(), with_templates=False)) == replace(whole, templates={})
    assert whole.templates


def test_a_lesson_replaces_what_it_names_and_leaves_the_rest(store):
    store.teach(full_lesson())
    renewed = device("key-1", seen=6, last_seen=NOW + DAY)
    store.teach(Lesson(outcome("outcome-2"), devices=(renewed,), templates={"keystroke/username/7": b"new"}))
    history = store.load(query())
    assert history.habits == habits()
    assert set(history.devices) == {renewed, device("key-2")}
    assert history.templates == {"keystroke/password/10": b"\x00\xff", "keystroke/username/7": b"new"}


def test_a_lesson_forgets_what_it_names_and_leaves_the_rest(store):
    store.teach(full_lesson())
    store.teach(full_lesson("outcome-b", subject=BOB))
    key = "keystroke/password/10"
    store.teach(Lesson(outcome("outcome-2"), forgotten=(device("key-1"),), templates={key: None, "other": b"new"}))
    history = store.load(query())
    assert (history.habits, history.devices) == (habits(), (device("key-2"),))
    assert history.templates == {"other": b"new"}
    assert len(store.load(query(BOB)).devices) == 2
    assert store.load(query(BOB)).templates == {key: b"\x00\xff"}


def test_closed_decisions_of_a_subject_teach_nothing_any_more(store):
    for id_, changes in {
        "before": {"time": NOW - DAY},
        "decision-1": {},
        "bob": {"subject": BOB},
        "elsewhere": {"issuer": REALM_B},
    }.items():
        store.record(record(id_, **changes))
    assert store.teach(Lesson(outcome("outcome-0"), closes_since=NOW))
    assert store.teach(settling())
    assert store.load(query()) == History()
    assert store.decision(REALM_A, "decision-1") == record(learnable=None)
    assert store.decision(REALM_A, "before").learnable == LEARNABLE
    assert store.decision(REALM_A, "bob").learnable == LEARNABLE
    assert store.decision(REALM_B, "elsewhere").learnable == LEARNABLE


def test_an_outcome_teaches_once(store):
    assert store.teach(full_lesson())
    assert not store.teach(replace(full_lesson(), habits=Habits(logins=99)))
    assert store.load(query()).habits == habits()


def test_of_concurrent_reports_of_one_outcome_exactly_one_is_new(store):
    together = threading.Barrier(8)

    def report(caller: int) -> bool:
        together.wait()
        return store.teach(replace(full_lesson(), habits=Habits(logins=caller)))

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(report, range(8)))
    assert answers.count(True) == 1
    assert store.load(query()).habits.logins == answers.index(True)


def test_concurrent_lessons_for_one_subject_all_succeed(store):
    def report(i: int) -> bool:
        known = tuple(device(f"key-{(i + j) % 4}") for j in range(4))
        return store.teach(Lesson(outcome(f"outcome-{i}"), habits(), known, {"b": b"1", "a": b"2"}))

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(report, range(64)))


def test_a_settled_decision_has_nothing_left_to_learn(store):
    store.record(record())
    store.teach(settling())
    assert store.load(query()).habits == habits()
    assert store.decision(REALM_A, "decision-1") == record(learnable=None)


def test_an_outcome_that_settles_nothing_leaves_the_learnable_part(store):
    store.record(record())
    store.teach(failed("outcome-1", decision_id="decision-1"))
    assert store.decision(REALM_A, "decision-1").learnable == LEARNABLE


def test_two_outcomes_of_one_decision_teach_once(store):
    store.record(record())
    assert store.teach(settling("outcome-1"))
    assert store.teach(replace(settling("outcome-2"), habits=Habits(logins=99), devices=(device("key-3"),)))
    assert store.load(query()).habits == habits()
    assert len(store.load(query()).devices) == 2
    assert not store.teach(settling("outcome-2"))


def test_a_lesson_whose_decision_was_erased_meanwhile_brings_nothing_back(store):
    store.record(record())
    store.erase(REALM_A, ALICE)
    assert store.teach(settling())
    assert store.load(query()) == History()
    assert not store.teach(settling())


def test_a_lesson_that_fails_half_way_leaves_nothing(store):
    impossible = Lesson(outcome(), habits(), (device(seen=2**70),))
    with pytest.raises(RequestInvalid):
        store.teach(impossible)
    assert store.load(query()) == History()
    assert store.teach(full_lesson())


def test_an_outcome_of_nobody_is_stored_but_teaches_nobody(store):
    assert store.teach(failed("outcome-1", subject=None))
    with pytest.raises(RequestInvalid):
        store.teach(Lesson(outcome("outcome-2", subject=None), habits()))
    with pytest.raises(RequestInvalid):
        store.teach(Lesson(outcome("outcome-3", subject=None), closes_since=NOW))


# --- bindings and postures -----------------------------------------------------------------------------------


def test_a_session_s_first_binding_is_that_of_its_earliest_decision_with_one(store):
    jkt, other = Binding(jkt="jkt-1"), Binding("jkt-2", "x5t-2")
    for id_, changes in {
        "early": {"time": NOW - DAY},
        "first": {"binding": other, "time": NOW - DAY / 2},
        "later": {"binding": jkt},
        "bob": {"binding": jkt, "subject": BOB, "time": NOW - DAY},
        "elsewhere": {"binding": jkt, "issuer": REALM_B, "time": NOW - DAY},
        "another-client": {"binding": jkt, "client": "other", "time": NOW - DAY},
        "another-session": {"binding": jkt, "sid": "sid-2", "time": NOW - DAY},
    }.items():
        store.record(record(id_, **changes))
    asked = replace(query(), sid="sid-1", client="spa")
    assert store.load(asked).first_binding == other
    assert store.decision(REALM_A, "first").binding == other
    assert store.load(query()).first_binding == Binding()
    assert store.load(replace(asked, sid=None)).first_binding == Binding()


# --- failures ------------------------------------------------------------------------------------------------


def test_failures_of_the_subject_come_with_their_times_newest_first(store):
    for minutes in (1, 3, 2):
        store.teach(failed(f"outcome-{minutes}", time=NOW - timedelta(minutes=minutes)))
    assert store.load(query()).failures.of_subject == tuple(NOW - timedelta(minutes=m) for m in (1, 2, 3))


def test_failures_before_the_asked_time_do_not_count(store):
    store.teach(failed("outcome-1", time=NOW - timedelta(minutes=20)))
    store.teach(failed("outcome-2", time=NOW - timedelta(minutes=20), subject=BOB))
    assert store.load(query()) == History()


def test_failures_of_others_from_the_prefix_are_counted_without_their_own(store):
    store.teach(failed("outcome-0"))
    for i, name in enumerate(("bob", "bob", "carol")):
        store.teach(failed(f"outcome-{name}-{i}", subject=SubjectId("user", name)))
    elsewhere = Origin("x" * 22, "y" * 22)
    store.teach(failed("outcome-9", subject=SubjectId("user", "dave"), origin=elsewhere))
    found = store.load(query()).failures
    assert (found.of_prefix, found.subjects_of_prefix) == (3, 2)


def test_of_a_prefix_the_nameless_failures_and_those_let_in_are_told_apart(store):
    for i in range(3):
        store.teach(failed(f"nameless-{i}", subject=None))
        store.teach(failed(f"named-{i}", subject=BOB))
        store.teach(Lesson(outcome(f"let-in-{i}", subject=SubjectId("user", f"colleague-{i // 2}"))))
        store.teach(Lesson(outcome(f"old-{i}", subject=SubjectId("user", f"old-{i}"), time=NOW - DAY)))
        store.teach(Lesson(outcome(f"own-{i}")))
    found = store.load(query()).failures
    assert (found.of_prefix, found.subjects_of_prefix, found.nameless_of_prefix) == (6, 1, 3)
    assert found.let_in_of_prefix == 2


def test_a_flood_of_attempts_from_a_prefix_is_read_within_bounds(store, monkeypatch):
    most = statements.MOST_ATTEMPTS_OF_PREFIX
    for i in range(most + 5):
        who = SubjectId("user", f"other-{i}")
        store.teach(failed(f"failed-{i}", subject=who))
        store.teach(Lesson(outcome(f"let-in-{i}", subject=who)))
    found = store.load(query()).failures
    assert (found.of_prefix, found.let_in_of_prefix) == (most, most)


def test_a_changed_credential_is_told_with_its_latest_time_and_is_no_attempt(store):
    for minutes in (90, 30, 60):
        told = outcome(f"o-{minutes}", OutcomeType.CREDENTIAL_CHANGED, time=NOW - timedelta(minutes=minutes))
        store.teach(Lesson(told))
    history = store.load(query())
    assert history == History(credential_changed=NOW - timedelta(minutes=30))
    assert store.load(query(BOB)) == History()


def test_without_a_prefix_nothing_of_others_is_counted(store):
    store.teach(failed("outcome-1", subject=BOB))
    store.teach(failed("outcome-2", subject=BOB, origin=Origin()))
    assert store.load(query(prefix=None)) == History()


def test_a_flood_of_failures_is_read_within_bounds(store):
    for i in range(60):
        store.teach(failed(f"outcome-{i}", time=NOW - timedelta(seconds=i)))
    times = store.load(query()).failures.of_subject
    assert len(times) == 50
    assert times[0] == NOW


def test_a_success_is_no_failure(store):
    store.teach(Lesson(outcome()))
    assert store.load(query()) == History()
    assert rows(store)["authentications"] == 1


# --- tenancy ---------------------------------------------------------------------------------------------------


def test_a_realm_reads_nothing_of_another(store):
    fill(store)
    store.teach(failed("outcome-3", subject=BOB))
    assert store.load(query(issuer=REALM_B)) == History()
    assert store.decision(REALM_B, "decision-1") is None
    assert set(rows(store, REALM_B).values()) == {0}


def test_the_same_ids_live_side_by_side_in_two_realms(store):
    store.record(record(client="of a"))
    store.record(record(issuer=REALM_B, client="of b"))
    assert store.decision(REALM_A, "decision-1").client == "of a"
    assert store.decision(REALM_B, "decision-1").client == "of b"
    assert store.teach(full_lesson())
    assert store.teach(replace(full_lesson(issuer=REALM_B), habits=Habits(logins=1)))
    assert store.load(query()).habits == habits()
    assert store.load(query(issuer=REALM_B)).habits == Habits(logins=1)


def test_a_lesson_of_one_realm_settles_nothing_in_another(store):
    store.record(record())
    store.teach(settling(issuer=REALM_B))
    assert store.decision(REALM_A, "decision-1") == record()


def test_erasing_in_one_realm_leaves_the_other_whole(store):
    fill(store)
    fill(store, REALM_B)
    before = store.export(REALM_A, ALICE)
    assert store.erase(REALM_B, ALICE) > 0
    assert store.export(REALM_A, ALICE) == before


# --- export, erasure, retention ------------------------------------------------------------------------------------


def test_an_export_holds_every_row_as_json(store):
    fill(store)
    exported = json.loads(json.dumps(store.export(REALM_A, ALICE)))
    assert rows(store) == {
        "postures": 0,
        "profiles": 2,
        "devices": 2,
        "authentications": 2,
        "outcomes": 2,
        "decisions": 1,
    }
    by_kind = {row["kind"]: row for row in exported["profiles"]}
    assert by_kind["habits"]["body"]["logins"] == 8
    assert by_kind["template"]["body"] == "AP8="
    decided = exported["decisions"][0]
    assert decided["time"] == "2026-11-18T09:30:00.123456+00:00"
    assert decided["evidence"]["contributions"][0]["reasons"][0]["params"] == {"km": 8450, "h": 1.5}
    assert decided["device_ids"] == ["k" * 43, "c" * 22]


def test_erasure_deletes_every_row_of_the_subject_and_of_nobody_else(store):
    fill(store)
    fill(store, subject=SubjectId("service_account", "alice"))
    store.record(record("decision-2"))
    store.record(record("decision-3", subject=BOB))
    total = sum(rows(store).values())
    assert store.erase(REALM_A, ALICE) == total + 1  # its data key
    assert set(rows(store).values()) == {0}
    assert store.load(query(prefix=None)) == History()
    assert store.decision(REALM_A, "decision-3") is not None
    assert store.erase(REALM_A, ALICE) == 0


def test_erasure_of_many_rows_goes_in_batches(store, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_IN_BATCH", 10)
    for i in range(35):
        store.record(record(f"decision-{i}", learnable=None))
    assert store.erase(REALM_A, ALICE) == 35


def test_retention_deletes_what_is_too_old_of_each_kind_and_keeps_the_rest(store):
    fill(store)
    fill(store, REALM_B)
    assert set(store.retain(KEPT, now=NOW).values()) == {0}
    gone = store.retain(replace(KEPT, failures=DAY), now=NOW + 2 * DAY)
    assert gone["authentication"] == 4
    gone = store.retain(replace(KEPT, outcomes=DAY), now=NOW + 2 * DAY)
    assert gone["outcome"] == 4
    gone = store.retain(replace(KEPT, profiles_unused=DAY), now=NOW + 2 * DAY)
    assert (gone["profile"], gone["device"]) == (4, 4)
    assert {name for name, count in rows(store).items() if count} == {"decisions"}
    gone = store.retain(replace(KEPT, decisions=DAY), now=NOW + 2 * DAY)
    assert gone["decision"] == 2
    assert set(rows(store, REALM_B).values()) == {0}


def test_retention_forgets_what_old_decisions_could_teach_and_keeps_them(store):
    store.record(record())
    store.record(record("decision-2", time=NOW + 2 * DAY))
    gone = store.retain(replace(KEPT, learnables=DAY), now=NOW + 2 * DAY)
    assert (gone["learnable"], gone["decision"]) == (1, 0)
    assert store.decision(REALM_A, "decision-1") == record(learnable=None)
    assert store.decision(REALM_A, "decision-2").learnable == LEARNABLE


def test_one_run_of_retention_is_bounded_and_the_next_goes_on(store, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_IN_BATCH", 10)
    monkeypatch.setattr(store_module, "MOST_BATCHES", 2)
    for i in range(45):
        store.record(record(f"decision-{i}", learnable=None))
    runs = [store.retain(replace(KEPT, decisions=DAY), now=NOW + 2 * DAY)["decision"] for _ in range(4)]
    assert runs == [20, 20, 5, 0]


# --- bad values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"client": "nul\0"}, id="NUL"),
        pytest.param({"sid": "\ud800"}, id="lone surrogate"),
        pytest.param({"origin": Origin("192.0.2.1", "p", Place())}, id="raw IPv4 address"),
        pytest.param({"origin": Origin("a", "2001:db8::", Place())}, id="raw IPv6 prefix"),
        pytest.param({"decision": replace(DECISION, reasons=(Reason("code", float("nan")),))}, id="not a number"),
        pytest.param({"decision": replace(DECISION, reasons=(Reason("c", 0.0, {"p": "\0"}),))}, id="NUL in evidence"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_nothing_is_stored(store, bad):
    with pytest.raises(RequestInvalid):
        store.record(record(**bad))
    assert rows(store)["decisions"] == 0


def test_a_body_over_its_bound_is_refused_with_its_lesson(store):
    with pytest.raises(RequestTooLarge, match="65536"):
        store.teach(Lesson(outcome(), habits(), templates={"keystroke/password/10": b"x" * (64 * 1024 + 1)}))
    with pytest.raises(RequestTooLarge):
        store.record(record(subject=SubjectId("user", "x" * 513)))
    assert store.teach(Lesson(outcome()))


def test_the_largest_keys_and_bodies_fit(store):
    longest = SubjectId("u" * 512, "é" * 256)
    lesson = Lesson(outcome("o" * 512, subject=longest), habits(), (device("d" * 512),), {"t" * 512: b"x" * 65536})
    assert store.teach(lesson)
    assert len(store.load(query(longest)).templates["t" * 512]) == 65536


def test_a_write_that_fails_leaves_its_neighbours_alone(store):
    def write(i: int) -> bool:
        try:
            if i % 7 == 0:
                return store.teach(Lesson(outcome(f"outcome-{i}"), devices=(device(seen=2**70),)))
            return store.teach(Lesson(outcome(f"outcome-{i}")))
        except RequestInvalid:
            return False

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(write, range(140)))
    assert answers == [i % 7 != 0 for i in range(140)]
    assert rows(store)["outcomes"] == 120


# --- damage ----------------------------------------------------------------------------------------------------------


_BYTES = {"sqlite": "x'01020304'", "memory": "x'01020304'", "postgresql": "'\\x01020304'"}


def test_damaged_habits_count_as_absent_and_are_reported(store, kind, damaged):
    store.teach(full_lesson())
    changed(store, f"UPDATE profile SET body = {_BYTES[kind]} WHERE kind = 'habits'")
    history = store.load(query())
    assert history.habits == Habits()
    assert len(history.devices) == 2
    assert [type(error) for error in damaged] == [ProfileDamaged]
    assert "alice" not in str(damaged)
    store.teach(Lesson(outcome("outcome-2"), habits(9)))
    assert store.load(query()).habits == habits(9)


def test_a_damaged_decision_is_reported_as_such(store, damaged):
    store.record(record())
    changed(store, """UPDATE decision SET evidence = '{"v": 99}'""")
    with pytest.raises(ProfileDamaged):
        store.decision(REALM_A, "decision-1")
    assert [type(error) for error in damaged] == [ProfileDamaged]


def deep(levels: int = 5_000) -> str:
    """A document that a database takes and no reader of ours goes down into."""
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("column", ["evidence", "obligations", "acr_values", "device_ids", "facts", "shadow"])
def test_a_document_nested_without_end_is_damage_and_not_a_fault_of_the_service(store, column):
    store.record(record())
    changed(store, f"UPDATE decision SET {column} = '{deep()}'")
    with pytest.raises(ProfileDamaged):
        store.decision(REALM_A, "decision-1")


def test_a_session_whose_first_binding_is_nested_without_end_has_none(store, damaged):
    store.record(record(binding=Binding("j" * 43)))
    changed(store, f"UPDATE decision SET binding = '{deep()}'")
    assert store.load(replace(query(), sid="sid-1", client="spa")).first_binding == Binding()
    assert [type(error) for error in damaged] == [ProfileDamaged]


def test_an_export_gives_a_document_that_can_not_be_parsed_as_it_lies_there(store):
    store.record(record())
    changed(store, f"UPDATE decision SET evidence = '{deep()}'")
    exported = json.loads(json.dumps(store.export(REALM_A, ALICE)))
    assert exported["decisions"][0]["evidence"] == deep()
    assert exported["decisions"][0]["acr_values"] == list(DECISION.acr_values)


def test_an_export_gives_a_time_beyond_the_calendar_as_it_lies_there(store):
    store.record(record())
    changed(store, f"UPDATE decision SET time_us = {2**62}")
    assert store.export(REALM_A, ALICE)["decisions"][0]["time"] == str(2**62)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])  # PostgreSQL checks what it stores
def test_a_text_with_bytes_that_are_no_text_is_damage_of_its_row_and_no_outage(store):
    fill(store)
    no_text = "CAST(x'61ff62' AS TEXT)"
    changed(store, f"UPDATE device SET user_agent = {no_text} WHERE id = 'key-1'")
    changed(store, f"UPDATE decision SET client = {no_text}, evidence = {no_text}")
    by_id = {device.id: device.user_agent for device in store.load(query()).devices}
    assert by_id == {"key-1": "a\ufffdb", "key-2": device("key-2").user_agent}
    with pytest.raises(ProfileDamaged):
        store.decision(REALM_A, "decision-1")
    assert store.export(REALM_A, ALICE)["decisions"][0]["client"] == "a\ufffdb"
    assert store.audit.unsealed(REALM_A, since_us=None, most=9)[0].record_id == RecordId("decision", "decision-1")
    store.erase(REALM_A, ALICE)
    assert not any(rows(store).values())


def test_a_damaged_learnable_part_teaches_nothing(store, kind, damaged):
    store.record(record())
    changed(store, f"UPDATE decision SET learnable = {_BYTES[kind]}")
    assert store.decision(REALM_A, "decision-1") == record(learnable=None)
    assert len(damaged) == 1


# --- readiness and the end ---------------------------------------------------------------------------------------


def test_an_open_store_answers_a_ping(store):
    store.ping()


def test_a_schema_of_another_version_fails_the_ping(store):
    changed(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="schema"):
        store.ping()


def test_a_closed_store_is_unavailable(store):
    store.record(record())
    store.close()
    for call in (lambda: store.load(query()), lambda: store.record(record()), store.ping):
        with pytest.raises(Unavailable):
            call()
