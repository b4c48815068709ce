"""What speaks against how a step-up's code was typed: found once, held against its session alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import any_text, automation, keystroke, step_up
from idp_adapter.core.learning import learn, with_code
from idp_adapter.core.types import BrowserFacts, Doubt, Habits, History, Session, Signals
from tests.core import builders as b
from tests.core import typists
from tests.core.test_coded import KNOWN, asked, code, enrolled, signals, typing
from tests.core.test_learning import RULES, record

HELD = Doubt("s", b.NOW, "step_up_scripted", 2.0)
SCRIPTED = b.typing("otp", keys=6, hold_s=0.0)


def in_session(situation, sid="s"):
    return replace(situation, request=replace(situation.request, session=Session(sid=sid)))


def after_code(seen, history=None):
    return step_up.doubt(in_session(asked(history or History(), seen)))


def test_a_code_that_a_script_typed_is_doubted_by_what_automation_weighs():
    seen = signals(SCRIPTED)
    held = after_code(seen)
    assert held == Doubt("s", b.NOW, "step_up_scripted", automation.score(b.situation(signals=seen)).nats)


def test_a_code_of_another_hand_is_doubted_and_one_of_the_owner_is_not():
    far = typing(typists.rows(1, 1, 1)[0] * 2.5)
    assert after_code(signals(far), enrolled()).code == "step_up_unlike_hand"
    assert [after_code(signals(code(1, seed)), enrolled()) for seed in (1, 2, 3)] == [None] * 3


FILLED = replace(code(1), autofilled=True, untrusted=4)  # a password manager's code


@pytest.mark.parametrize("seen", [Signals(), signals(), signals(code(1)), signals(FILLED)])
def test_what_says_little_or_nothing_leaves_no_doubt(seen):
    assert after_code(seen) is None


def test_without_a_session_there_is_nothing_to_hold_a_doubt_against():
    assert step_up.doubt(in_session(asked(History(), signals(SCRIPTED)), None)) is None


def test_a_doubt_speaks_in_its_own_session_and_in_no_other():
    history = History(habits=Habits(doubts=(HELD,)))
    heard = step_up.score(in_session(b.situation(history, asked=b.request("refresh"))))
    assert (heard.nats, heard.reasons[0].code, heard.behavioural) == (2.0, "step_up_scripted", True)
    for sid in ("another", None):
        assert step_up.score(in_session(b.situation(history), sid)).abstains


def test_the_next_step_up_of_a_session_settles_its_doubt_and_no_others():
    other = replace(HELD, sid="other")
    assert step_up.settled((HELD, other), "s", None) == (other,)
    assert step_up.settled((other, HELD), "s", replace(HELD, nats=1.5)) == (replace(HELD, nats=1.5), other)


def test_doubts_of_a_subject_are_bounded():
    held: tuple[Doubt, ...] = ()
    for i in range(step_up.MOST_DOUBTS + 3):
        held = step_up.settled(held, f"s{i}", replace(HELD, sid=f"s{i}"))
    assert [each.sid for each in held] == ["s6", "s5", "s4", "s3"]


def test_nothing_is_held_against_somebody_who_is_exempt():
    assert step_up.undoubted(History(habits=Habits(logins=3, doubts=(HELD,)))) == History(habits=Habits(logins=3))
    assert step_up.undoubted(History()) == History()


def test_a_code_is_learnt_beside_what_the_decision_may_teach():
    english = BrowserFacts(languages=("en",))
    form = replace(b.telemetry(code(1), b.typing("password")), facts=english)
    for made in (record(), record(learnable=None)):
        learnt = learn(with_code(made, form), History(), RULES, proved=True, backgrounds=KNOWN).templates
        kept = {key for key in learnt if key.startswith(any_text.SOURCE)}
        assert kept == {"any_text/otp//en"}
        profile = any_text.from_bytes(templates.from_bytes(learnt["any_text/otp//en"] or b"").current.profile)
        assert profile.taught == 1
        assert any(key.startswith(keystroke.SOURCE) for key in learnt) is (made.learnable is not None)


def test_a_code_from_a_clock_too_coarse_is_not_learnt():
    form = replace(b.telemetry(code(1)), clock_step_s=keystroke.WORTHLESS_CLOCK_S * 2)
    assert with_code(record(), form) == record()


def test_a_code_that_gives_no_row_is_not_learnt():
    form = b.telemetry(replace(code(1), pasted=True), typing(np.full(11, 0.1), "hint"))
    assert with_code(record(), form) == record()
