"""Learning: what confirms an outcome, and what a confirmed one changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.core import templates
from idp_adapter.core.evidence import keystroke
from idp_adapter.core.fusion import fuse
from idp_adapter.core.learning import MOST_SIGHTINGS, Learning, confirmed, learn, learnable
from idp_adapter.core.policy import decide, facts_of
from idp_adapter.core.types import (
    Binding,
    DecisionRecord,
    Evidence,
    Habits,
    History,
    Learnable,
    Level,
    Origin,
    Outcome,
    OutcomeType,
    Place,
    Signals,
    SubjectId,
)
from tests.core import builders as b
from tests.core.policies import shipped

KEY = "keystroke/password//8"
RULES = Learning(first_logins=3, baseline_valid=timedelta(days=180))
EXPERIENCED = History(habits=b.habits(), devices=(b.device(),))


def record(nats: float = -3.0, source: str = "device", **changes) -> DecisionRecord:
    policy = shipped()
    facts = facts_of(policy, b.request(), Signals(), now=b.NOW)
    decision = decide(policy, facts, fuse([Evidence(source, nats)], policy.scale), decision_id="d")
    made = DecisionRecord(
        issuer="i",
        decision=decision,
        subject=SubjectId("user", "subject-1"),
        hook="login",
        client="spa",
        sid=None,
        time=b.NOW,
        origin=b.HOME,
        user_agent=b.FIREFOX,
        device_ids=(),
        learnable=Learnable("key-2", "cookie-2", {"password/": b.typing()}, 0.0001),
    )
    return replace(made, **changes)


def outcome(type_: OutcomeType = OutcomeType.LOGIN_SUCCEEDED) -> Outcome:
    return Outcome("o", "i", type_, b.NOW, "d", SubjectId("user", "subject-1"))


@pytest.mark.parametrize(
    ("made", "type_", "history", "expected"),
    [
        (record(), OutcomeType.LOGIN_SUCCEEDED, EXPERIENCED, True),
        (record(nats=0.0), OutcomeType.LOGIN_SUCCEEDED, EXPERIENCED, False),
        (record(nats=-3.0, source="keystroke"), OutcomeType.LOGIN_SUCCEEDED, EXPERIENCED, False),
        (record(nats=0.0), OutcomeType.LOGIN_SUCCEEDED, History(), True),
        (record(nats=2.5), OutcomeType.LOGIN_SUCCEEDED, History(), False),
        (record(nats=2.5), OutcomeType.STEP_UP_SUCCEEDED, EXPERIENCED, True),
        (record(), OutcomeType.LOGIN_FAILED, EXPERIENCED, False),
        (record(nats=0.0, subject=SubjectId("service_account", "job")), OutcomeType.LOGIN_SUCCEEDED, EXPERIENCED, True),
    ],
)
def test_only_proof_confirms(made, type_, history, expected):
    assert confirmed(made, outcome(type_), history, RULES) is expected


def test_a_refused_login_never_confirms():
    refused = record()
    refused = replace(refused, decision=replace(refused.decision, permitted=False))
    assert not confirmed(refused, outcome(), EXPERIENCED, RULES)


def test_a_login_that_was_let_in_at_more_than_low_risk_never_confirms():
    risky = record()
    risk = replace(risky.decision.risk, level=Level.MEDIUM)
    risky = replace(risky, decision=replace(risky.decision, risk=risk))
    assert not confirmed(risky, outcome(), EXPERIENCED, RULES)


def test_a_lesson_counts_the_place_the_hour_and_the_client():
    taught = learn(record(), History(), RULES)
    assert taught.habits.logins == 1
    assert taught.habits.since == b.NOW
    assert sum(taught.habits.hours) == 1
    assert [s.value for s in taught.habits.addresses] == ["addr-home"]
    assert [s.value for s in taught.habits.networks] == ["64500"]
    assert [s.value for s in taught.habits.clients] == ["spa"]
    assert taught.habits.last.origin == b.HOME


def test_a_lesson_without_an_address_keeps_the_last_place():
    taught = learn(record(origin=Origin(None, None, Place())), EXPERIENCED, RULES)
    assert taught.habits.last == EXPERIENCED.habits.last
    assert taught.habits.addresses == EXPERIENCED.habits.addresses


def test_a_known_value_is_counted_again_and_the_input_is_untouched():
    old = b.habits()
    taught = learn(record(), History(habits=old), RULES)
    assert taught.habits.addresses[0].count == old.addresses[0].count + 1
    assert old == b.habits()


def test_lists_are_bounded_and_the_longest_unseen_leaves():
    habits = Habits()
    for i in range(MOST_SIGHTINGS + 5):
        made = record(origin=Origin(f"a{i}", "p", b.LISBON), time=b.NOW + timedelta(minutes=i))
        habits = learn(made, History(habits=habits), RULES).habits
    values = [s.value for s in habits.addresses]
    assert len(values) == MOST_SIGHTINGS
    assert "a0" not in values
    assert values[0] == f"a{MOST_SIGHTINGS + 4}"


def test_key_and_cookie_become_confirmed_devices():
    taught = learn(record(), EXPERIENCED, RULES)
    assert {(d.kind, d.id, d.confirmed, d.seen) for d in taught.devices} == {
        ("key", "key-2", True, 1),
        ("cookie", "cookie-2", True, 1),
    }


def test_a_known_device_keeps_its_first_day():
    taught = learn(record(learnable=Learnable(device_key="key-1")), EXPERIENCED, RULES)
    assert taught.devices[0].first_seen == EXPERIENCED.devices[0].first_seen
    assert taught.devices[0].seen == EXPERIENCED.devices[0].seen + 1


def test_a_cookie_keeps_in_mind_the_key_that_came_along_and_learns_a_newer_one():
    first = learn(record(), History(), RULES).devices
    alone = record(learnable=Learnable(device_cookie="cookie-2"))
    silent = learn(alone, History(devices=first), RULES).devices
    again = learn(record(learnable=Learnable("key-3", "cookie-2")), History(devices=silent), RULES).devices
    assert [device.paired_key for device in (*first, *silent, *again)] == [None, "key-2", "key-2", None, "key-3"]


def test_a_proved_client_key_and_certificate_become_devices():
    bound = replace(b.request("client_credentials"), binding=Binding("jkt-1", "x5t-1"))
    seen = learnable(bound, Signals())
    taught = learn(record(learnable=seen, user_agent=""), History(), RULES)
    assert [(d.kind, d.id, d.confirmed, d.user_agent) for d in taught.devices] == [
        ("jkt", "jkt-1", True, ""),
        ("x5t", "x5t-1", True, ""),
    ]


def test_a_login_without_a_user_agent_keeps_the_one_that_a_device_had():
    taught = learn(record(user_agent=""), EXPERIENCED, RULES)
    again = learn(record(user_agent="", learnable=Learnable("key-1")), EXPERIENCED, RULES)
    assert taught.devices[0].user_agent == ""
    assert again.devices[0].user_agent == b.FIREFOX


def test_nothing_learnable_teaches_no_device_and_no_template():
    taught = learn(record(learnable=None), EXPERIENCED, RULES)
    assert taught.devices == ()
    assert taught.templates == {}


def grown(history: History, made: DecisionRecord, **more) -> templates.Envelope:
    return templates.from_bytes(learn(made, history, RULES, **more).templates[KEY])


def test_typings_grow_their_template_and_a_damaged_one_starts_again():
    first = learn(record(), History(), RULES)
    second = grown(History(templates=first.templates), record())
    assert len(keystroke.from_bytes(second.current.profile).rows) == 2
    for damaged in (b"damaged", b.template(b"damaged")):
        again = grown(History(templates={KEY: damaged}), record())
        assert len(keystroke.from_bytes(again.current.profile).rows) == 1
    assert learn(record(), History(templates={"other": b"damaged"}), RULES).templates["other"] is None


def test_a_text_is_learnt_six_times_a_day_even_when_it_is_proved():
    known: dict[str, bytes | None] = {}
    for i in range(9):
        made = record(time=b.NOW + timedelta(minutes=i))
        known |= learn(made, History(templates=known), RULES, proved=True).templates
    full = templates.from_bytes(known[KEY])
    assert (full.current.rows, full.current.of_day, full.current.scores.count) == (6, 6, 7)
    tomorrow = grown(History(templates=known), record(time=b.NOW + timedelta(days=1)))
    assert (tomorrow.current.rows, tomorrow.current.of_day) == (7, 1)


def test_a_baseline_past_its_validity_is_learnt_anew():
    old = b.template(keystroke.to_bytes(keystroke.FixedText().profile([[0.1] * 15] * 30)))
    later = record(time=b.NOW + timedelta(days=181))
    fresh = grown(History(templates={KEY: old}), later)
    assert (fresh.since, fresh.current.rows, fresh.formers) == (later.time, 1, ())


def test_a_full_house_of_templates_forgets_the_longest_unlearnt():
    old = {f"keystroke/{i}//8": b.template(b"x" * 1200, learnt_at=b.NOW - timedelta(days=i + 1)) for i in range(6)}
    changed = learn(record(), History(templates=old), RULES).templates
    assert set(changed) == {KEY, "keystroke/5//8"}
    assert changed["keystroke/5//8"] is None


def test_devices_are_bounded_and_the_longest_unseen_leave():
    known = tuple(replace(b.device(f"key-{i}"), last_seen=b.NOW - timedelta(days=i)) for i in range(20))
    taught = learn(record(learnable=Learnable(device_key="key-19")), History(devices=known), RULES)
    assert [device.id for device in taught.devices] == ["key-19"]
    assert [device.id for device in taught.forgotten] == ["key-15", "key-16", "key-17", "key-18"]
    assert learn(record(), EXPERIENCED, RULES).forgotten == ()


def test_a_clock_too_coarse_to_weigh_teaches_no_typing():
    coarse = replace(b.telemetry(b.typing()), clock_step_s=0.1)
    assert learnable(b.request(), Signals(telemetry=coarse)).typings == {}
    assert learnable(b.request(), Signals(telemetry=replace(coarse, clock_step_s=None))).typings


def test_an_attempt_without_telemetry_or_cookie_shows_nothing_to_learn():
    assert learnable(b.request(), Signals()) is None
    assert learnable(b.request(), Signals(cookie_id="c")).device_cookie == "c"
    pasted = Signals(telemetry=b.telemetry(b.typing(pasted=True), b.typing("username")))
    assert set(learnable(b.request(), pasted).typings) == {"username/"}
