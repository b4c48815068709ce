"""The device source: keys, cookies, fingerprints, user agents and token bindings, honest and copied."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.evidence import agents, bindings, device
from idp_adapter.core.types import Binding, BrowserFacts, History, Hook, LastLogin, Session, Sighting, Signals
from idp_adapter.core.user_agent import Agent
from tests.core import builders as b

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIREFOX = Agent("Firefox", 145, "Linux", "desktop")
PAIR = (b.device(), b.device("cookie-1", "cookie", paired_key="key-1"))
KEYLESS = (b.device("cookie-1", "cookie"),)
RETURN = replace(b.request(), session=Session(sid="s", age_s=600))  # by Keycloak's session: no form, no proof
SIGNED = b.telemetry()
UNSIGNED = b.telemetry(key_id=None)
COOKIE = "cookie-1"


NEW = round(0.4 - math.log(0.5 / 7), 4)  # by hand: seen five times, nothing seen once; (0 + .5) / (5 + 2)


def score(signals=None, devices=PAIR, asked=None, **habits):
    known = b.habits(**{"user_agents": (b.sighting(b.FIREFOX),), "last": None, **habits})
    return device.score(b.situation(History(habits=known, devices=devices), signals, asked))


def codes(evidence):
    return [reason.code for reason in evidence.reasons]


@pytest.mark.parametrize(
    ("signals", "devices", "code", "nats"),
    [
        (Signals(telemetry=SIGNED), PAIR, "device_key_known", device.KEY_KNOWN),
        (Signals(telemetry=SIGNED, cookie_id=COOKIE), PAIR, "device_key_known", device.KEY_KNOWN),
        (Signals(telemetry=SIGNED), (b.device(confirmed=False),), "device_key_unconfirmed", device.KEY_UNCONFIRMED),
        (Signals(telemetry=b.telemetry(key_id="key-9")), PAIR, "device_key_new", NEW),
        (Signals(cookie_id=COOKIE, telemetry=UNSIGNED), PAIR, "device_cookie_key_silent", device.COOKIE_KEY_SILENT),
        (Signals(cookie_id=COOKIE), KEYLESS, "device_cookie_known", device.COOKIE_KNOWN),
        (Signals(cookie_id=COOKIE, telemetry=UNSIGNED), KEYLESS, "device_cookie_known", device.COOKIE_KNOWN),
        (Signals(cookie_id=COOKIE, telemetry=SIGNED), KEYLESS, "device_cookie_known", device.COOKIE_KNOWN),
        (Signals(cookie_id="cookie-9"), KEYLESS, "device_unknown", NEW),
        (Signals(), PAIR, "device_unknown", NEW),
    ],
)
def test_a_device_is_known_by_its_key_then_by_its_cookie(signals, devices, code, nats):
    evidence = score(signals, devices)
    assert (codes(evidence)[0], evidence.reasons[0].nats) == (code, nats)
    assert evidence.nats == pytest.approx(sum(reason.nats for reason in evidence.reasons))


def key(number, seen):
    return b.device(f"key-{number}", seen=seen)


@pytest.mark.parametrize(
    ("devices", "nats"),
    [
        pytest.param((key(1, 1),), device.LEAST_NEW, id="one login: .4 - log(1.5 / 3) is below the least"),
        pytest.param((key(1, 9), key(2, 1)), 0.4 - math.log(1.5 / 12), id="of ten logins one began another device"),
        pytest.param((key(1, 6), key(2, 4)), 0.4 - math.log(0.5 / 12), id="two devices that both came back"),
        pytest.param((key(1, 400),), device.MOST_NEW, id="always the same one"),
        pytest.param(tuple(key(i, 1) for i in range(16)), device.LEAST_NEW, id="a browser that forgets its key"),
        pytest.param((b.device("c", "cookie", seen=1), key(1, 10)), 0.4 - math.log(0.5 / 12), id="keys before cookies"),
        pytest.param((b.device("c", "cookie", seen=10),), 0.4 - math.log(0.5 / 12), id="cookies alone"),
    ],
)
def test_a_new_browser_weighs_by_how_rarely_the_subject_brings_one_by_hand(devices, nats):
    assert device.newness_nats(devices) == pytest.approx(nats, abs=1e-4)


def test_a_return_by_keycloaks_session_can_prove_no_key_and_its_cookie_reassures_half():
    evidence = score(Signals(cookie_id=COOKIE), asked=RETURN)
    assert (codes(evidence), evidence.nats) == (["device_cookie_known"], device.COOKIE_KNOWN / 2)


@pytest.mark.parametrize("asked", [b.request("refresh"), b.request(subject_type="service_account")])
def test_where_no_browser_speaks_it_abstains(asked):
    assert codes(score(Signals(cookie_id=COOKIE), asked=asked)) == ["device_not_seen_here"]


def test_a_subject_known_by_client_keys_only_has_no_browser_to_compare_with():
    assert codes(score(Signals(), (b.device("jkt-1", "jkt"),))) == ["device_history_none"]


# --- copied cookies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        "Firefox/145 on Windows",
        "Chrome/145 on Linux",
        "Safari/18 on iOS",
        "Firefox/144 on Linux",
        "Firefox/400 on Linux",
        "Firefox/145 on Android tablet",
    ],
)
def test_a_cookie_of_another_browser_platform_class_or_version_is_copied(agent):
    evidence = score(Signals(cookie_id=COOKIE, user_agent=agent), KEYLESS)
    assert codes(evidence) == ["device_cookie_copied"]
    assert evidence.nats == device.COOKIE_COPIED > 0


def test_a_cookie_that_comes_with_another_key_than_its_own_is_copied():
    thief = score(Signals(cookie_id=COOKIE, telemetry=b.telemetry(key_id="thief"), user_agent=b.FIREFOX))
    assert codes(thief) == ["device_cookie_without_its_key"]
    assert thief.nats > 0


@pytest.mark.parametrize("telemetry", [None, UNSIGNED])
def test_a_copied_cookie_gains_nothing_by_leaving_the_proof_out(telemetry):
    assert score(Signals(cookie_id=COOKIE, telemetry=telemetry)).nats >= device.COOKIE_KEY_SILENT


def last(hours):
    """The subject's last login was with the cookie, so many hours ago, at home."""
    time = b.NOW - hours * HOUR
    return {"last": LastLogin(time, b.HOME)}, (b.device(COOKIE, "cookie", last_seen=time),)


