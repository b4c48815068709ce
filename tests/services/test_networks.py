"""Networks and places through the whole service: honest people on the move, and attackers who hide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.core.evidence import account
from idp_adapter.core.fusion import WEIGHTS
from idp_adapter.core.types import Level, Origin, Outcome, OutcomeType, SubjectId
from idp_adapter.services.ports import Lesson
from tests.core import builders as b
from tests.services.conftest import ABROAD_IP, HOME_IP, House, login


def source(decision, name):
    return next(item for item in decision.risk.contributions if item.source == name)


def codes(decision):
    return {reason.code for item in decision.risk.contributions if not item.abstains for reason in item.reasons}


def test_a_denied_address_asks_a_stranger_for_a_factor_and_a_known_device_not(house: House):
    house.familiar()
    house.feeds.by_ip = {HOME_IP: ("deny",)}
    assert not house.ask(login(cookie="other")).permitted
    assert house.ask().permitted


def test_a_private_address_is_on_no_list(house: House):
    house.feeds.by_ip = {"10.0.0.7": ("deny",)}
    assert source(house.ask(login("10.0.0.7")), "network_feeds").abstains


def test_the_sites_own_egress_is_reassuring_wherever_it_is(house: House):
    house.familiar()
    house.feeds.by_ip = {ABROAD_IP: ("allow", "hosting", "deny")}
    assert "network_feed_allow" in codes(house.ask(login(ABROAD_IP)))
    assert house.ask(login(ABROAD_IP)).permitted


# --- honest people ------------------------------------------------------------------------------------------


def test_a_carriers_thirty_addresses_cost_nobody_a_factor(house: House):
    house.familiar(6)
    for i in range(30):
        ip = f"192.0.2.{i + 100}" if i % 2 else f"192.0.{i % 8}.{i + 100}"
        decision = house.ask(login(ip))
        assert decision.permitted
        assert decision.risk.level is Level.LOW
        house.tell(decision)
        house.now += timedelta(hours=3)


def test_an_ipv6_address_that_rotates_daily_stays_known(house: House):
    for day in range(8):
        decision = house.ask(login(f"2001:db8:1:2:{day + 1:x}:aaaa:{day * 77:x}:1"))
        assert decision.permitted
        house.tell(decision)
        house.now += timedelta(days=1)
    assert codes(house.ask(login("2001:db8:1:2:ffff:ffff:ffff:ffff"))) >= {"network_address_known"}


def test_a_vpn_that_goes_on_and_off_is_no_travel_and_costs_a_known_device_nothing(house: House):
    house.familiar()
    house.feeds.by_ip = {ABROAD_IP: ("vpn",)}
    for i in range(12):
        decision = house.ask(login(ABROAD_IP if i % 2 else HOME_IP))
        assert decision.permitted
        assert "travel_impossible" not in codes(decision)
        house.tell(decision)
        house.now += timedelta(minutes=20)


def test_a_holiday_abroad_on_the_own_device_is_quiet(house: House):
    house.familiar(6)
    house.now += timedelta(hours=20)
    decision = house.ask(login(ABROAD_IP))
    assert decision.permitted
    assert "travel_impossible" not in codes(decision)


def test_conference_wifi_on_the_own_device_is_quiet_though_colleagues_mistype(house: House):
    house.familiar(6)
    conference = "198.51.100.7"
    for i in range(9):
        who = SubjectId("user", f"colleague-{i}")
        asked = login(conference, cookie=f"own-{i}")
        decision = house.ask(replace(asked, subject=replace(asked.subject, key=who)))
        house.tell(decision, OutcomeType.LOGIN_FAILED if i % 3 == 0 else OutcomeType.LOGIN_SUCCEEDED, subject=who)
    assert house.ask(login(conference)).permitted


def fail_from(house: House, ip: str, subjects: int, *, type_=OutcomeType.LOGIN_FAILED) -> None:
    asked = login(ip)
    origin = house.store.decision(asked.issuer, house.ask(asked).id).origin
    for i in range(subjects):
        who = SubjectId("user", f"{type_}-{i}")
        house.told += 1
        outcome = Outcome(f"f{house.told}", asked.issuer, type_, house.now, None, who, origin=origin)
        house.store.teach(Lesson(outcome, failure=type_ is OutcomeType.LOGIN_FAILED))


def test_an_office_behind_one_address_may_mistype_on_a_monday(house: House):
    house.familiar()
    fail_from(house, HOME_IP, 6)
    assert "failures_spray" in codes(house.ask())
    fail_from(house, HOME_IP, 40, type_=OutcomeType.LOGIN_SUCCEEDED)
    assert "failures_spray" not in codes(house.ask())


# --- attackers -----------------------------------------------------------------------------------------------


def test_a_spray_over_many_subjects_asks_the_one_it_hits_for_a_factor(house: House):
    house.familiar()
    fail_from(house, ABROAD_IP, 30)
    hit = house.ask(login(ABROAD_IP, cookie=None))
    assert "failures_spray" in codes(hit)
    assert not hit.permitted


def test_a_spray_over_many_prefixes_shows_in_the_network(house: House):
    house.familiar()
    place = b.SINGAPORE
    for i in range(40):
        asked = login()
        origin = Origin(f"a-{i}", f"p-{i}", place)
        outcome = Outcome(f"s{i}", asked.issuer, OutcomeType.LOGIN_FAILED, house.now, None, origin=origin)
        subject = SubjectId("user", f"victim-{i}")
        house.store.teach(Lesson(replace(outcome, subject=subject), failure=True))
    assert "failures_spray_of_network" not in codes(house.ask(login(ABROAD_IP, cookie=None)))
    house.populations.renew(now=house.now)
    assert "failures_spray_of_network" in codes(house.ask(login(ABROAD_IP, cookie=None)))


def test_a_thief_behind_a_vpn_escapes_travel_and_still_steps_up(house: House):
    house.familiar(6)
    for tags in (("vpn",), ("hosting",), ("tor",)):
        house.feeds.by_ip = {ABROAD_IP: tags}
        decision = house.ask(login(ABROAD_IP, cookie=None))
        assert source(decision, "travel").abstains
        assert f"network_feed_{tags[0]}" in codes(decision)
        assert not decision.permitted


def test_a_login_behind_a_vpn_teaches_no_place_to_travel_from(house: House):
    house.familiar()
    house.feeds.by_ip = {ABROAD_IP: ("vpn",)}
    house.tell(house.ask(login(ABROAD_IP)), OutcomeType.STEP_UP_SUCCEEDED)
    house.feeds.by_ip = {}
    house.now += timedelta(minutes=5)
    assert "travel_impossible" not in codes(house.ask())
    assert "travel_impossible" in codes(house.ask(login(ABROAD_IP)))


def test_a_changed_credential_counts_against_a_stranger_and_hardly_against_a_known_device(house: House):
    house.familiar()
    stranger = login(cookie=None)
    before = house.ask(stranger).risk.nats
    house.tell(house.ask(), OutcomeType.CREDENTIAL_CHANGED)
    after = house.ask(stranger)
    assert after.risk.nats - before == pytest.approx(account.CREDENTIAL_JUST_CHANGED * WEIGHTS["account"])
    assert house.ask().permitted
    house.now += timedelta(days=2)
    assert "account_credential_changed" not in codes(house.ask(stranger))


def test_a_store_whose_clock_runs_ahead_makes_no_travel_out_of_home(house: House):
    house.familiar()
    house.now -= timedelta(hours=2)
    assert house.ask().permitted
    assert "travel_impossible" in codes(house.ask(login(ABROAD_IP)))


@pytest.mark.parametrize("ip", ["", "unknown", "999.1.1.1", "<script>", "192.0.2.7, 203.0.113.9", "0.0.0.0", "\ud800"])
def test_an_address_that_is_none_harms_nothing_beneath_the_wire(house: House, ip):
    house.familiar()
    decision = house.ask(login(ip))
    assert source(decision, "travel").abstains
    assert not house.tally.counts["failed network"]
