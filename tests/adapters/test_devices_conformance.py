"""One suite for every book of devices: what `ports.Devices` promises, and what reading and erasure make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp_adapter.core.types import ComplianceStatus, Posture
from idp_adapter.errors import RequestInvalid, RequestTooLarge
from idp_adapter.services.ports import Lesson, Reported, Retention
from tests.support.records import ALICE, BOB, NOW, REALM_A, REALM_B, device, outcome, query

GOOD, BAD = ComplianceStatus.COMPLIANT, ComplianceStatus.NOT_COMPLIANT
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LONG = 1000 * DAY
KEY = ("key", "key-1")


def posture(status: ComplianceStatus = GOOD, *, at: Any = NOW, of: str = "key-1", by: str = "mdm") -> Posture:
    return Posture(of, by, status, since=at, seen=at)


def known(store: Any, *ids: str, issuer: str = REALM_A, subject: Any = ALICE) -> None:
    devices = tuple(device(id_) for id_ in ids)
    store.teach(Lesson(outcome(f"o-{issuer}-{subject.id}-{ids[0]}", issuer=issuer, subject=subject), devices=devices))


def loaded(store: Any, *ids: str, issuer: str = REALM_A) -> tuple[Posture, ...]:
    return store.load(replace(query(issuer=issuer), device_ids=ids)).postures


def test_devices_come_whole_with_the_newest_seen_first(store):
    old = device("cookie-1", kind="cookie", last_seen=NOW - DAY, paired_key="key-1")
    store.teach(Lesson(outcome(), devices=(old, device("key-1"))))
    assert store.devices.devices(REALM_A, ALICE) == (device("key-1"), old)
    assert set(store.load(query()).devices) == {device("key-1"), old}
    assert store.devices.devices(REALM_A, BOB) == ()
    assert store.devices.devices(REALM_B, ALICE) == ()


def test_a_name_stays_when_the_device_is_seen_again_and_can_be_taken_away(store):
    known(store, "key-1")
    assert store.devices.rename(REALM_A, ALICE, KEY, "Kitchen")
    store.teach(Lesson(outcome("o-2"), devices=(device("key-1", seen=6),)))
    assert [(found.name, found.seen) for found in store.devices.devices(REALM_A, ALICE)] == [("Kitchen", 6)]
    assert store.devices.rename(REALM_A, ALICE, KEY, None)
    assert store.devices.devices(REALM_A, ALICE)[0].name is None


@pytest.mark.parametrize(("name", "error"), [("a\0b", RequestInvalid), ("x" * 70_000, RequestTooLarge)])
def test_a_name_that_cant_be_stored_is_refused(store, name, error):
    known(store, "key-1")
    with pytest.raises(error):
        store.devices.rename(REALM_A, ALICE, KEY, name)


@pytest.mark.parametrize(
    ("issuer", "subject", "of"), [(REALM_B, ALICE, KEY), (REALM_A, BOB, KEY), (REALM_A, ALICE, ("cookie", "key-1"))]
)
def test_nobody_elses_device_is_renamed_or_removed(store, issuer, subject, of):
    known(store, "key-1")
    assert not store.devices.rename(issuer, subject, of, "mine")
    assert not store.devices.remove(issuer, subject, of)
    assert store.devices.devices(REALM_A, ALICE) == (device("key-1"),)


def test_a_removed_device_is_gone_with_its_posture_unless_another_has_it_too(store):
    known(store, "key-1", "key-2")
    known(store, "key-1", subject=BOB)
    for id_ in ("key-1", "key-2"):
        store.devices.report(REALM_A, posture(of=id_))
        assert store.devices.remove(REALM_A, ALICE, ("key", id_))
    assert store.load(query()).devices == ()
    assert [found.device_id for found in loaded(store, "key-1", "key-2")] == ["key-1"]
    assert store.devices.postures(REALM_A, ALICE) == ()
    assert len(store.devices.postures(REALM_A, BOB)) == 1


# --- posture ----------------------------------------------------------------------------------------


def test_a_report_is_what_the_next_load_brings_of_the_devices_that_are_shown(store):
    known(store, "key-1", "key-2")
    assert store.devices.report(REALM_A, posture()) is Reported.STORED
    assert store.devices.report(REALM_A, posture(BAD, by="edr")) is Reported.STORED
    store.devices.report(REALM_A, posture(of="key-2"))
    assert set(loaded(store, "key-1", "unknown")) == {posture(), posture(BAD, by="edr")}
    assert loaded(store) == ()


def test_a_report_of_no_device_of_the_realm_is_stored_nowhere(store):
    known(store, "key-1", issuer=REALM_B)
    assert store.devices.report(REALM_A, posture()) is Reported.UNKNOWN
    assert loaded(store, "key-1") == ()
    assert loaded(store, "key-1", issuer=REALM_B) == ()


def test_a_report_of_one_realm_is_never_another_realms(store):
    known(store, "key-1")
    known(store, "key-1", issuer=REALM_B)
    store.devices.report(REALM_B, posture(BAD))
    assert loaded(store, "key-1") == ()
    assert loaded(store, "key-1", issuer=REALM_B) == (posture(BAD),)


def test_an_older_or_repeated_report_changes_nothing(store):
    known(store, "key-1")
    store.devices.report(REALM_A, posture(BAD))
    for at in (NOW, NOW - MINUTE):
        assert store.devices.report(REALM_A, posture(GOOD, at=at)) is Reported.OLDER
    assert loaded(store, "key-1") == (posture(BAD),)


def test_a_status_keeps_since_when_it_holds_and_when_the_one_before_began(store):
    known(store, "key-1")
    for minute, status in enumerate([GOOD, GOOD, BAD, BAD, GOOD]):
        store.devices.report(REALM_A, posture(status, at=NOW + minute * MINUTE))
    assert loaded(store, "key-1") == (
        Posture("key-1", "mdm", GOOD, NOW + 4 * MINUTE, NOW + 4 * MINUTE, NOW + 2 * MINUTE),
    )


def test_what_load_brings_is_bounded_whatever_many_report(store):
    known(store, "key-1")
    for i in range(20):
        store.devices.report(REALM_A, posture(by=f"source-{i}", at=NOW + i * MINUTE))
    found = loaded(store, "key-1")
    assert len(found) == 16
    assert found[0].source == "source-19"
    assert len(store.load(replace(query(), device_ids=tuple(f"d{i}" for i in range(9)))).postures) == 0


def test_a_flood_of_made_up_devices_stores_not_one_row(store):
    known(store, "key-1")
    for i in range(200):
        assert store.devices.report(REALM_A, posture(of=f"made-up-{i}")) is Reported.UNKNOWN
    assert store.retain(Retention(LONG, LONG, LONG, timedelta(0), LONG), now=NOW + DAY)["posture"] == 0


@pytest.mark.parametrize("id_", ["' OR 1=1 --", "key-1' UNION SELECT", "%", "_____", "key-1\\", "🙂"])
def test_an_id_is_a_value_and_never_a_pattern_or_a_statement(store, id_):
    known(store, "key-1")
    assert store.devices.report(REALM_A, posture(of=id_)) is Reported.UNKNOWN
    assert loaded(store, id_) == ()


def test_an_export_holds_the_posture_of_the_subjects_devices_alone(store):
    known(store, "key-1")
    known(store, "key-2", subject=BOB)
    for id_ in ("key-1", "key-2"):
        store.devices.report(REALM_A, posture(of=id_))
    exported = store.export(REALM_A, ALICE)
    assert [(row["device_id"], row["status"]) for row in exported["postures"]] == [("key-1", "compliant")]
    assert exported["devices"][0]["name"] is None


def test_erasure_takes_the_posture_of_the_subjects_devices_along(store):
    known(store, "key-1")
    known(store, "key-2", subject=BOB)
    for id_ in ("key-1", "key-2"):
        store.devices.report(REALM_A, posture(of=id_))
    assert store.erase(REALM_A, ALICE) == 4  # device, posture, outcome, authentication
    assert [found.device_id for found in loaded(store, "key-1", "key-2")] == ["key-2"]


def test_retention_forgets_posture_that_nobody_renews(store):
    known(store, "key-1")
    store.devices.report(REALM_A, posture())
    assert store.retain(Retention(LONG, LONG, LONG, DAY, LONG), now=NOW + DAY / 2)["posture"] == 0
    assert store.retain(Retention(LONG, LONG, LONG, DAY, LONG), now=NOW + 2 * DAY)["posture"] == 1
