"""What lists of networks say, and of whom they say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_adapter.config import FEED_TAGS
from idp_adapter.core.evidence import network_feeds
from idp_adapter.core.types import History, Origin, Place, Signals
from tests.core import builders as b

KNOWN = History(habits=b.habits())
ELSEWHERE = Origin("a", "p", replace(b.LISBON, asn=64999))


def weigh(*tags: str, history: History = KNOWN, origin: Origin = ELSEWHERE, **asked):
    signals = Signals(origin=origin, network_tags=tags)
    return network_feeds.score(b.situation(history, signals, b.request(**asked)))


def test_the_settings_name_the_tags_that_the_source_knows():
    assert FEED_TAGS == network_feeds.TAGS


@pytest.mark.parametrize(
    ("tags", "code", "nats"),
    [
        (("deny",), "network_feed_deny", network_feeds.DENY),
        (("tor",), "network_feed_tor", network_feeds.TOR),
        (("hosting",), "network_feed_hosting", network_feeds.HOSTING),
        (("vpn",), "network_feed_vpn", network_feeds.VPN),
        (("allow",), "network_feed_allow", network_feeds.ALLOW),
        (("relay",), "network_feed_relay", 0.0),
        (("deny", "tor", "vpn", "hosting"), "network_feed_deny", network_feeds.DENY),
        (("relay", "hosting"), "network_feed_hosting", network_feeds.HOSTING),
        (("allow", "deny", "tor"), "network_feed_allow", network_feeds.ALLOW),
    ],
)
def test_the_strongest_tag_speaks_and_the_allow_list_overrules_all(tags, code, nats):
    evidence = weigh(*tags)
    assert [(reason.code, reason.nats) for reason in evidence.reasons] == [(code, nats)]
    assert evidence.nats == nats
    assert not evidence.abstains


def test_an_address_on_no_list_abstains():
    assert weigh().reasons[0].code == "network_feed_none"
    assert weigh().abstains


@pytest.mark.parametrize("tag", ["vpn", "hosting"])
def test_an_egress_that_the_subject_always_uses_says_nothing(tag):
    usual = weigh(tag, origin=b.HOME)
    assert usual.abstains
    assert usual.reasons[0].code == "network_feed_usual"
    assert weigh(tag, origin=Origin("a", "p", Place())).nats > 0


@pytest.mark.parametrize("tag", ["deny", "tor"])
def test_a_denied_address_or_a_tor_exit_speaks_against_whoever_uses_it(tag):
    assert weigh(tag, origin=b.HOME).nats > 0


def test_a_workload_lives_in_a_hosting_network_but_not_behind_tor():
    assert weigh("hosting", action="client_credentials", subject_type="service_account").abstains
    assert weigh("tor", action="client_credentials", subject_type="service_account").nats > 0


def test_a_backends_address_is_not_the_users():
    assert weigh("deny", action="refresh", of_end_user=False).abstains


def test_a_place_behind_an_egress_is_masked_and_a_denied_one_is_not():
    assert all(network_feeds.is_masked((tag,)) for tag in ("tor", "vpn", "hosting", "relay", "allow"))
    assert not network_feeds.is_masked(("deny",))
    assert not network_feeds.is_masked(())
    assert not network_feeds.is_masked(("hosting",), is_workload=True)
    assert network_feeds.is_masked(("hosting", "vpn"), is_workload=True)
