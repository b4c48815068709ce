"""Each source of evidence, by table: what it weighs, and when it abstains."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import automation, device, failures, hours, keystroke, network, travel, typed
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.types import BrowserFacts, Failures, Habits, History, LastLogin, Origin, Signals
from tests.core import builders as b

KNOWN = History(habits=b.habits(), devices=(b.device(), b.device("cookie-1", "cookie")))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_without_data_abstains_and_weighs_nothing(source):
    evidence = source.score(b.situation(signals=Signals()))
    assert evidence.abstains
    assert evidence.nats == 0
    assert len(evidence.reasons) == 1


@pytest.mark.parametrize(
    ("source", "situation", "why"),
    [
        (device, b.situation(KNOWN, asked=b.request("refresh")), "device_not_seen_here"),
        (device, b.situation(), "device_history_none"),
        (network, b.situation(signals=Signals()), "network_unknown"),
        (network, b.situation(), "network_history_none"),
        (travel, b.situation(asked=b.request(subject_type="service_account")), "travel_not_a_person"),
        (travel, b.situation(), "travel_history_none"),
        (travel, b.situation(KNOWN, Signals()), "travel_place_unknown"),
        (typed, b.situation(signals=Signals(telemetry=b.telemetry())), "keystroke_no_typing"),
        (typed, b.situation(signals=Signals(telemetry=b.telemetry(b.typing()))), "keystroke_enrolling"),
    ],
)
def test_the_reason_to_abstain_is_told(source, situation, why):
    assert source.score(situation).reasons[0].code == why


def test_hands_too_few_keys_or_none_are_no_automation():
    few = b.telemetry(b.typing(keys=3, hold_s=0.0), b.typing("username", virtual=True, hold_s=0.0))
    assert automation.score(b.situation(signals=Signals(telemetry=few))).nats == 0


@pytest.mark.parametrize(("ago_h", "impossible"), [(0.5, True), (8, True), (14, False), (48, False)])
def test_travel_faster_than_an_airliner_is_impossible(ago_h, impossible):
    history = History(habits=b.habits(last=LastLogin(b.NOW - timedelta(hours=ago_h), b.HOME)))
    evidence = travel.score(b.situation(history, Signals(origin=b.ABROAD)))
    assert (evidence.nats > 0) is impossible


def test_travel_inside_the_accuracy_radii_is_no_travel():
    vague = replace(b.PORTO, radius_km=500.0)
    evidence = travel.score(b.situation(KNOWN, Signals(origin=Origin("a", "p", vague))))
    assert evidence.nats == 0


def test_two_slips_are_human_and_more_weigh_up_to_a_bound():
    def weight(count: int) -> float:
        times = tuple(b.NOW - timedelta(minutes=1) for _ in range(count))
        return failures.score(b.situation(History(failures=Failures(of_subject=times)))).nats

    assert weight(2) == 0
    assert 0 < weight(3) < weight(5) < weight(7)
    assert weight(500) == failures.MOST_OF_SUBJECT


def test_old_failures_are_forgotten():
    times = (b.NOW - timedelta(hours=2),) * 9
    assert failures.score(b.situation(History(failures=Failures(of_subject=times)))).abstains


def test_many_subjects_failing_from_one_prefix_is_a_spray():
    history = History(failures=Failures(of_prefix=30, subjects_of_prefix=12))
    assert failures.score(b.situation(history)).reasons[0].code == "failures_spray"


def test_hours_abstain_while_young_and_then_know_the_week():
    usual = [0] * hours.HOURS
    usual[hours.hour_of_week(b.NOW)] = 30
    unusual = [0] * hours.HOURS
    unusual[(hours.hour_of_week(b.NOW) + 84) % hours.HOURS] = 30
    young = [0] * hours.HOURS
    young[3] = hours.ENROLMENT - 1
    weigh = lambda week: hours.score(b.situation(History(habits=Habits(hours=tuple(week)))))  # noqa: E731
    assert weigh(young).abstains
    assert weigh(usual).nats == hours.USUAL
    assert weigh(unusual).nats == hours.UNUSUAL


def test_the_week_is_circular():
    monday_midnight = b.NOW - timedelta(days=b.NOW.weekday(), hours=b.NOW.hour)
    week = [0] * hours.HOURS
    week[hours.HOURS - 1] = 30
    late = replace(b.situation(History(habits=Habits(hours=tuple(week)))), now=monday_midnight)
    assert hours.score(late).nats < 0


@pytest.mark.parametrize(
    ("telemetry", "code"),
    [
        (replace(b.telemetry(), facts=BrowserFacts(webdriver=True)), "automation_webdriver"),
        (b.telemetry(b.typing(untrusted=3)), "automation_untrusted_events"),
        (b.telemetry(b.typing(hold_s=0.0, gap_s=0.03)), "automation_timing"),
    ],
)
def test_what_no_hand_does_is_named(telemetry, code):
    evidence = automation.score(b.situation(signals=Signals(telemetry=telemetry)))
    assert code in {reason.code for reason in evidence.reasons}
    assert evidence.behavioural


FILLED = b.typing(keys=0, autofilled=True, complete=False, untrusted=6)


@pytest.mark.parametrize(
    ("telemetry", "is_said"),
    [
        (b.telemetry(FILLED), False),
        (b.telemetry(replace(FILLED, autofilled=False, pasted=True)), False),
        (b.telemetry(replace(b.typing(untrusted=4), autofilled=True, complete=False)), False),
        (b.telemetry(b.typing("username"), FILLED), False),
        (replace(b.telemetry(replace(FILLED, field="username"), FILLED), untrusted=6), False),
        (replace(b.telemetry(replace(FILLED, field="username"), FILLED), untrusted=7), True),
        (b.telemetry(b.typing("username", untrusted=1), FILLED), True),
        (b.telemetry(replace(FILLED, autofilled=False)), True),
        (replace(b.telemetry(b.typing()), untrusted=1), True),
    ],
    ids=[
        "filled by a password manager",
        "pasted by one",
        "filled over what was typed",
        "name typed, password filled",
        "both filled, each clicked, focused and left",
        "more clicks than two fills make",
        "events on the field that was typed",
        "events that wrote nothing",
        "clicks and no fill",
    ],
)
def test_what_a_password_manager_does_to_fill_a_field_in_is_no_automation(telemetry, is_said):
    evidence = automation.score(b.situation(signals=Signals(telemetry=telemetry)))
    assert ("automation_untrusted_events" in {reason.code for reason in evidence.reasons}) is is_said
    assert (evidence.nats > 0) is is_said


def test_equal_gaps_are_a_machine_unless_the_clock_is_coarse():
    downs = tuple(i * 0.1 for i in range(8))
    even = replace(b.typing(), down_s=downs, up_s=tuple(down + 0.05 for down in downs))
    fine = replace(b.telemetry(even), clock_step_s=0.001)
    coarse = replace(b.telemetry(even), clock_step_s=0.1)
    assert automation.score(b.situation(signals=Signals(telemetry=fine))).nats > 0
    assert automation.score(b.situation(signals=Signals(telemetry=coarse))).nats == 0


def test_a_human_hand_is_no_automation():
    assert automation.score(b.situation(signals=Signals(telemetry=b.telemetry(b.typing())))).nats == 0


# --- keystroke ---


def hand(seed: int, rows: int, *, drift: float = 0.0, keys: int = 9) -> np.ndarray:
    rng = np.random.default_rng(seed)
    own = np.random.default_rng(1000 + seed // 100).lognormal(-2.0, 0.35, 2 * keys - 1)
    return own * np.exp(rng.normal(drift, 0.12, (rows, 2 * keys - 1)))


def test_the_own_hand_scores_above_another_in_nearly_every_pair():
    model = keystroke.FixedText()
    wins = []
    for subject in range(1, 21):
        profile = model.profile(hand(subject * 100, 20))
        own = model.score_rows(profile, hand(subject * 100 + 1, 5))
        other = model.score_rows(profile, hand((subject + 30) * 100, 5))
        wins.append((own[:, None] > other[None, :]).mean())
    assert np.mean(wins) > 0.95


def test_learning_keeps_the_window_and_leaves_the_input_alone():
    model = keystroke.FixedText()
    profile = model.profile(hand(100, 30))
    before = profile.rows.copy()
    learnt = model.learn(profile, hand(101, 1)[0])
    assert len(learnt.rows) == keystroke.WINDOW
    assert np.array_equal(profile.rows, before)
    assert np.array_equal(learnt.rows[:-1], before[1:])


@pytest.mark.parametrize(("rows", "cap"), [(3, 1.5), (9, 1.5), (10, 3.0), (29, 3.0), (30, 4.5)])
def test_caps_grow_with_enrolment(rows, cap):
    mine = b.typing(keys=9)
    row = keystroke.row_of(mine)
    stored = keystroke.to_bytes(keystroke.FixedText().profile([np.asarray(row) * 8] * rows))
    history = History(templates={"keystroke/password//9": b.template(stored)})
    evidence = typed.score(b.situation(history, Signals(telemetry=b.telemetry(mine))))
    assert evidence.nats == cap


def test_fewer_than_three_typings_say_nothing():
    mine = b.typing(keys=9)
    stored = keystroke.to_bytes(keystroke.FixedText().profile([keystroke.row_of(mine)] * 2))
    history = History(templates={"keystroke/password//9": b.template(stored)})
    assert typed.score(b.situation(history, Signals(telemetry=b.telemetry(mine)))).abstains


def test_a_baseline_past_its_validity_says_nothing_and_says_why():
    mine = b.typing(keys=9)
    stored = keystroke.to_bytes(keystroke.FixedText().profile([keystroke.row_of(mine)] * 30))
    asked = b.situation(
        History(templates={"keystroke/password//9": b.template(stored)}), Signals(telemetry=b.telemetry(mine))
    )
    assert not typed.score(replace(asked, valid_from=b.NOW)).abstains
    late = typed.score(replace(asked, valid_from=b.NOW + timedelta(seconds=1)))
    assert [reason.code for reason in late.reasons] == ["keystroke_baseline_expired"]
    assert late.abstains


def test_a_text_too_long_to_be_kept_gives_no_row():
    assert keystroke.row_of(b.typing(keys=keystroke.MOST_KEYS)) is not None
    assert keystroke.row_of(b.typing(keys=keystroke.MOST_KEYS + 1)) is None
    longest = keystroke.FixedText().profile([keystroke.row_of(b.typing(keys=keystroke.MOST_KEYS))] * 30)
    assert templates.fitted({"": templates.started(keystroke.to_bytes(longest), at=b.NOW)})


def test_a_changed_password_starts_a_new_template():
    subjects = (replace(b.request().subject, properties={"credential_version": version}) for version in ("v1", "v2"))
    old, new = (typed.typings_by_key(b.telemetry(b.typing()), subject) for subject in subjects)
    assert set(old).isdisjoint(new)


@pytest.mark.parametrize(
    "flag",
    [
        {"pasted": True},
        {"autofilled": True},
        {"virtual": True},
        {"corrections": 1},
        {"untrusted": 1},
        {"complete": False},
    ],
)
def test_a_typing_that_was_not_typed_clean_gives_no_row(flag):
    assert keystroke.row_of(b.typing(**flag)) is None


def test_a_release_that_was_not_seen_gives_no_row():
    mine = b.typing()
    assert keystroke.row_of(replace(mine, up_s=(*mine.up_s[:-1], None))) is None


def test_too_few_keys_and_too_coarse_clocks_abstain():
    assert keystroke.row_of(b.typing(keys=5)) is None
    coarse = replace(b.telemetry(b.typing()), clock_step_s=0.1)
    evidence = typed.score(b.situation(signals=Signals(telemetry=coarse)))
    assert evidence.reasons[0].code == "keystroke_clock_too_coarse"


@pytest.mark.parametrize("row", [[float("nan")] * 15, [float("inf")] * 15, [0.1] * 14])
def test_rows_that_are_not_finite_or_not_odd_are_refused(row):
    with pytest.raises(ValueError, match="rows must"):
        keystroke.FixedText().profile([row])


def test_a_row_of_another_width_is_refused_by_learning():
    model = keystroke.FixedText()
    with pytest.raises(ValueError, match="a row of"):
        model.learn(model.profile(hand(100, 3, keys=8)), [0.1] * 17)
    with pytest.raises(ValueError, match="at least 2"):
        model.score_rows(model.profile(hand(100, 1)), hand(100, 1))