@pytest.mark.parametrize(("hours", "code"), [(1, "device_cookie_in_two_places"), (20, "device_cookie_known")])
def test_a_cookie_used_in_two_places_at_once_does_not_reassure(hours, code):
    habits, devices = last(hours)
    evidence = score(Signals(origin=b.ABROAD, cookie_id=COOKIE), devices, **habits)
    assert codes(evidence) == [code]
    assert (evidence.nats > 0) is (hours == 1)


@pytest.mark.parametrize("tag", ["allow", "vpn", "relay"])
def test_a_cookie_that_comes_out_of_a_known_tunnel_is_in_one_place(tag):
    habits, devices = last(1)
    tunnelled = Signals(origin=b.ABROAD, network_tags=("hosting", tag), cookie_id=COOKIE)
    assert codes(score(tunnelled, devices, **habits)) == ["device_cookie_known"]


def test_where_a_place_of_the_cookie_is_not_known_it_is_no_contradiction():
    habits, devices = last(1)
    assert codes(score(Signals(origin=b.ABROAD, cookie_id=COOKIE), KEYLESS, **habits)) == ["device_cookie_known"]
    assert codes(score(Signals(cookie_id=COOKIE), devices, **habits)) == ["device_cookie_known"]


def test_a_proved_key_in_two_places_is_a_tunnel_and_stays_known():
    habits, _ = last(1)
    key = b.device(last_seen=b.NOW - HOUR)
    assert codes(score(Signals(origin=b.ABROAD, telemetry=SIGNED), (key,), **habits)) == ["device_key_known"]


