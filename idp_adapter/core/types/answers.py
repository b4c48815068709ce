"""The answer, what is kept of it, and what happened after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from idp_adapter.core.types.facts import Facts
from idp_adapter.core.types.knowledge import Origin
from idp_adapter.core.types.names import Level, Scalar, SessionFate, Unenrolled
from idp_adapter.core.types.observations import Typing
from idp_adapter.core.types.questions import Binding, SubjectId


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code with parameters. `nats` is its share of the score; `for_user` is a coarse message key or None."""

    code: str
    nats: float
    params: Mapping[str, Scalar] = field(default_factory=dict)
    for_user: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The weight of one source in nats of log-odds: positive speaks for an impostor. An abstaining one weighs 0."""

    source: str
    nats: float = 0.0
    reasons: tuple[Reason, ...] = ()
    abstains: bool = False
    behavioural: bool = False

    @classmethod
    def abstain(cls, source: str, why: str, *, behavioural: bool = False) -> Evidence:
        """Say nothing, and why: the code of the single reason."""
        return cls(source, 0.0, (Reason(why, 0.0),), abstains=True, behavioural=behavioural)


@dataclass(frozen=True, slots=True)
class Risk:
    """Fused probability of an impostor, its level, and the contributions that sum (with the prior) to `nats`."""

    nats: float
    probability: float
    level: Level
    prior_nats: float
    contributions: tuple[Evidence, ...]
    without_behaviour: float  # the probability had no behavioural source spoken (law 4)


@dataclass(frozen=True, slots=True)
class Obligations:
    """What the enforcer must also do. None leaves Keycloak's own value."""

    access_token_lifespan_s: int | None = None
    refresh_token_lifespan_s: int | None = None
    max_acr: str | None = None
    max_age_s: int | None = None  # a step-up must be no older than this (RFC 9470 `max_age`)
    session: SessionFate = SessionFate.KEEP
    reuse_s: int = 0  # the enforcer may answer like questions from this decision for so long


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `permitted` false with `acr_values`: step up to one of them; without: refuse."""

    id: str
    txn: str
    permitted: bool
    risk: Risk
    policy_id: str
    policy_version: str
    acr_values: tuple[str, ...] = ()
    obligations: Obligations = Obligations()
    unenrolled: Unenrolled = Unenrolled.DENY
    reasons: tuple[Reason, ...] = ()  # of rules, beside those in risk.contributions


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a candidate policy would have answered, and how that differs."""

    policy_id: str
    policy_version: str
    difference: str
    answer: str  # "permit", "step_up" or "refuse"
    acr: str | None = None
    access_token_s: int | None = None
    refresh_token_s: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as stored. `learnable` holds what its outcome may teach, until the outcome or its expiry.

    `facts` are what a policy could ask about, `inputs` a digest of what was judged, `weights` their version.
    """

    issuer: str
    decision: Decision
    subject: SubjectId
    hook: str
    client: str
    sid: str | None
    time: datetime
    origin: Origin
    user_agent: str
    device_ids: tuple[str, ...]
    learnable: Learnable | None
    binding: Binding = Binding()
    facts: Facts | None = None
    inputs: str = ""
    weights: str = ""
    shadow: Shadow | None = None


@dataclass(frozen=True, slots=True)
class Learnable:
    """What one evaluation observed that a confirmed outcome may teach."""

    device_key: str | None = None
    device_cookie: str | None = None
    typings: Mapping[str, Typing] = field(default_factory=dict)  # profile key -> typing
    clock_step_s: float | None = None
    binding: Binding = Binding()
    moves: Mapping[str, bytes] = field(default_factory=dict)  # profile key -> what the pointer model read of a trace


class OutcomeType(StrEnum):
    """What happened after a decision."""

    LOGIN_SUCCEEDED = "login_succeeded"
    STEP_UP_SUCCEEDED = "step_up_succeeded"
    LOGIN_FAILED = "login_failed"
    STEP_UP_FAILED = "step_up_failed"
    REFUSED = "refused"
    CREDENTIAL_CHANGED = "credential_changed"
    LOGOUT = "logout"
    TAKEOVER_REPORTED = "takeover_reported"  # `time` is from when on the subject's logins are not to be trusted


@dataclass(frozen=True, slots=True)
class Outcome:
    """One report of the enforcer. `id` makes it idempotent under its issuer.

    `time` is by the enforcer's clock, and may be hours old; `received` by the service's, as `time` where it is None.
    `telemetry` is of the form on which the code of a second factor was typed, `telemetry_challenge` what that form
    carried; neither is stored.
    """

    id: str
    issuer: str
    type: OutcomeType
    time: datetime
    decision_id: str | None = None
    subject: SubjectId | None = None
    client: str | None = None
    acr: str | None = None
    methods: tuple[str, ...] = ()
    origin: Origin = Origin()
    error: str | None = None
    received: datetime | None = None
    telemetry: str | None = field(default=None, repr=False)
    telemetry_challenge: str | None = field(default=None, repr=False)
