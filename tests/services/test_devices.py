"""Devices and their posture through the services: from a report or an assertion to the decision it moves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.posture import PostureRules
from idp_adapter.core.types import Binding, ComplianceStatus, Hook, OutcomeType, Posture, PostureAssertion, SubjectId
from idp_adapter.errors import NotFound, PostureRejected, RequestInvalid
from idp_adapter.services.devices import DeviceKeeper
from idp_adapter.services.ports import HistoryQuery
from tests.services.conftest import ABROAD_IP, login, telemetry
from tools.driver.telemetry import Device, DeviceKey

GOOD, BAD = ComplianceStatus.COMPLIANT, ComplianceStatus.NOT_COMPLIANT
ISSUER, ALICE = login().issuer, login().subject.key
FIREFOX = login().network.user_agent


def keeper(house) -> DeviceKeeper:
    return DeviceKeeper(house.store.devices, lambda _: house.policy)


def listed(house):
    return keeper(house).devices(ISSUER, ALICE, now=house.now)


def codes(decision, source):
    item = next(item for item in decision.risk.contributions if item.source == source)
    return [reason.code for reason in item.reasons]


def signed_login(key: DeviceKey | None, challenge: str = "c-1", **changes):
    device = Device(user_agent=FIREFOX, key=key)
    return login(telemetry=device.telemetry(challenge, []), telemetry_challenge="c-1", **changes)


def enrolled(house, key: DeviceKey, logins: int = 4) -> None:
    for _ in range(logins):
        house.tell(house.ask(signed_login(key)))
        house.now += timedelta(hours=1)


def test_the_story_of_a_browser_its_thieves_and_its_list(house):
    mine = DeviceKey()
    enrolled(house, mine)
    assert codes(house.ask(signed_login(mine)), "device") == ["device_key_known"]
    assert codes(house.ask(signed_login(DeviceKey())), "device") == ["device_cookie_without_its_key"]
    assert codes(house.ask(signed_login(None)), "device") == ["device_cookie_key_silent"]
    assert codes(house.ask(signed_login(None, cookie=None)), "device") == ["device_fingerprint_copied"]
    replayed = house.ask(signed_login(mine, challenge="c-0", cookie=None))
    assert codes(replayed, "device")[-1] == "device_proof_replayed"
    assert sorted((item.device.kind, item.device.seen, item.is_trusted) for item in listed(house)) == [
        ("cookie", 4, True),
        ("key", 4, True),
    ]


def test_a_stolen_cookie_from_abroad_steps_up_and_teaches_nothing(house):
    house.familiar()
    stolen = house.ask(login(ABROAD_IP))
    assert "device_cookie_in_two_places" in codes(stolen, "device")
    assert stolen.acr_values == ("urn:idp-adapter:acr:mfa",)
    house.tell(stolen, OutcomeType.STEP_UP_FAILED)
    assert [item.device.seen for item in listed(house)] == [4]


def test_a_device_past_its_trust_is_listed_so_and_renewed_by_a_confirmed_login(house):
    house.policy = replace(house.policy, devices=DeviceRules(timedelta(days=10)))
    house.familiar()
    house.now += timedelta(days=11)
    assert [item.is_trusted for item in listed(house)] == [False]
    late = house.ask()
    assert codes(late, "device") == ["device_trust_expired"]
    house.tell(late, OutcomeType.STEP_UP_SUCCEEDED)
    assert [item.is_trusted for item in listed(house)] == [True]
    assert codes(house.ask(), "device") == ["device_cookie_known"]


def test_a_removed_device_is_a_stranger_again_and_a_named_one_keeps_its_name(house):
    house.familiar()
    of = ("cookie", listed(house)[0].device.id)
    keeper(house).rename(ISSUER, ALICE, of, "  Kitchen ")
    house.tell(house.ask())
    assert listed(house)[0].device.name == "Kitchen"
    keeper(house).rename(ISSUER, ALICE, of, "")
    assert listed(house)[0].device.name is None
    keeper(house).remove(ISSUER, ALICE, of)
    assert codes(house.ask(), "device") == ["device_history_none"]
    for act in (lambda: keeper(house).remove(ISSUER, ALICE, of), lambda: keeper(house).rename(ISSUER, ALICE, of, "x")):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\x1b[2J"])
def test_a_name_is_short_and_printable(house, name):
    house.familiar(1)
    with pytest.raises(RequestInvalid, match="printable"):
        keeper(house).rename(ISSUER, ALICE, ("cookie", listed(house)[0].device.id), name)


# --- token bindings ---------------------------------------------------------------------------------


def refresh(jkt: str | None, sid: str = "s"):
    asked = login(hook=Hook.REFRESH, binding=Binding(jkt=jkt))
    return replace(asked, session=replace(asked.session, sid=sid))


def test_a_refresh_with_another_key_than_the_sessions_first_is_seen_and_asking_again_changes_nothing(house):
    first = house.ask(refresh("jkt-1"))
    assert codes(house.ask(refresh("jkt-1")), "device") == codes(first, "device") == ["device_not_seen_here"]
    thief = [codes(house.ask(refresh("jkt-2")), "device") for _ in range(3)]
    assert thief == [["binding_changed"]] * 3
    assert codes(house.ask(refresh(None)), "device") == ["binding_lost"]
    assert codes(house.ask(refresh("jkt-1")), "device") == ["device_not_seen_here"]
    assert codes(house.ask(refresh("jkt-2", sid="another")), "device") == ["device_not_seen_here"]


def test_a_workloads_key_is_known_after_confirmed_tokens(house):
    job = SubjectId("service_account", "job")

    def ask(jkt):
        asked = login(cookie=None, hook=Hook.CLIENT_CREDENTIALS, binding=Binding(jkt=jkt))
        return house.ask(replace(asked, subject=replace(asked.subject, key=job)))

    house.tell(ask("jkt-1"), subject=job)
    assert codes(ask("jkt-1"), "device") == ["binding_known"]
    assert codes(ask("jkt-2"), "device") == ["binding_new"]
    assert codes(ask(None), "device") == ["binding_missing"]


# --- posture -------------------------------------------------------------------------------------------


def report(house, status, device_id, **changes):
    posture = Posture(device_id, "mdm", status, house.now, house.now)
    return keeper(house).report(ISSUER, replace(posture, **changes), now=house.now)


def test_a_report_moves_the_next_decision_of_that_device_in_both_directions(house):
    mine = DeviceKey()
    enrolled(house, mine)
    key_id = next(item.device.id for item in listed(house) if item.device.kind == "key")
    assert report(house, BAD, key_id)
    assert codes(house.ask(signed_login(mine)), "posture") == ["posture_not_compliant"]
    house.now += timedelta(hours=2)
    assert report(house, GOOD, key_id)
    assert codes(house.ask(signed_login(mine)), "posture") == ["posture_compliant"]
    assert listed(house)[0].postures or listed(house)[1].postures
    house.now += house.policy.posture.max_age + timedelta(minutes=1)
    assert codes(house.ask(signed_login(mine)), "posture") == ["posture_stale"]


def test_a_status_that_flips_within_the_hour_is_not_believed(house):
    mine = DeviceKey()
    enrolled(house, mine)
    key_id = next(item.device.id for item in listed(house) if item.device.kind == "key")
    for status in (GOOD, BAD, GOOD):
        house.now += timedelta(minutes=5)
        report(house, status, key_id)
    assert codes(house.ask(signed_login(mine)), "posture") == ["posture_flapping"]


def test_a_thief_with_the_cookie_gains_nothing_from_the_devices_good_posture(house):
    house.familiar()
    report(house, GOOD, listed(house)[0].device.id)
    decision = house.ask(login(ABROAD_IP))
    assert codes(decision, "posture") == ["posture_unproved"]


def test_reports_of_unknown_devices_and_from_the_future_are_refused(house):
    house.familiar(1)
    with pytest.raises(NotFound):
        report(house, GOOD, "unknown")
    with pytest.raises(RequestInvalid, match="future"):
        report(house, GOOD, listed(house)[0].device.id, seen=house.now + timedelta(minutes=6))


class Signed:
    """A verifier double: knows one assertion, to spare these tests the keys that its own tests have."""

    def __init__(self) -> None:
        self.proved: list[set[str]] = []

    def verify(self, text, request, proved, *, now):
        self.proved.append(set(proved))
        if text != "good":
            raise PostureRejected(text)
        return PostureAssertion(GOOD, now)


def test_an_assertion_counts_with_what_the_request_proved_and_a_forged_one_is_counted_and_speaks_against(house):
    verifier = Signed()
    decider = replace(house.decider, assertions=verifier)
    asked = replace(signed_login(DeviceKey()), posture_assertion="good", binding=Binding("jkt-1", "x5t-1"))
    good = decider.decide(asked, now=house.now, decision_id="d-1")
    assert codes(good, "posture") == ["posture_compliant"]
    forged = decider.decide(login(posture_assertion="bad_signature"), now=house.now, decision_id="d-2")
    assert codes(forged, "posture") == ["posture_assertion_forged"]
    assert house.tally.counts["posture rejected bad_signature"] == 1
    assert len(verifier.proved[0]) == 3
    assert verifier.proved[1] == set()


def test_an_assertion_of_a_proxy_beside_a_request_that_proves_no_device_says_nothing(house):
    decider = replace(house.decider, assertions=Signed())
    asked = decider.decide(login(posture_assertion="nothing_proved"), now=house.now, decision_id="d-1")
    assert codes(asked, "posture") == ["posture_unknown"]
    assert house.tally.counts["posture rejected nothing_proved"] == 1


def test_where_no_issuer_is_trusted_an_assertion_is_not_looked_at(house):
    assert codes(house.ask(login(posture_assertion="good")), "posture") == ["posture_unknown"]


def test_a_browser_older_than_the_policys_least_is_named(house):
    house.policy = replace(house.policy, posture=PostureRules(minimum_versions={"firefox": 146}))
    assert codes(house.ask(), "posture") == ["posture_browser_outdated"]


def test_an_exempt_subjects_device_still_counts(house):
    house.familiar()
    asked = login(telemetry=telemetry(), telemetry_challenge="c-1")
    assert codes(house.ask(asked), "device") == ["device_cookie_known"]


def test_nothing_of_an_assertion_is_stored(house):
    decider = replace(house.decider, assertions=Signed())
    decider.decide(login(posture_assertion="good"), now=house.now, decision_id="d-1")
    assert "good" not in json.dumps(house.store.export(ISSUER, ALICE))
    assert house.store.load(HistoryQuery(ISSUER, ALICE, None, house.now)).postures == ()