# --- copied fingerprints and replayed proofs -----------------------------------------------------------


@pytest.mark.parametrize("telemetry", [None, UNSIGNED])
def test_the_same_browser_without_the_key_that_was_always_there_is_a_copied_fingerprint(telemetry):
    evidence = score(Signals(telemetry=telemetry, user_agent=b.FIREFOX))
    assert codes(evidence) == ["device_fingerprint_copied"]
    assert evidence.nats > score(Signals(user_agent="Chrome/140 on macOS")).reasons[0].nats


@pytest.mark.parametrize(
    "known",
    [
        b.device(seen=2),
        b.device(confirmed=False),
        b.device(user_agent="Chrome/140 on Windows"),
        b.device(user_agent=""),
        b.device("cookie-9", "cookie"),
    ],
)
def test_beside_a_browser_that_did_not_always_prove_a_key_it_is_only_unknown(known):
    assert codes(score(Signals(user_agent=b.FIREFOX), (known,)))[0] == "device_unknown"


def test_a_return_by_session_is_no_copied_fingerprint():
    assert codes(score(Signals(user_agent=b.FIREFOX), asked=RETURN))[0] == "device_unknown"


@pytest.mark.parametrize(
    ("rejected", "code"),
    [
        ("challenge", "device_proof_replayed"),
        ("bad_signature", "device_proof_forged"),
        ("bad_key", "device_proof_forged"),
    ],
)
def test_a_proof_for_another_form_or_by_no_key_is_named_and_speaks_against(rejected, code):
    honest = score(Signals(cookie_id=COOKIE, telemetry=UNSIGNED))
    evidence = score(Signals(cookie_id=COOKIE, telemetry_rejected=rejected))
    assert codes(evidence) == ["device_cookie_key_silent", code]
    assert evidence.nats > 0 > honest.nats


def test_telemetry_that_is_only_broken_is_no_forgery():
    assert codes(score(Signals(cookie_id=COOKIE, telemetry_rejected="malformed"))) == ["device_cookie_key_silent"]


@pytest.mark.parametrize("agent", ["Firefox/145 on Windows", "Firefox/120 on Linux"])
def test_a_key_in_another_browser_is_a_copied_profile(agent):
    assert codes(score(Signals(telemetry=SIGNED, user_agent=agent))) == ["device_key_elsewhere"]


# --- trust ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "code"), [(90, "device_key_known"), (91, "device_trust_expired")])
def test_a_device_not_confirmed_for_long_stops_reassuring(days, code):
    evidence = score(Signals(telemetry=SIGNED), (b.device(last_seen=b.NOW - days * DAY),))
    assert codes(evidence) == [code]
    assert (evidence.nats == 0) is (days == 91)


def test_an_expired_cookie_stops_reassuring_too():
    old = b.device(COOKIE, "cookie", last_seen=b.NOW - 100 * DAY)
    assert codes(score(Signals(cookie_id=COOKIE), (old,))) == ["device_trust_expired"]


def test_trust_ends_at_a_time_that_can_be_told_and_never_began_for_the_unconfirmed():
    rules = DeviceRules(trust=timedelta(days=10))
    assert rules.trusted_until(b.device()) == b.NOW + 9 * DAY
    assert rules.trusted_until(b.device(confirmed=False)) is None


# --- the user agent -----------------------------------------------------------------------------------------


def ratio(agent, sightings):
    return agents.ratio(agents.compared(agent, sightings, now=b.NOW))


def test_the_ratio_of_a_hand_worked_example():
    """Nine logins by Firefox on Linux, one by Safari on an iPhone."""
    seen = (Sighting(b.FIREFOX, 9, b.NOW, b.NOW), Sighting("Safari/18 on iOS", 1, b.NOW, b.NOW))
    chrome = Agent("Chrome", 140, "Linux", "desktop")
    # (.54 * 0 + .27 * 0 + .19 * .9/.3 + .005 * .9/.5) / 1.005 = .576119; of 10 logins and 2 of anybody's:
    assert ratio(chrome, seen) == pytest.approx((5.76119 + 2) / 12, abs=1e-6)
    # (.54 * .9/.1 + .27 * .9/.15 + .19 * .9/.3 + .005 * .9/.5) / 1.005 = 7.023881
    assert ratio(FIREFOX, seen) == pytest.approx((70.23881 + 2) / 12, abs=1e-6)


