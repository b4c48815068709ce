"""One battery over every behavioural model: what any must keep, whatever it measures. The cases are in `models`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.evidence.behaviour import weighed
from idp_adapter.errors import ProfileDamaged
from tests.core.builders import NOW
from tests.core.models import every_model, flat, grown, nats, scaled, taught


@every_model
def test_scoring_and_learning_leave_their_inputs_alone(case):
    *samples, tested = case.samples(1, 13, 0)
    before = [flat(sample) for sample in (*samples, tested)]
    profile = taught(case, samples)
    stored = case.model.to_bytes(profile)
    case.model.score(profile, tested, now=NOW)
    case.model.admits(profile, tested)
    case.model.drift(profile)
    assert case.model.learn(profile, tested, now=NOW) is not profile
    assert all(np.array_equal(flat(sample), kept) for sample, kept in zip((*samples, tested), before, strict=True))
    assert case.model.to_bytes(profile) == stored


@every_model
def test_the_same_samples_give_the_same_bytes_and_nats(case):
    one, other = grown(case, 12), taught(case, case.samples(1, 12, 0))
    assert case.model.to_bytes(one) == case.model.to_bytes(other)
    tested = case.samples(2, 5, 1)
    assert np.array_equal(nats(case, one, tested), nats(case, other, tested))


@every_model
def test_the_order_in_which_samples_are_scored_changes_none(case):
    profile, tested = grown(case, 12), case.samples(1, 6, 1)
    order = np.random.default_rng(0).permutation(6)
    assert np.array_equal(nats(case, profile, tested)[order], nats(case, profile, [tested[i] for i in order]))


@every_model
def test_below_its_enrolment_a_model_abstains_and_then_stays_within_its_caps(case):
    steps, cap = dict(case.caps), 0.0
    profile, other = case.model.empty(), case.samples(2, 1, 0)[0]
    for count, sample in enumerate(case.samples(1, max(steps) + 1, 0)):
        cap = steps.get(count, cap)
        for tested in (sample, scaled(case, sample, 50), other):
            evidence = case.model.score(profile, tested, now=NOW)
            assert evidence.source == case.model.source
            assert evidence.behavioural
            assert evidence.abstains is (count < min(steps))
            assert abs(evidence.nats) <= cap
            assert sum(reason.nats for reason in evidence.reasons) == evidence.nats
        profile = case.model.learn(profile, sample, now=NOW)


@every_model
def test_evidence_speaks_for_the_owner_and_against_somebody_else_and_says_so(case):
    profile = grown(case, 30)
    own = case.model.score(profile, case.samples(1, 1, 1)[0], now=NOW)
    other = case.model.score(profile, case.samples(2, 1, 1)[0], now=NOW)
    assert own.nats < 0 < other.nats
    assert [own.reasons[0].code, other.reasons[0].code] == [f"{case.model.source}_like", f"{case.model.source}_unlike"]


@every_model
@given(few=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=6))
def test_any_finite_sample_gives_bounded_nats_and_can_be_learnt(case, few):
    hostile = case.made(np.resize(few, case.width))
    genuine = case.samples(1, 1, 1)
    poisoned = case.model.learn(grown(case, 4), hostile, now=NOW)
    assert case.model.from_bytes(case.model.to_bytes(poisoned)) is not None
    for profile, tested in ((grown(case, 4), hostile), (poisoned, genuine[0])):
        assert abs(case.model.nats(profile, tested)) <= 50
        assert abs(case.model.score(profile, tested, now=NOW).nats) <= case.caps[-1][1]


@every_model
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("enrolled", [0, 4])
def test_samples_that_are_not_finite_are_refused(case, bad, enrolled):
    profile = grown(case, enrolled)
    sample = case.made([0.1] * 3 + [bad] + [0.1] * (case.width - 4))
    for use in (case.model.score, case.model.learn):
        with pytest.raises(ValueError, match="finite"):
            use(profile, sample, now=NOW)


@every_model
def test_samples_of_another_shape_are_refused(case):
    profile = grown(case, 4)
    for sample in case.spoilt:
        for use in (case.model.score, case.model.learn):
            with pytest.raises(ValueError, match=r"row|action"):
                use(profile, sample, now=NOW)


@every_model
@pytest.mark.parametrize("enrolled", [0, 1, 12, 30])
def test_bytes_round_trip(case, enrolled):
    profile = grown(case, enrolled)
    again = case.model.from_bytes(case.model.to_bytes(profile))
    assert case.model.to_bytes(again) == case.model.to_bytes(profile)
    tested = case.samples(2, 3, 1)
    assert np.array_equal(nats(case, again, tested), nats(case, profile, tested))


@every_model
@given(data=st.data())
def test_a_changed_or_missing_byte_is_damage(case, data):
    written = bytearray(case.model.to_bytes(grown(case, 4)))
    at = data.draw(st.integers(0, len(written) - 1))
    shorter = bytes(written[:at])
    written[at] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(written), shorter):
        with pytest.raises(ProfileDamaged):
            case.model.from_bytes(damaged)


@every_model
@given(st.binary(max_size=200))
def test_any_bytes_are_a_profile_or_damaged(case, data):
    try:
        case.model.from_bytes(data)
    except ProfileDamaged:
        return


@every_model
def test_own_samples_are_admitted_and_those_of_others_are_not_once_it_is_enrolled(case):
    profile = grown(case, 30)
    assert np.mean([case.model.admits(profile, sample) for sample in case.samples(1, 20, 1)]) > 0.6
    assert not any(case.model.admits(profile, sample) for sample in case.samples(2, 20, 1))
    assert case.model.admits(grown(case, 4), case.samples(2, 1, 1)[0])


@every_model
def test_drift_is_small_for_a_steady_hand_and_grows_with_a_changed_one(case):
    assert case.model.drift(grown(case, 4)) is None
    steady = case.model.drift(grown(case, 60))
    if steady is None:  # a model that tells no drift
        return
    slower = [scaled(case, sample, 1.4) for sample in case.samples(1, 30, 1)]
    changed = case.model.drift(taught(case, slower, grown(case, 60)))
    assert steady < 0.5 < changed


def test_nothing_to_say_is_said_by_name():
    assert weighed("touch", None, enrolled=30).reasons[0].code == "touch_enrolling"
    assert weighed("touch", 2.0, enrolled=2).abstains
