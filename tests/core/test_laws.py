"""The laws of the house, as properties over fusion, the ladder and policy."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters.policy_file import load
from idp_adapter.core.assurance import Ladder
from idp_adapter.core.fusion import DISCOUNTS, SOURCES, WEIGHTS, expit, fuse, level_of, logit
from idp_adapter.core.policy import Policy, decide, facts_of, lifespan_s
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import Evidence, Hook, Level, Reason, Session, SessionFate, Signals
from tests.core import builders as b

BEHAVIOURAL = {"keystroke", "automation", "hours"}


@cache
def policy() -> Policy:
    return load(None)


def evidence_of(source: str, nats: float | None) -> Evidence:
    """Of so many nats; None abstains, whatever its reason says."""
    said = (Reason("code", 3.0 if nats is None else nats),)
    return Evidence(source, nats or 0.0, said, abstains=nats is None, behavioural=source in BEHAVIOURAL)


def pieces():
    names = st.lists(st.sampled_from([source.name for source in SOURCES]), unique=True, max_size=len(SOURCES))
    said = st.lists(st.none() | st.floats(-50, 50), min_size=len(SOURCES), max_size=len(SOURCES))
    return st.builds(lambda names, said: list(map(evidence_of, names, said)), names, said)


def risk_of(nats: float, *, behavioural: bool = False):
    return fuse(
        [Evidence(f"s{i}", share, behavioural=behavioural) for i, share in enumerate([nats / 8] * 8)], policy().scale
    )


def answer(to: Policy, asked, risk):
    return decide(to, facts_of(to, asked, Signals(), now=b.NOW), risk, decision_id="d")


def strictness(decision) -> tuple[int, int]:
    """0 permit, 1 step up, 2 refuse; and the rank of the class asked for."""
    if decision.permitted:
        return 0, 0
    if decision.acr_values:
        return 1, policy().ladder.rank(decision.acr_values[0])
    return 2, 9


@given(st.floats(-700, 700))
def test_expit_undoes_logit_and_never_overflows(nats):
    probability = expit(nats)
    assert 0 <= probability <= 1
    if abs(nats) < 30:
        assert logit(probability) == pytest.approx(nats, abs=1e-3)


@given(pieces())
def test_contributions_listed_sum_to_the_score(evidence):
    risk = fuse(evidence, policy().scale)
    assert risk.nats == pytest.approx(risk.prior_nats + math.fsum(item.nats for item in risk.contributions))
    assert risk.probability == pytest.approx(expit(risk.nats))


@given(pieces(), st.randoms())
def test_order_of_evidence_never_matters(evidence, random):
    shuffled = list(evidence)
    random.shuffle(shuffled)
    assert fuse(evidence, policy().scale) == fuse(shuffled, policy().scale)


WEIGHTS_OF_ANY_FIT = st.dictionaries(st.sampled_from([source.name for source in SOURCES]), st.floats(0, 3))


@given(pieces(), st.integers(0, 11), st.floats(0, 20), WEIGHTS_OF_ANY_FIT)
def test_more_evidence_against_never_lowers_the_risk_whatever_else_is_said(evidence, index, more, weights):
    if not evidence or evidence[index % len(evidence)].abstains:
        return
    i = index % len(evidence)
    raised = [*evidence[:i], replace(evidence[i], nats=evidence[i].nats + more), *evidence[i + 1 :]]
    scale = policy().scale
    assert fuse(raised, scale, weights).nats >= fuse(evidence, scale, weights).nats - 1e-9  # of rounding


@given(pieces(), WEIGHTS_OF_ANY_FIT)
def test_a_source_counts_by_its_weight_and_its_reasons_still_sum_to_it(evidence, weights):
    told = {item.source: item for item in evidence}
    for item in fuse(evidence, policy().scale, weights).contributions:
        assert item.abstains or sum(reason.nats for reason in item.reasons) == pytest.approx(item.nats, abs=1e-9)
        if item.source in told:
            assert abs(item.nats) <= abs(told[item.source].nats) * weights.get(item.source, 1.0) + 1e-9


def test_shipped_weights_are_of_sources_and_never_negative():
    assert WEIGHTS.keys() <= {source.name for source in SOURCES}
    assert all(weight >= 0 for weight in WEIGHTS.values())
    assert DISCOUNTS.keys() <= {source.group for source in SOURCES}
    assert all(0 <= discount <= 1 for discount in DISCOUNTS.values())


@given(pieces())
def test_abstaining_sources_weigh_nothing(evidence):
    spoken = [item for item in evidence if not item.abstains]
    risk = fuse(evidence, policy().scale)
    assert risk.nats == pytest.approx(fuse(spoken, policy().scale).nats)


@given(pieces())
def test_missing_evidence_never_lowers_risk_below_the_floor(evidence):
    scale = policy().scale
    risk = fuse(evidence, scale)
    if sum(1 for item in evidence if not item.abstains) < scale.quorum:
        assert risk.probability >= scale.floor - 1e-9


@given(pieces(), WEIGHTS_OF_ANY_FIT)
def test_each_source_is_capped_however_loud_it_is(evidence, weights):
    caps = {source.name: (source.reassures_nats, source.cap_nats) for source in SOURCES}
    for item in fuse(evidence, policy().scale, weights).contributions:
        least, most = caps.get(item.source, (math.inf, math.inf))
        assert -min(least, most) <= item.nats <= most


def test_a_source_that_is_not_finite_weighs_nothing():
    assert fuse([Evidence("device", math.nan)], policy().scale).nats == pytest.approx(logit(policy().scale.prior))


def test_reasons_of_a_discounted_source_still_sum_to_its_weight():
    loud = Evidence("automation", 2.0, (Reason("a", 2.0),))
    quiet = Evidence("keystroke", 1.0, (Reason("b", 0.6), Reason("c", 0.4)))
    shares = {item.source: item for item in fuse([loud, quiet], policy().scale).contributions}
    assert shares["keystroke"].nats == DISCOUNTS["behaviour"]
    assert sum(reason.nats for reason in shares["keystroke"].reasons) == pytest.approx(DISCOUNTS["behaviour"])


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.integers(1, 900), st.integers(1, 90_000))
def test_more_risk_never_lengthens_a_token(one, other, floor_s, longest_s):
    scale = policy().scale
    low, high = (replace(risk_of(0), probability=p, level=level_of(p, scale)) for p in sorted((one, other)))
    assert lifespan_s(high, scale, floor_s=floor_s, longest_s=longest_s) <= lifespan_s(
        low, scale, floor_s=floor_s, longest_s=longest_s
    )
    assert lifespan_s(high, scale, floor_s=floor_s, longest_s=longest_s) <= longest_s


@given(
    st.floats(-20, 20),
    st.floats(0, 20),
    st.sampled_from([*Hook]),
    st.sampled_from([None, "0", *load(None).ladder.steps]),
)
def test_more_risk_never_loosens_an_answer(nats, more, hook, acr):
    asked = replace(b.request(hook), session=Session(sid="s", acr=acr))
    calm = answer(policy(), asked, risk_of(nats))
    risky = answer(policy(), asked, risk_of(nats + more))
    if hook is not Hook.REFRESH:
        assert strictness(risky) >= strictness(calm)
    else:
        assert calm.permitted or not risky.permitted
    for name in ("access_token_lifespan_s", "refresh_token_lifespan_s"):
        before, after = getattr(calm.obligations, name), getattr(risky.obligations, name)
        assert before is None or (after is not None and after <= before)


@given(st.floats(-20, 36), st.sampled_from([*Hook]))
def test_behaviour_alone_never_refuses_nor_ends(nats, hook):
    rule = Rule("hard", Condition(level_at_least=Level.HIGH), Effect(refuse=True, session=SessionFate.END_ALL))
    settings = replace(policy().settings, session_at_refuse=SessionFate.END)
    strict = replace(policy(), rules=(rule,), settings=settings)
    decision = answer(strict, b.request(hook), risk_of(nats, behavioural=True))
    assert decision.permitted or decision.acr_values
    assert decision.obligations.session is SessionFate.KEEP


@given(st.floats(-10, 30), st.sampled_from([None, "nonsense", *load(None).ladder.steps]))
def test_no_decision_raises_an_acr(nats, acr):
    asked = replace(b.request("refresh"), session=Session(acr=acr))
    cap = answer(policy(), asked, risk_of(nats)).obligations.max_acr
    assert cap is None or cap == policy().ladder.steps[0]


@given(st.permutations(["loose", "tight", "short"]), st.floats(-10, 10))
def test_the_order_of_rules_never_matters(order, nats):
    rules = {
        "loose": Rule("loose", Condition(), Effect(access_token_lifespan_s=250)),
        "tight": Rule("tight", Condition(), Effect(require_acr="phr")),
        "short": Rule("short", Condition(), Effect(access_token_lifespan_s=45)),
    }
    shuffled = replace(policy(), rules=tuple(rules[name] for name in order))
    sorted_ = replace(policy(), rules=tuple(rules[name] for name in sorted(rules)))
    one, other = (answer(p, b.request(), risk_of(nats)) for p in (shuffled, sorted_))
    assert (one.permitted, one.acr_values, one.obligations) == (other.permitted, other.acr_values, other.obligations)


def test_the_ladder_satisfies_upwards_only():
    ladder = Ladder(("basic", "mfa", "phr"))
    assert ladder.satisfies("phr", "mfa")
    assert not ladder.satisfies("basic", "mfa")
    assert not ladder.satisfies("unknown", "basic")
    assert ladder.satisfies(None, None)
    assert not ladder.satisfies("mfa", "unknown")
    assert ladder.stricter("mfa", None) == "mfa"
    assert ladder.stricter("basic", "mfa") == "mfa"
    assert ladder.lower(None, "mfa") == "mfa"
    assert ladder.lower("basic", None) == "basic"
    assert ladder.lower("phr", "mfa") == "mfa"
    assert ladder.lower("basic", "mfa") == "basic"
