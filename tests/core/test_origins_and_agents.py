"""Addresses, distances and user agents."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_adapter.core.origins import distance_km, ip_kind
from idp_adapter.core.types import Place
from idp_adapter.core.user_agent import Agent, agent_of, platform_version, summarise
from tests.core import builders as b


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("8.8.8.8", "public"),
        ("10.1.2.3", "private"),
        ("100.64.1.1", "shared"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("fe80::1", "private"),
        ("fe80::1%eth0", "private"),
        ("fd00::1", "private"),
        ("172.20.0.1", "private"),
        ("169.254.1.1", "private"),
        ("192.0.2.1", "public"),
        ("0.0.0.0", "unknown"),
        ("224.0.0.1", "unknown"),
        ("ff02::1", "unknown"),
        ("2606:4700::1", "public"),
        ("not an address", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_taken_for_what_it_is(ip, kind):
    assert ip_kind(ip) == kind


def test_lisbon_to_singapore_is_the_great_circle_less_both_radii():
    assert distance_km(b.LISBON, b.SINGAPORE) == pytest.approx(11_890, rel=0.01)
    assert distance_km(b.LISBON, b.LISBON) == 0


def test_an_unknown_point_has_no_distance():
    assert distance_km(b.LISBON, Place(country="PT")) is None


LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "summary"),
    [
        (LINUX, "Firefox/145 on Linux"),
        (CHROME, "Chrome/142 on Windows"),
        (CHROME + " Edg/142.0.1", "Edge/142 on Windows"),
        (SAFARI, "Safari/18 on iOS"),
        ("python-requests/2.32.3", "python-requests/2 on unknown"),
        ("curl", "curl/0 on unknown"),
        ("", ""),
        (None, ""),
        ("()", ""),
        ("x" * 100_000, "x" * 32 + "/0 on unknown"),
    ],
)
def test_a_user_agent_is_reduced_to_family_version_and_platform(agent, summary):
    assert summarise(agent) == summary


IPAD = SAFARI.replace("iPhone; CPU iPhone OS", "iPad; CPU OS")
TABLET = CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 14; SM-X906C")


@pytest.mark.parametrize(
    ("agent", "levels"),
    [
        (LINUX, Agent("Firefox", 145, "Linux", "desktop")),
        (SAFARI, Agent("Safari", 18, "iOS", "mobile")),
        (IPAD, Agent("Safari", 18, "iOS", "tablet")),
        (TABLET, Agent("Chrome", 142, "Android", "tablet")),
        (TABLET.replace("Safari", "Mobile Safari"), Agent("Chrome", 142, "Android", "mobile")),
        ("python-requests/2.32.3", Agent("python-requests", 2, "unknown", "unknown")),
        ("()", None),
    ],
)
def test_a_summary_keeps_every_level(agent, levels):
    assert agent_of(summarise(agent)) == levels


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        (SAFARI, ("iOS", 18)),
        (IPAD, ("iOS", 18)),
        (TABLET, ("Android", 14)),
        (CHROME, ("Windows", 10)),
        (CHROME.replace("NT 10.0", "NT 6.1"), ("Windows", 6)),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605", ("macOS", 10)),
        (LINUX, None),
        ("curl/8", None),
        (None, None),
    ],
)
def test_a_platform_tells_its_version_as_far_as_browsers_let_it(agent, version):
    assert platform_version(agent) == version


@pytest.mark.parametrize(
    ("majors", "days", "follows"),
    [
        ((145, 145), 0, True),
        ((145, 146), 1, True),
        ((18, 26), 1, True),
        ((120, 145), 365, True),
        ((145, 144), 365, False),
        ((120, 145), 7, False),
        ((120, 9999), 365, False),
    ],
)
def test_a_browser_is_upgraded_step_by_step_and_never_downgraded(majors, days, follows):
    before, now = (Agent("Firefox", major, "Linux", "desktop") for major in majors)
    assert now.may_follow(before, timedelta(days=days)) is follows