def test_of_whom_nothing_is_known_the_ratio_is_one_and_the_agent_is_silent():
    assert ratio(FIREFOX, ()) == 1
    assert ratio(FIREFOX, (b.sighting("()"),)) == 1
    assert codes(score(Signals(user_agent=b.FIREFOX), KEYLESS, user_agents=())) == ["device_unknown"]


@pytest.mark.parametrize(
    ("agent", "code", "known"),
    [
        ("Firefox/145 on Linux", "user_agent_known", None),
        ("Firefox/146 on Linux", "user_agent_known", None),
        ("Firefox/140 on Linux", "user_agent_downgraded", "platform"),
        ("Firefox/145 on Windows", "user_agent_new", "browser"),
        ("Chrome/140 on Linux", "user_agent_new", "platform"),
        ("Chrome/140 on Windows", "user_agent_new", "class"),
        ("Safari/18 on iOS", "user_agent_new", "nothing"),
    ],
)
def test_upgrades_are_quiet_and_each_level_that_is_new_is_named(agent, code, known):
    reason = score(Signals(user_agent=agent), KEYLESS).reasons[1]
    assert (reason.code, reason.params.get("known")) == (code, known)
    assert reason.nats < 0 if code == "user_agent_known" else reason.nats >= 0


def test_the_wider_the_level_that_is_new_the_more_it_weighs():
    familiar = {"user_agents": (replace(b.sighting(b.FIREFOX), count=40),)}
    seen = ["Firefox/145 on Linux", "Firefox/145 on Windows", "Chrome/140 on Linux", "Safari/18 on iOS"]
    weights = [score(Signals(user_agent=agent), KEYLESS, **familiar).reasons[1].nats for agent in seen]
    assert weights == sorted(weights)
    assert weights[-1] == agents.MOST_NEW


def test_a_downgrade_weighs_at_least_its_bound():
    reason = score(Signals(user_agent="Firefox/115 on Linux"), KEYLESS).reasons[1]
    assert (reason.code, reason.nats) == ("user_agent_downgraded", agents.DOWNGRADED)


def test_an_agent_never_speaks_where_a_device_named_the_browser():
    assert codes(score(Signals(telemetry=SIGNED, user_agent="Firefox/146 on Linux"))) == ["device_key_known"]


@pytest.mark.parametrize(
    ("facts", "agent", "contradicts"),
    [
        (BrowserFacts(platform="Linux"), b.FIREFOX, False),
        (BrowserFacts(platform="Windows"), b.FIREFOX, True),
        (BrowserFacts(platform="Chrome OS"), "Chrome/140 on ChromeOS", False),
        (BrowserFacts(platform="Fuchsia"), b.FIREFOX, False),
        (BrowserFacts(mobile=True), b.FIREFOX, True),
        (BrowserFacts(mobile=True), "Chrome/140 on Android", False),
        (BrowserFacts(), b.FIREFOX, False),
    ],
)
def test_client_hints_that_contradict_the_user_agent_are_named(facts, agent, contradicts):
    telemetry = replace(b.telemetry(key_id="key-9"), facts=facts)
    evidence = score(Signals(telemetry=telemetry, user_agent=agent))
    assert ("user_agent_contradicts_hints" in codes(evidence)) is contradicts


SUMMARIES = st.builds(
    "{}/{} on {}".format,
    st.sampled_from(["Firefox", "Chrome", "Safari", "curl"]),
    st.integers(0, 9999),
    st.sampled_from(["Linux", "Windows", "iOS", "Android tablet", "unknown"]),
)
SIGHTINGS = st.lists(
    st.builds(lambda value, count: replace(b.sighting(value), count=count), SUMMARIES, st.integers(1, 500)), max_size=16
)


