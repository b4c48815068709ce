"""Template keys of every store that outlives its process: what happens without the right one, and their rotation."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import FolderKeys, GivenKeys, TemplateKeyFolder, fingerprint
from idp_adapter.adapters.sql import SqlStore, template_keys
from idp_adapter.core.types import Habits, History, SubjectId
from idp_adapter.errors import ProfileLocked, RequestInvalid, Unavailable
from idp_adapter.services.ports import Lesson
from tests.support.records import ALICE, BOB, LEARNABLE, NOW, REALM_A, device, outcome, query, record
from tests.support.sealing import KEY, SECRET, TEMPLATE, changed, lesson, sealer

DAY = timedelta(days=1)
NEW_SECRET = bytes(reversed(SECRET))


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request) -> str:
    return request.param


# --- a key that is missing --------------------------------------------------------------------------------


@pytest.fixture
def restored(store_url, opened, damaged) -> tuple[SqlStore, SqlStore]:
    """A store with a full profile, and the same database opened with the wrong template key."""
    store = opened(store_url)
    store.record(record())
    store.teach(lesson())
    return store, opened(store_url, sealer=sealer(NEW_SECRET), on_damaged=damaged.append)


def test_with_the_wrong_template_key_nothing_is_read_and_decisions_go_on(restored, damaged):
    _, wrong = restored
    history = wrong.load(query())
    assert (history.habits, history.templates) == (Habits(), {})
    assert [type(error) for error in damaged] == [ProfileLocked]
    wrong.record(record("decision-2"))
    assert wrong.decision(REALM_A, "decision-2") == record("decision-2", learnable=None)
    wrong.record(record("decision-3", subject=BOB))
    assert wrong.decision(REALM_A, "decision-3").learnable == LEARNABLE


def test_logins_under_the_wrong_template_key_destroy_no_profile(restored):
    right, wrong = restored
    before = right.load(query())
    for i in range(5):
        wrong.load(query())
        wrong.record(record(f"decision-w{i}"))
        known = wrong.teach(
            Lesson(
                outcome(f"outcome-w{i}", decision_id=f"decision-w{i}"),
                Habits(logins=i + 1),
                (device("key-of-thief"),),
                {KEY: b"learnt over"},
                settles=True,
            )
        )
        assert known
    assert right.load(query()) == before
    assert right.decision(REALM_A, "decision-1").learnable == LEARNABLE
    assert not wrong.teach(lesson("outcome-w0"))  # the outcomes themselves were stored


def test_under_the_wrong_template_key_trust_can_still_be_taken_away(restored):
    right, wrong = restored
    taken = Lesson(
        outcome("outcome-2"), templates={KEY: b"rolled back"}, forgotten=(device("key-1"),), closes_since=NOW - DAY
    )
    assert wrong.teach(taken)
    assert right.load(query()).devices == ()
    assert right.load(query()).templates == {KEY: TEMPLATE}
    assert right.decision(REALM_A, "decision-1").learnable is None


def test_a_missing_template_key_fails_the_ping_in_one_sentence(restored):
    right, wrong = restored
    right.template_keys.ping()
    with pytest.raises(Unavailable, match=r"the template key .* isn't here") as problem:
        wrong.template_keys.ping()
    assert problem.value.dependency == "template_keys"
    assert fingerprint(SECRET) in problem.value.message


def test_an_export_under_the_wrong_template_key_is_refused_rather_than_partial(restored):
    with pytest.raises(ProfileLocked):
        restored[1].export(REALM_A, ALICE)


def test_erasure_needs_no_template_key(restored):
    right, wrong = restored
    assert wrong.erase(REALM_A, ALICE) > 0
    assert right.load(query()) == History()


def test_a_lost_template_key_can_be_given_up_and_its_subjects_start_anew(restored):
    right, wrong = restored
    right.teach(lesson("outcome-b", subject=BOB))
    with pytest.raises(RequestInvalid, match="is here"):
        right.template_keys.forget(fingerprint(SECRET))
    assert wrong.template_keys.forget(fingerprint(SECRET)) == 2
    wrong.template_keys.ping()
    assert wrong.teach(lesson("outcome-2"))
    assert wrong.load(query()).templates == {KEY: TEMPLATE}


# --- rotation ------------------------------------------------------------------------------------------


def test_after_a_rotation_the_new_template_key_alone_reads_everything(store_url, opened, monkeypatch):
    monkeypatch.setattr(template_keys, "MOST_IN_BATCH", 3)
    store = opened(store_url)
    subjects = [SubjectId("user", f"user-{i:02}") for i in range(10)]
    for subject in subjects:
        store.teach(lesson(f"outcome-{subject.id}", subject=subject))
    both, new = opened(store_url, sealer=sealer(SECRET, NEW_SECRET)), opened(store_url, sealer=sealer(NEW_SECRET))
    told: list[tuple[int, int]] = []
    done = both.template_keys.rewrap(on_batch=lambda n, of: told.append((n, of)))
    assert (done.done, done.locked) == (10, {})
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert both.template_keys.count(fingerprint(SECRET)) == 0
    assert all(new.load(query(subject)).templates == {KEY: TEMPLATE} for subject in subjects)
    assert both.template_keys.rewrap(on_batch=lambda *_: None).done == 0


def test_an_interrupted_rotation_loses_nothing_and_goes_on(store_url, opened, monkeypatch):
    monkeypatch.setattr(template_keys, "MOST_IN_BATCH", 2)
    store = opened(store_url)
    for i in range(7):
        store.teach(lesson(f"outcome-{i}", subject=SubjectId("user", f"user-{i}")))
    both = opened(store_url, sealer=sealer(SECRET, NEW_SECRET))

    def interrupt(done: int, of: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both.template_keys.rewrap(on_batch=interrupt)
    assert all(both.load(query(SubjectId("user", f"user-{i}"))).templates for i in range(7))
    assert both.template_keys.rewrap(on_batch=lambda *_: None).done == 3
    assert both.template_keys.count(fingerprint(NEW_SECRET)) == 7


def test_decisions_and_lessons_go_on_during_a_rotation(store_url, opened, monkeypatch, damaged):
    monkeypatch.setattr(template_keys, "MOST_IN_BATCH", 2)
    store = opened(store_url)
    subjects = [SubjectId("user", f"user-{i}") for i in range(20)]
    for subject in subjects:
        store.teach(lesson(f"outcome-{subject.id}", subject=subject))
    both = opened(store_url, sealer=sealer(SECRET, NEW_SECRET), on_damaged=damaged.append)
    stop = threading.Event()

    def log_in(number: int) -> int:
        logins = 0
        while not stop.is_set():
            subject = subjects[(number * 7 + logins) % 20]
            assert both.load(query(subject)).templates
            both.record(record(f"decision-{number}-{logins}", subject=subject))
            both.teach(lesson(f"outcome-{number}-{logins}", subject=subject))
            logins += 1
        return logins

    with ThreadPoolExecutor(4) as callers:
        under_way = [callers.submit(log_in, number) for number in range(4)]
        try:
            assert both.template_keys.rewrap(on_batch=lambda *_: None).done == 20
        finally:
            stop.set()
        assert all(one.result() >= 1 for one in under_way)
    assert damaged == []


def test_a_running_process_reads_on_and_wraps_anew_while_another_rotates(store_url, opened, tmp_path, damaged):
    folder = TemplateKeyFolder(tmp_path / "template-keys")
    folder.prepare(NOW)
    (first,) = folder.read()

    def process() -> SqlStore:
        keys = FolderKeys(folder, timer=time.monotonic)
        return opened(store_url, sealer=Sealer(keys), on_damaged=damaged.append)

    running = process()
    running.teach(lesson())
    second = folder.rotate(NOW)
    assert process().template_keys.rewrap(on_batch=lambda *_: None).done == 1
    assert running.load(query()).templates == {KEY: TEMPLATE}
    running.teach(lesson("outcome-b", subject=BOB))
    assert (running.template_keys.count(first), running.template_keys.count(second)) == (0, 2)
    running.template_keys.ping()
    assert damaged == []


@pytest.mark.parametrize("kind", ["postgresql"])  # in SQLite nobody writes while a batch does
def test_a_data_key_made_anew_while_its_batch_is_under_way_is_not_overwritten(store_url, opened):
    store = opened(store_url)
    store.teach(lesson())

    class Slow(Sealer):
        def rewrap(self, stored, subject):
            rewrapped = super().rewrap(stored, subject)
            store.erase(REALM_A, ALICE)
            store.teach(lesson("outcome-2"))
            return rewrapped

    both = opened(store_url, sealer=Slow(GivenKeys(SECRET, NEW_SECRET)))
    assert both.template_keys.rewrap(on_batch=lambda *_: None).done == 0
    assert both.load(query()).templates == {KEY: TEMPLATE}


def test_a_rotation_leaves_what_it_can_not_unwrap_and_says_how_many(store_url, opened, monkeypatch):
    monkeypatch.setattr(template_keys, "MOST_IN_BATCH", 2)
    store = opened(store_url)
    for i in range(5):
        store.teach(lesson(f"outcome-{i}", subject=SubjectId("user", f"user-{i}")))
    changed(store, "UPDATE data_key SET wrapped = :body WHERE subject_id = 'user-1'", body=b"\1" * 61)
    both = opened(store_url, sealer=sealer(SECRET, NEW_SECRET))
    done = both.template_keys.rewrap(on_batch=lambda *_: None)
    assert (done.done, done.locked) == (4, {fingerprint(SECRET): 1})
