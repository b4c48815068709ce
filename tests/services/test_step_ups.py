"""The code of a step-up: its typing comes with the outcome, is weighed, and the session's next questions hear it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import any_text
from idp_adapter.core.policy import Members
from idp_adapter.core.types import Habits, Hook, OutcomeType, Session, SubjectId
from tests.services.conftest import ABROAD_IP, login, telemetry
from tests.services.test_outcomes import history

PASSED = OutcomeType.STEP_UP_SUCCEEDED
FORM = {"telemetry_challenge": "c-2"}
BY_HAND = [[0, 81], [170, 262], [322, 409], [514, 588], [700, 781], [861, 950]]
BY_SCRIPT = [[i * 100.0, i * 100.0 + 1] for i in range(6)]


def form(keys=BY_HAND, challenge="c-2", **changes) -> str:
    return telemetry(challenge, fields=[{"name": "otp", "keys": keys, "complete": True}], **changes)


def doubts(house, sid="s", **changes):
    """The reasons that a session's refresh hears of its step-up."""
    session = Session(sid=sid, acr="urn:idp-adapter:acr:mfa")
    risk = house.ask(login(hook=Hook.REFRESH, session=session, **changes)).risk
    heard = next(item for item in risk.contributions if item.source == "step_up")
    return [] if heard.abstains else [reason.code for reason in heard.reasons]


def taught(house) -> int:
    stored = history(house).templates.get("any_text/otp/")
    return any_text.from_bytes(templates.from_bytes(stored).current.profile).taught if stored else 0


def test_the_code_of_a_passed_step_up_is_learnt_once(house):
    decision = house.ask()
    assert house.tell(decision, PASSED, telemetry=form(), id="same", **FORM)
    assert not house.tell(decision, PASSED, telemetry=form(), id="same", **FORM)
    house.tell(decision, PASSED, telemetry=form(), **FORM)
    assert taught(house) == 1
    assert doubts(house) == []


def test_a_code_that_a_program_typed_speaks_against_its_session_and_no_other(house):
    house.tell(house.ask(), PASSED, telemetry=form(BY_SCRIPT), **FORM)
    assert doubts(house) == ["step_up_scripted"]
    assert doubts(house, "another") == []


def test_a_code_that_a_program_typed_confirms_nothing_and_the_step_up_counts_as_met(house):
    decision = house.ask(login(ABROAD_IP))
    assert house.tell(decision, PASSED, telemetry=form(BY_SCRIPT), **FORM)
    after = history(house)
    assert replace(after.habits, doubts=()) == Habits()
    assert (after.devices, after.templates) == ((), {})
    assert house.tally.counts["outcome step_up_succeeded learnt=False duplicate=False"] == 1
    house.tell(decision, PASSED)
    assert history(house) == after


def test_step_ups_that_a_program_passed_do_not_use_up_the_budget(house):
    house.familiar(4)
    window_s = house.policy.budget.window_s
    for _ in range(house.policy.budget.demands + 1):
        decision = house.ask(login(ABROAD_IP, cookie=None))
        assert not decision.permitted
        assert decision.acr_values
        house.tell(decision, PASSED, telemetry=form(BY_SCRIPT), **FORM)
        house.now += timedelta(seconds=window_s / 20)


def test_a_doubt_shortens_what_the_session_gets_and_ends_nothing(house):
    house.familiar(6)
    asked = login(hook=Hook.REFRESH)
    before = house.ask(asked)
    house.tell(house.ask(), PASSED, telemetry=form(BY_SCRIPT, untrusted=9), **FORM)
    after = house.ask(asked)
    assert after.risk.probability > before.risk.probability
    assert after.risk.without_behaviour == pytest.approx(before.risk.without_behaviour, abs=0.01)
    assert after.permitted
    assert after.obligations.session == before.obligations.session


def test_the_next_step_up_of_the_session_settles_the_doubt(house):
    house.tell(house.ask(), PASSED, telemetry=form(BY_SCRIPT), **FORM)
    elsewhere = login(session=Session(sid="elsewhere"))
    house.tell(house.ask(elsewhere), PASSED, telemetry=form(), **FORM)
    assert doubts(house) == ["step_up_scripted"]
    house.tell(house.ask(), PASSED)
    assert doubts(house) == []


def test_a_login_that_teaches_nothing_is_doubted_all_the_same(house):
    house.familiar(4)
    unknown = house.ask(login(cookie=None))
    before = history(house)
    house.tell(unknown, telemetry=form(BY_SCRIPT), **FORM)
    assert doubts(house) == ["step_up_scripted"]
    assert replace(history(house).habits, doubts=()) == before.habits
    assert house.tally.counts["outcome login_succeeded learnt=False duplicate=False"] == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"telemetry": form(challenge="c-1"), **FORM}, "challenge"),
        ({"telemetry": form()}, "challenge"),
        ({"telemetry": form(), "telemetry_challenge": ""}, "challenge"),
        ({"telemetry": "{", **FORM}, "malformed"),
        ({"telemetry": "x" * 20_000, **FORM}, "oversized"),
        ({"telemetry": form([[0, -1]]), **FORM}, "times"),
    ],
)
def test_a_form_that_can_not_be_used_is_counted_by_name_and_the_outcome_stands(house, sent, reason):
    assert house.tell(house.ask(), PASSED, **sent)
    assert house.tally.counts[f"rejected {reason}"] == 1
    assert taught(house) == 0
    assert history(house).habits.logins == 1


@pytest.mark.parametrize(
    ("type_", "changes"),
    [
        (OutcomeType.STEP_UP_FAILED, {}),
        (PASSED, {"subject": SubjectId("user", "somebody else")}),
        (PASSED, {"issuer": "https://id.example/realms/other"}),
        (PASSED, {"decision_id": "unknown"}),
    ],
)
def test_a_form_without_a_success_of_its_own_decision_is_not_looked_at(house, type_, changes):
    house.tell(house.ask(), type_, telemetry=form(BY_SCRIPT), **FORM, **changes)
    assert doubts(house) == []
    assert taught(house) == 0


def test_a_form_beside_the_outcome_of_a_token_request_is_not_looked_at(house):
    house.tell(house.ask(login(hook=Hook.REFRESH)), PASSED, telemetry=form(BY_SCRIPT), **FORM)
    assert doubts(house) == []


def test_how_an_exempt_subject_types_codes_is_neither_weighed_nor_kept_nor_held(house):
    aided = replace(login().subject, groups=("/aided",))
    house.tell(house.ask(), PASSED, telemetry=form(BY_SCRIPT), **FORM)
    house.policy = replace(house.policy, exempt=Members(groups=("/aided",)))
    assert doubts(house, subject=aided) == []
    for keys in (BY_SCRIPT, BY_HAND):
        elsewhere = login(session=Session(sid="elsewhere"), subject=aided)
        house.tell(house.ask(elsewhere), PASSED, telemetry=form(keys), **FORM)
    assert len(history(house).habits.doubts) == 1
    assert taught(house) == 0
