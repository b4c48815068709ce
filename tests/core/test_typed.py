"""What was typed in one login: which profile a field is weighed against, and how fields and touches count."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import automation, keystroke, touch, typed, typed_weights
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.learning import learn, learnable
from idp_adapter.core.signals import parse_telemetry
from idp_adapter.core.types import BrowserFacts, History, Signals, Telemetry, Typing
from tests.core import builders as b
from tests.core.test_learning import RULES, record

KEYS = 8
ENGLISH, FRENCH = BrowserFacts(languages=("en-GB", "fr")), BrowserFacts(languages=("fr",))
PHONE = replace(ENGLISH, mobile=True)


def hand(person: int, rows: int, seed: int = 0) -> np.ndarray:
    own = np.random.default_rng(person).lognormal(-2.0, 0.35, 2 * KEYS - 1)
    return own * np.exp(np.random.default_rng((person, seed, 7)).normal(0, 0.12, (rows, 2 * KEYS - 1)))


def typing(row: np.ndarray, field: str = "password", **more: object) -> Typing:
    downs = np.concatenate([[0.0], np.cumsum(row[1::2])])
    return replace(b.typing(field, keys=KEYS, **more), down_s=tuple(downs), up_s=tuple(downs + row[0::2]))


def seen(*typings: Typing, facts: BrowserFacts = ENGLISH) -> Signals:
    return Signals(telemetry=replace(b.telemetry(*typings), facts=facts))


def known(**rows_by_key: np.ndarray) -> History:
    kept = {
        f"keystroke/{key}": b.template(keystroke.to_bytes(FixedText().profile(rows)))
        for key, rows in rows_by_key.items()
    }
    return History(templates=kept)


@pytest.mark.parametrize(
    ("facts", "context"),
    [
        (BrowserFacts(), ""),
        (ENGLISH, "en"),
        (replace(ENGLISH, languages=("EN_us",)), "en"),
        (replace(ENGLISH, languages=("../x",)), ""),
        (replace(ENGLISH, languages=("x" * 64,)), ""),
        (PHONE, "en-touch"),
        (BrowserFacts(mobile=True), "touch"),
        (replace(ENGLISH, touch_points=5, screen=(390.0, 844.0, 3.0)), "en-touch"),
        (replace(ENGLISH, touch_points=5, screen=(1280.0, 800.0, 2.0)), "en"),
        (replace(ENGLISH, touch_points=5, screen=(390.0, 844.0, 3.0), mobile=False), "en"),
        (replace(ENGLISH, touch_points=5), "en"),
    ],
)
def test_a_context_is_the_first_language_and_whether_a_screen_is_typed_on(facts, context):
    assert typed.context_of(facts) == context


@pytest.mark.parametrize("elsewhere", [FRENCH, PHONE, BrowserFacts()])
def test_another_language_or_device_class_is_not_punished(elsewhere):
    history = known(**{f"password//en/{KEYS}": hand(1, 30)})
    foreign = typing(hand(2, 1)[0])
    assert typed.score(b.situation(history, seen(foreign))).nats > 1
    evidence = typed.score(b.situation(history, seen(foreign, facts=elsewhere)))
    assert evidence.abstains
    assert evidence.reasons[0].code == "keystroke_enrolling"


def test_a_login_teaches_the_profile_of_its_own_context_alone():
    history = known(**{f"password//en/{KEYS}": hand(1, 30)})
    given = learnable(b.request(), seen(typing(hand(1, 1, 1)[0]), facts=FRENCH))
    changed = learn(record(learnable=given), history, RULES, proved=True).templates
    assert set(changed) == {f"keystroke/password//fr/{KEYS}"}


def test_a_replay_is_found_whatever_language_or_device_it_claims():
    rows = hand(1, 30)
    history = known(**{f"password//en/{KEYS}": rows})
    for facts in (ENGLISH, FRENCH, PHONE):
        found = automation.score(b.situation(history, seen(typing(rows[4]), facts=facts)))
        assert "automation_replay" in {reason.code for reason in found.reasons}


def test_a_typing_of_another_field_is_no_replay_and_one_that_was_pasted_gives_no_row():
    rows = hand(1, 30)
    history = known(**{f"username//en/{KEYS}": rows})
    found = automation.score(b.situation(history, seen(typing(rows[4]))))
    assert found.reasons == ()
    pasted = replace(typing(rows[4]), pasted=True)
    assert (
        typed.samples({"password//en": pasted, "username//en": typing(rows[4])}, None).keys()
        == history.templates.keys()
    )


def test_two_fields_weigh_more_than_one_and_less_than_their_sum():
    fields = {name: hand(person, 6) for name, person in (("username", 1), ("password", 2))}
    history = known(**{f"{name}//en/{KEYS}": rows for name, rows in fields.items()})
    typings = {name: typing(hand(person, 1, 1)[0], name) for name, person in (("username", 1), ("password", 2))}
    alone = [typed.score(b.situation(history, seen(one))).nats for one in typings.values()]
    both = typed.score(b.situation(history, seen(*typings.values())))
    assert sum(alone) < both.nats < min(alone) < 0
    assert both.reasons[0].params == {"fields": 2}


def test_what_fields_are_worth_together_depends_on_no_order_and_is_bounded_by_their_sum():
    assert typed.together([]) == 0
    assert typed.together([-2.0]) == -2.0
    assert typed.together([1.0, -3.0, 2.0]) == typed.together([2.0, 1.0, -3.0])
    assert 1 < abs(typed.together([-3.0, 1.0])) < 3
    assert 4.5 < typed.together([4.5, 4.5]) < 9
    assert typed.together([3.0, -3.0]) == pytest.approx(0, abs=0.1)


def test_weights_of_fields_that_were_changed_are_refused():
    with pytest.raises(RuntimeError, match="digest"):
        typed_weights.checked((1.0, 1.0))


# --- touches of a keypad that a page draws ---


def payload(
    presses_ms: list[float], touches_ms: list[float], *, started_ms: float | None = 1000.0, **more: float
) -> Telemetry:
    """A field of so many presses and a trace of so many touches, each with its own pressure and size."""
    keys = [[at, at + 80.0] for at in presses_ms]
    trace: list[list[object]] = []
    for i, at in enumerate(touches_ms):
        size = more.get("size", 20.0 + i)
        trace += [
            [at, 0, 0, "d", more.get("pressure", more.get("heavier", 1.0) * (0.3 + 0.01 * i)), size, size],
            [at + 80, 0, 0, "u", 0, size, size],
        ]
    field = {"name": "pin", "keys": keys, "complete": True, "started_ms": started_ms}
    sent = {
        "v": 1,
        "challenge": "c",
        "clock_step_ms": 0.1,
        "fields": [field],
        "pointer": sorted(trace, key=itemgetter(0)),
    }
    return parse_telemetry(sent, expected_challenge="c", key_id=None)


PRESSES = [0.0, 210.0, 400.0, 640.0, 800.0, 1010.0]
TOUCHES = [1003.0 + at for at in PRESSES]


def row_of(telemetry: Telemetry) -> tuple[str, tuple[float, ...]]:
    ((key, (model, row)),) = typed.samples(typed.typings_by_key(telemetry, b.request().subject), 0.0001).items()
    assert key.startswith(f"{model.source}/pin//")
    return key, row


def test_presses_that_were_touches_of_the_page_carry_pressure_and_area():
    key, row = row_of(payload(PRESSES, [12.0, *TOUCHES, 4000.0]))
    assert key == "touch/pin//6"
    assert len(row) == 4 * 6 - 1
    assert row[11:17] == pytest.approx([0.31, 0.32, 0.33, 0.34, 0.35, 0.36])
    assert row[17:] == pytest.approx([0.0441, 0.0484, 0.0529, 0.0576, 0.0625, 0.0676])


@pytest.mark.parametrize(
    "telemetry",
    [
        payload(PRESSES, []),
        payload(PRESSES, TOUCHES[:-1]),
        payload(PRESSES, [*TOUCHES, 1500.0]),
        payload(PRESSES, [at + 200 for at in TOUCHES]),
        payload(PRESSES, [*TOUCHES[:2], 1460.0, *TOUCHES[3:]]),
        payload(PRESSES, TOUCHES, started_ms=None),
        payload(PRESSES, TOUCHES, pressure=0.5, size=1.0),
    ],
    ids=[
        "no touch",
        "one missing",
        "one too many",
        "later",
        "one elsewhere",
        "no start",
        "a constant is no measurement",
    ],
)
def test_touches_that_do_not_match_press_by_press_leave_the_times_alone(telemetry):
    key, row = row_of(telemetry)
    assert (key, len(row)) == ("keystroke/pin//6", 11)


def test_a_number_that_never_varies_counts_as_not_told():
    assert set(row_of(payload(PRESSES, TOUCHES, pressure=0.5))[1][11:17]) == {0.0}
    assert set(row_of(payload(PRESSES, TOUCHES, size=23.0))[1][17:]) == {0.0}


def test_touch_typing_is_learnt_and_weighed_with_its_contacts():
    rng, kept = np.random.default_rng(0), History()
    for _ in range(5):
        telemetry = payload([at + rng.uniform(0, 5) for at in PRESSES], TOUCHES)
        seen_then = record(learnable=learnable(b.request(), Signals(telemetry=telemetry)))
        taught = learn(seen_then, kept, RULES, proved=True).templates
        kept = History(templates=taught)
    (stored,) = taught.values()
    assert len(touch.from_bytes(templates.from_bytes(stored).current.profile).contacts) == 5
    own = typed.score(b.situation(kept, Signals(telemetry=payload(PRESSES, TOUCHES))))
    slower = [1.5 * at for at in PRESSES]
    foreign = payload(slower, [1003 + at for at in slower], heavier=2.0)
    other = typed.score(b.situation(kept, Signals(telemetry=foreign)))
    assert own.nats < 0 < other.nats
    assert own.source == "keystroke"
