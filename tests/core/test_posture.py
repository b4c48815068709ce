"""The posture source: what is said of a device, by whom, how long it counts, and who may profit from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence import posture
from idp_adapter.core.posture import PostureRules
from idp_adapter.core.types import Binding, ComplianceStatus, History, Posture, PostureAssertion, Signals
from tests.core import builders as b

GOOD, BAD = ComplianceStatus.COMPLIANT, ComplianceStatus.NOT_COMPLIANT
HOUR = timedelta(hours=1)
RULES = PostureRules(timedelta(hours=72), {"chrome": 120, "ios": 17})
KEY = Signals(telemetry=b.telemetry())


def said(status=GOOD, *, of="key-1", by="mdm", age_h=1.0, **changes):
    seen = b.NOW - age_h * HOUR
    return replace(Posture(of, by, status, seen - 100 * HOUR, seen), **changes)


def score(*postures, signals=KEY, asked=None, rules=RULES):
    situation = b.situation(History(postures=postures), signals, asked)
    return posture.score(replace(situation, posture=rules))


def code(evidence):
    return [reason.code for reason in evidence.reasons]


def test_nothing_known_abstains():
    assert code(score()) == ["posture_unknown"]
    assert score().abstains


@pytest.mark.parametrize(
    ("status", "reason", "nats"),
    [(GOOD, "posture_compliant", posture.COMPLIANT), (BAD, "posture_not_compliant", posture.NOT_COMPLIANT)],
)
def test_a_status_of_a_proved_device_counts(status, reason, nats):
    evidence = score(said(status))
    assert (code(evidence), evidence.nats) == ([reason], nats)
    assert evidence.reasons[0].params == {"source": "mdm"}


@pytest.mark.parametrize(("age_h", "counts"), [(0, True), (72, True), (72.1, False), (-0.05, True), (-1, False)])
@pytest.mark.parametrize("status", [GOOD, BAD])
def test_a_status_counts_for_so_long_and_not_before_its_time(status, age_h, counts):
    evidence = score(said(status, age_h=age_h))
    assert evidence.abstains is not counts
    assert counts or code(evidence) == ["posture_stale"]


def test_a_device_that_is_only_claimed_by_a_cookie_gains_nothing_by_being_compliant():
    evidence = score(said(of="cookie-1"), signals=Signals(cookie_id="cookie-1"))
    assert (code(evidence), evidence.nats) == (["posture_unproved"], 0.0)


def test_a_device_that_is_not_in_order_is_not_so_however_it_is_shown():
    assert score(said(BAD, of="cookie-1"), signals=Signals(cookie_id="cookie-1")).nats == posture.NOT_COMPLIANT


@pytest.mark.parametrize("binding", [Binding(jkt="key-7"), Binding(x5t_s256="key-7")])
def test_a_workloads_key_or_certificate_proves_its_device(binding):
    asked = replace(b.request("client_credentials", subject_type="service_account"), binding=binding)
    assert code(score(said(of="key-7"), signals=Signals(), asked=asked)) == ["posture_compliant"]


def test_of_two_reporters_the_strictest_speaks_alone():
    for pair in ((said(), said(BAD, by="edr")), (said(BAD, by="edr"), said())):
        evidence = score(*pair)
        assert (code(evidence), evidence.nats) == (["posture_not_compliant"], posture.NOT_COMPLIANT)


def test_a_stale_report_does_not_hide_a_fresh_one():
    assert code(score(said(BAD, age_h=100), said(by="edr"))) == ["posture_compliant"]


@pytest.mark.parametrize(("before_h", "flaps"), [(0.5, True), (1.5, False), (None, False)])
def test_a_status_that_changed_twice_within_the_hour_is_not_believed(before_h, flaps):
    before = None if before_h is None else b.NOW - before_h * HOUR
    evidence = score(said(age_h=0.1, since=b.NOW - 0.2 * HOUR, before=before))
    assert (code(evidence) == ["posture_flapping"]) is flaps
    assert (evidence.nats > 0) is flaps


def test_flapping_never_makes_a_bad_status_better():
    assert score(said(BAD, age_h=0.1, before=b.NOW - 0.2 * HOUR)).nats == posture.NOT_COMPLIANT


# --- signed assertions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "age_h", "reason"),
    [
        (GOOD, 1, "posture_compliant"),
        (BAD, 1, "posture_not_compliant"),
        (GOOD, 100, "posture_stale"),
    ],
)
def test_a_signed_assertion_counts_like_a_report(status, age_h, reason):
    signals = replace(KEY, posture=PostureAssertion(status, b.NOW - age_h * HOUR))
    assert code(score(signals=signals)) == [reason]


def test_an_assertion_does_not_outweigh_a_report_that_is_stricter():
    signals = replace(KEY, posture=PostureAssertion(GOOD, b.NOW))
    assert code(score(said(BAD), signals=signals)) == ["posture_not_compliant"]


@pytest.mark.parametrize("why", ["bad_signature", "bad_key", "bad_header", "other_device", "other_form"])
def test_an_assertion_that_is_not_what_it_claims_speaks_against(why):
    evidence = score(said(), signals=replace(KEY, posture_rejected=why))
    assert (code(evidence), evidence.nats) == (["posture_assertion_forged"], posture.FORGED)
    assert evidence.reasons[0].params == {"why": why}


@pytest.mark.parametrize("why", ["expired", "unknown_issuer", "malformed", "keys_unknown"])
def test_an_assertion_that_is_only_of_no_use_says_nothing(why):
    assert score(signals=replace(KEY, posture_rejected=why)).abstains


# --- minimum versions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "platform", "reason"),
    [
        ("Chrome/119 on Windows", ("Windows", 6), "posture_browser_outdated"),
        ("Chrome/120 on Windows", ("Windows", 6), "posture_unknown"),
        ("Firefox/3 on Linux", None, "posture_unknown"),
        ("Safari/16 on iOS", ("iOS", 16), "posture_platform_outdated"),
        ("", None, "posture_unknown"),
    ],
)
def test_a_browser_or_platform_older_than_the_policys_least_speaks_against(agent, platform, reason):
    evidence = score(signals=Signals(user_agent=agent, platform_version=platform))
    assert code(evidence) == [reason]
    assert evidence.abstains or evidence.nats == posture.OUTDATED


def test_what_is_outdated_says_which_and_what_would_do():
    reason = score(signals=Signals(user_agent="Chrome/119 on Linux")).reasons[0]
    assert reason.params == {"product": "Chrome", "version": 119, "least": 120}


def test_versions_are_looked_at_where_a_browser_logs_in():
    old = Signals(user_agent="Chrome/119 on Linux")
    assert score(signals=old, asked=b.request("refresh")).abstains


POSTURES = st.lists(
    st.builds(
        said,
        st.sampled_from([GOOD, BAD]),
        of=st.sampled_from(["key-1", "cookie-1"]),
        by=st.sampled_from(["mdm", "edr"]),
        age_h=st.floats(-10, 200),
    ),
    max_size=6,
)


@given(POSTURES, st.permutations(range(6)))
def test_the_order_of_reports_never_matters_and_weight_is_bounded(postures, order):
    shuffled = [postures[i] for i in order if i < len(postures)]
    one, other = score(*postures), score(*shuffled)
    assert (one.nats, one.abstains) == (other.nats, other.abstains)
    assert posture.COMPLIANT <= one.nats <= posture.NOT_COMPLIANT


@given(POSTURES)
def test_one_more_report_against_never_lowers_the_weight(postures):
    assert score(*postures, said(BAD)).nats >= score(*postures).nats
