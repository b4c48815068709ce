"""Policies, facts and risks for tests and properties."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

from hypothesis import strategies as st

from idp_adapter.adapters.policy_file import load
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import Policy, decide
from idp_adapter.core.policy_layers import Layer, Override
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import Decision, Evidence, Hook, Level, Reason, Risk, SessionFate, SubjectId, Unenrolled
from idp_adapter.core.types.facts import Facts

BASIC, MFA, PHR = load(None).ladder.steps
LOW, MEDIUM, HIGH, EXTREME = -1.0, 2.2, 4.5, 15.0
ALICE = SubjectId("user", "alice")


@cache
def shipped() -> Policy:
    return load(None)


def facts(hook: str = Hook.LOGIN, **changes) -> Facts:
    made = Facts(hook=hook, realm="https://id.example/realms/a", client="spa", subject=ALICE, session_acr=BASIC)
    return replace(made, **changes)


def risk(nats: float, *, calm: float | None = None, codes: tuple[str, ...] = ("code",)) -> Risk:
    """A risk of `nats` above the prior, of which `calm` (all, if not given) do not come from behaviour."""
    calm = nats if calm is None else calm
    reasons = tuple(Reason(code, 0.0) for code in codes)
    plain = [Evidence(f"s{i}", calm / 6, reasons) for i in range(6)]
    share = (nats - calm) / 6
    typed = [Evidence(f"t{i}", share, (Reason("typing_differs", share),), behavioural=True) for i in range(6)]
    return fuse([*plain, *(typed if nats != calm else ())], shipped().scale)


def answer(policy: Policy, nats: float = LOW, asked: Facts | None = None, *, of: Risk | None = None) -> Decision:
    return decide(policy, asked or facts(), of or risk(nats), decision_id="d")


def named(*names: str) -> frozenset[str]:
    return frozenset(names)


# --- strategies: few draws each, for drawing is what takes a law its time ------------------------------

HOOKS = (*Hook, "read")
hooks = st.sampled_from(HOOKS)
acrs = st.sampled_from([None, BASIC, MFA, PHR])


def some_names(*names: str):
    """None, one or two of them, in one draw; as often none as some, so that conditions are met."""
    none, one, two = ([frozenset(some) for some in combinations(names, size)] for size in range(3))
    return st.sampled_from(none * len(one + two) + one + two)


conditions = st.builds(
    Condition,
    hook=some_names(*HOOKS),
    client=some_names("spa", "payout"),
    role=some_names("admin", "payer"),
    environment=some_names("office", "floor"),
    reason=some_names("code", "typing_differs", "other"),
    level_at_least=st.sampled_from([Level.LOW, Level.LOW, Level.MEDIUM, Level.HIGH]),
    auth_age_over_s=st.sampled_from([None, None, 60]),
)
effects = st.builds(
    Effect,
    refuse=st.sampled_from([False, False, False, True]),
    limit=st.sampled_from([False, False, True]),
    require_acr=acrs,
    max_age_s=st.sampled_from([None, 30, 600]),
    max_acr=acrs,
    access_token_lifespan_s=st.sampled_from([None, 20, 90, 500]),
    refresh_token_lifespan_s=st.sampled_from([None, 300, 2000]),
    reuse_s=st.sampled_from([None, 0, 2]),
    session=st.sampled_from([SessionFate.KEEP, SessionFate.KEEP, *SessionFate]),
    unenrolled=st.sampled_from([None, *Unenrolled]),
)
fact_conditions = st.builds(
    Condition, hook=some_names(*HOOKS), client=some_names("spa", "payout"), role=some_names("admin")
)
rules = st.builds(Rule, st.sampled_from("abcdef"), conditions, effects, st.sampled_from([None]) | fact_conditions)
CHANGES = {
    "medium": [0.01, 0.1, 0.5],
    "high": [0.02, 0.3, 0.97],
    "refuse": [0.3, 0.99],
    "refuse_token": [0.2, 0.99],
    "acr_low": [BASIC, MFA],
    "acr_high": [BASIC, MFA, PHR],
    "step_up_max_age_s": [10, 5000],
    "lower_acr_on_refresh": [False, True],
    "unenrolled": [*Unenrolled],
    "access_token_floor_s": [10, 400],
    "access_token_max_s": [50, 900],
    "refresh_reuse_s": [0, 20],
    "session_at_refuse": [*SessionFate],
}
change = st.sampled_from([(name, value) for name, values in CHANGES.items() for value in values])
settings = st.lists(change, max_size=8).map(dict)
overrides = st.builds(
    Override,
    name=st.sampled_from("abcd"),
    layer=st.sampled_from(Layer),
    when=fact_conditions,
    changes=settings,
    may_loosen=st.booleans(),
)
requests = st.builds(
    facts,
    hooks,
    client=st.sampled_from(["spa", "payout"]),
    roles=some_names("admin", "payer"),
    environments=some_names("office", "floor"),
    session_acr=st.sampled_from([None, "0", BASIC, MFA, PHR]),
    auth_age_s=st.sampled_from([None, 5, 100, 9000]),
    access_token_s=st.sampled_from([None, 0, 40, 600]),
    demands=st.sampled_from([0, 2, 3, 9]),
)
risks = st.builds(
    lambda nats, calm: risk(nats, calm=min(nats, calm)), st.floats(-8, 14, allow_nan=False), st.floats(-8, 14)
)
