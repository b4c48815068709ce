"""Networks and places through the whole service: honest people on the move, and attackers who hide."""

from __future__ import annotations

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
