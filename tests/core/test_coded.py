"""A one-time code of a login: against which profile it is weighed, and what it teaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import any_text, automation, coded, keystroke, typed
from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.backgrounds import Backgrounds
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.learning import learn, learnable
from idp_adapter.core.types import BrowserFacts, History, Signals, Typing
from tests.core import builders as b
from tests.core import typists
from tests.core.test_learning import RULES, record

KNOWN = Backgrounds(any_text=typists.background())
ENGLISH = BrowserFacts(languages=("en-GB",))


def typing(row: np.ndarray, field: str = "otp", **more: object) -> Typing:
    downs = np.concatenate([[0.0], np.cumsum(row[1::2])])
    return replace(b.typing(field, keys=6, **more), down_s=tuple(downs), up_s=tuple(downs + row[0::2]))


def signals(*typings: Typing, clock_step_s: float = 0.0001) -> Signals:
    return Signals(telemetry=replace(b.telemetry(*typings), facts=ENGLISH, clock_step_s=clock_step_s))


@cache
def enrolled(samples: int = 30) -> History:
    profile = AnyText().profile(typists.rows(1, samples))
    return History(templates={"any_text/otp//en": b.template(any_text.to_bytes(profile))})


def asked(history: History, seen: Signals, backgrounds: Backgrounds = KNOWN) -> Situation:
    return replace(b.situation(history, seen), backgrounds=backgrounds)


def code(person: int, seed: int = 1, field: str = "otp") -> Typing:
    return typing(typists.rows(person, 1, seed)[0], field)


def test_codes_of_the_owner_reassure_and_those_of_another_do_not_on_the_whole():
    def mean(person: int) -> float:
        nats = [coded.score(asked(enrolled(), signals(code(person, seed)))).nats for seed in range(1, 21)]
        assert max(map(abs, nats)) <= 4.5
        return float(np.mean(nats))

    assert mean(1) < -0.5 < 0.5 < np.mean([mean(person) for person in range(2, 8)])


@pytest.mark.parametrize(
    ("history", "seen", "backgrounds", "why"),
    [
        (enrolled(), Signals(), KNOWN, "telemetry_none"),
        (enrolled(), signals(), KNOWN, "any_text_no_typing"),
        (enrolled(), signals(code(1, field="password")), KNOWN, "any_text_no_typing"),
        (enrolled(), signals(replace(code(1), pasted=True)), KNOWN, "any_text_no_typing"),
        (enrolled(), signals(code(1), clock_step_s=0.1), KNOWN, "any_text_clock_too_coarse"),
        (enrolled(), signals(code(1)), Backgrounds(), "any_text_no_background"),
        (History(), signals(code(1)), Backgrounds(), "any_text_no_background"),
        (History(), signals(code(1)), KNOWN, "any_text_enrolling"),
        (enrolled(2), signals(code(1)), KNOWN, "any_text_enrolling"),
        (enrolled(), signals(code(1, field="totp")), KNOWN, "any_text_enrolling"),
    ],
)
def test_what_can_not_be_weighed_says_nothing_and_says_why(history, seen, backgrounds, why):
    evidence = coded.score(asked(history, seen, backgrounds))
    assert evidence.abstains
    assert [reason.code for reason in evidence.reasons] == [why]


def test_a_baseline_past_its_validity_says_nothing():
    late = replace(asked(enrolled(), signals(code(1))), valid_from=b.NOW + timedelta(seconds=1))
    assert coded.score(late).reasons[0].code == "any_text_baseline_expired"


def test_a_code_is_no_fixed_text_and_a_stored_template_of_one_says_nothing_any_more():
    rows = typists.rows(1, 30)
    stored = b.template(keystroke.to_bytes(keystroke.FixedText().profile(rows)))
    history = History(templates={"keystroke/otp//en/6": stored})
    seen = signals(typing(rows[4]))
    assert typed.score(b.situation(history, seen)).reasons[0].code == "keystroke_no_typing"
    assert automation.score(b.situation(history, seen)).nats == 0


def taught(known: History, seen: Signals, *, proved: bool, minutes: int = 0) -> dict[str, bytes | None]:
    given = learnable(b.request(), seen)
    after = record(learnable=given, time=b.NOW + timedelta(minutes=minutes))
    return dict(learn(after, known, RULES, proved=proved, backgrounds=KNOWN).templates)


def test_a_confirmed_code_is_learnt_once_and_six_times_a_day_without_a_background_too():
    kept: dict[str, bytes | None] = {}
    for i in range(9):
        kept |= taught(History(templates=kept), signals(code(1, i)), proved=True, minutes=i)
    assert set(kept) == {"any_text/otp//en"}
    profile = any_text.from_bytes(templates.from_bytes(kept["any_text/otp//en"]).current.profile)
    assert (profile.taught, profile.keys) == (6, 36)


def test_an_unproved_code_of_another_hand_is_not_learnt():
    far = signals(typing(typists.rows(1, 1, 1)[0] * 2.5))
    template = templates.from_bytes(taught(enrolled(), far, proved=False)["any_text/otp//en"])
    assert any_text.from_bytes(template.current.profile).taught == 30
    assert template.refused == 1
    proved = templates.from_bytes(taught(enrolled(), far, proved=True)["any_text/otp//en"])
    assert any_text.from_bytes(proved.current.profile).taught == 31


def test_a_phones_keyboard_has_a_profile_of_its_own():
    seen = signals(code(1))
    phone = replace(seen, telemetry=replace(seen.telemetry, facts=replace(ENGLISH, mobile=True)))
    assert set(taught(enrolled(), phone, proved=True)) == {"any_text/otp//en-touch"}