@given(SUMMARIES, SIGHTINGS)
def test_any_agent_has_a_finite_ratio_and_bounded_weight(agent, seen):
    evidence = score(Signals(user_agent=agent), KEYLESS, user_agents=tuple(seen))
    assert math.isfinite(evidence.nats)
    if codes(evidence)[0] == "device_unknown":
        assert all(agents.MOST_KNOWN <= reason.nats <= agents.DOWNGRADED for reason in evidence.reasons[1:])


@given(SIGHTINGS)
def test_seeing_an_agent_once_more_never_makes_it_stranger(seen):
    more = (*seen, b.sighting(b.FIREFOX))
    assert ratio(FIREFOX, more) >= min(ratio(FIREFOX, seen), 1)


# --- token bindings ---------------------------------------------------------------------------------------------


UNBOUND = Binding()


def bound(hook, shown, *, devices=(), first=UNBOUND, subject_type="user"):
    asked = replace(b.request(hook, subject_type=subject_type), binding=shown)
    return device.score(b.situation(History(devices=devices, first_binding=first), None, asked))


JKT, OTHER_JKT, CERT = Binding(jkt="jkt-1"), Binding(jkt="jkt-2"), Binding(x5t_s256="x5t-1")


@pytest.mark.parametrize("hook", [Hook.TOKEN, Hook.REFRESH, Hook.TOKEN_EXCHANGE])
@pytest.mark.parametrize(
    ("first", "shown", "code"),
    [
        (JKT, JKT, "device_not_seen_here"),
        (JKT, OTHER_JKT, "binding_changed"),
        (JKT, Binding(), "binding_lost"),
        (CERT, Binding(x5t_s256="x5t-2"), "binding_changed"),
        (CERT, JKT, "binding_lost"),
        (Binding(), JKT, "device_not_seen_here"),
        (Binding(), Binding(), "device_not_seen_here"),
    ],
)
def test_a_session_keeps_the_key_that_its_first_tokens_showed(hook, first, shown, code):
    evidence = bound(hook, shown, first=first)
    assert codes(evidence) == [code]
    assert evidence.abstains or evidence.nats > 0  # nothing confirmed the first one: it never reassures


def test_a_login_has_no_token_to_be_bound():
    assert codes(bound(Hook.LOGIN, OTHER_JKT, first=JKT)) == ["device_history_none"]
    assert bindings.weigh(b.situation(asked=b.request("login"))) is None


JOB = (b.device("jkt-1", "jkt"), b.device("x5t-1", "x5t"))


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (JKT, "binding_known"),
        (CERT, "binding_known"),
        (OTHER_JKT, "binding_new"),
        (Binding(), "binding_missing"),
    ],
)
def test_a_workload_is_known_by_the_key_or_certificate_of_confirmed_logins(shown, code):
    evidence = bound(Hook.CLIENT_CREDENTIALS, shown, devices=JOB, subject_type="service_account")
    assert codes(evidence) == [code]
    assert (evidence.nats < 0) is (code == "binding_known")


@pytest.mark.parametrize(("shown", "code"), [(JKT, "binding_known"), (OTHER_JKT, "device_not_seen_here")])
def test_a_person_may_use_clients_that_are_not_bound(shown, code):
    assert codes(bound(Hook.PASSWORD_GRANT, shown, devices=JOB)) == [code]


def test_a_binding_past_its_trust_reassures_no_more():
    old = (b.device("jkt-1", "jkt", last_seen=b.NOW - 100 * DAY),)
    assert bound(Hook.REFRESH, JKT, devices=old).abstains


def test_a_stolen_token_shows_another_key_even_where_the_subject_knows_it():
    evidence = bound(Hook.REFRESH, OTHER_JKT, devices=(b.device("jkt-2", "jkt"),), first=JKT)
    assert codes(evidence) == ["binding_changed"]
