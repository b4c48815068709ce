"""The nouns: frozen values that travel between rooms.

Units are in names (`_s`, `_km`, `_nats`); times are aware UTC `datetime`s; tuples rather than lists, so that values
never change under a reader. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Scalar: TypeAlias = str | int | float | bool | tuple[str, ...]


class Hook(StrEnum):
    """Where in Keycloak the question is asked; the AuthZEN `action.name`."""

    LOGIN = "login"
    TOKEN = "token"  # noqa: S105 - a hook's name
    REFRESH = "refresh"
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105 - a hook's name
    PASSWORD_GRANT = "password_grant"  # noqa: S105 - a hook's name


class Level(StrEnum):
    """Risk level, spelt as CAEP does."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"

    @property
    def rank(self) -> int:
        """Order of severity: 0, 1, 2."""
        return list(Level).index(self)


class SessionFate(StrEnum):
    """What becomes of the session; later members are stricter."""

    KEEP = "keep"
    END = "end"
    END_ALL = "end_all"


class Unenrolled(StrEnum):
    """What to do with a subject who has none of the factors that a step-up needs."""

    DENY = "deny"
    LIMIT = "limit"


# --- the question ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubjectId:
    """Whom a row is about: type `user` or `service_account`, and an issuer-scoped id."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the decision is about, as Keycloak describes them."""

    key: SubjectId
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    created_at: datetime | None = None
    properties: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked for: type `oidc_client` and the client's id."""

    type: str
    id: str
    public: bool | None = None
    requested_acr: tuple[str, ...] = ()
    scope: str = ""
    access_token_lifespan_s: int | None = None
    refresh_token_lifespan_s: int | None = None
    client_auth_method: str | None = None
    properties: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """The Keycloak session that the question belongs to; empty at a first login."""

    sid: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    auth_time: datetime | None = None
    offline: bool = False
    age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The request's network facts. `of_end_user` is false where a backend talks: its address says nothing of a user."""

    ip: str | None = None
    of_end_user: bool = True
    user_agent: str | None = None
    accept_language: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """Proof-of-possession thumbprints of the token request (RFC 9449 `jkt`, RFC 8705 `x5t#S256`)."""

    jkt: str | None = None
    x5t_s256: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question of one realm."""

    issuer: str
    subject: Subject
    action: str
    resource: Resource
    txn: str = ""
    time: datetime | None = None
    session: Session = Session()
    network: Network = Network()
    binding: Binding = Binding()
    telemetry: str | None = None
    telemetry_challenge: str | None = None
    cookie_id: str | None = None
    reused: int = 0
    action_properties: Mapping[str, Scalar] = field(default_factory=dict)


# --- what is known --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is: country code, ASN, and a point with its accuracy radius; unknown parts are None."""

    country: str | None = None
    asn: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as stored: keyed per-realm pseudonyms of the address and its prefix, and its place."""

    address: str | None = None
    prefix: str | None = None
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class Device:
    """One browser profile or cookie jar of a subject. `id` is a key's RFC 7638 thumbprint or a cookie's pseudonym."""

    id: str
    kind: str  # "key" or "cookie"
    first_seen: datetime
    last_seen: datetime
    seen: int = 1
    user_agent: str = ""  # family and platform, never the whole string
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often, first and last, a subject's confirmed logins showed one value (an origin, a user agent)."""

    value: str
    count: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class LastLogin:
    """Time and origin of the last completed login, for travel."""

    time: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class Habits:
    """What confirmed logins taught of a subject: bounded counters of values. Rebuilt, never mutated."""

    logins: int = 0
    since: datetime | None = None
    addresses: tuple[Sighting, ...] = ()
    prefixes: tuple[Sighting, ...] = ()
    networks: tuple[Sighting, ...] = ()  # ASNs
    countries: tuple[Sighting, ...] = ()
    user_agents: tuple[Sighting, ...] = ()
    clients: tuple[Sighting, ...] = ()
    hours: tuple[int, ...] = ()  # 168 counters of the hour of the week, Monday 00 UTC first; empty while young
    last: LastLogin | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Recent failed logins: the subject's own, and those of other subjects from the same prefix."""

    of_subject: tuple[datetime, ...] = ()
    of_prefix: int = 0
    subjects_of_prefix: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All that one read brings of a subject: the only stored input of a decision."""

    habits: Habits = Habits()
    devices: tuple[Device, ...] = ()
    failures: Failures = Failures()
    templates: Mapping[str, bytes] = field(default_factory=dict)  # profile key -> a model's own bytes


# --- what was observed ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Typing:
    """Key timings of one field by position, never by key; `down_s[i]` and `up_s[i]` count from the first press.

    `up_s[i]` is None where the release was not seen. `complete` says that each character came from one press, in order.
    """

    field: str
    down_s: tuple[float, ...]
    up_s: tuple[float | None, ...]
    complete: bool = True
    corrections: int = 0
    pasted: bool = False
    autofilled: bool = False
    virtual: bool = False  # an IME or on-screen keyboard gave no usable times
    untrusted: int = 0  # events that a script made


@dataclass(frozen=True, slots=True)
class Pointer:
    """One point of the trace: time since load, page position, kind (m, d, u, w), pressure and contact where given."""

    time_s: float
    x: float
    y: float
    kind: str
    pressure: float | None = None
    contact_px: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """Device facts that the page can see."""

    languages: tuple[str, ...] = ()
    timezone: str | None = None
    screen: tuple[float, ...] = ()
    touch_points: int = 0
    webdriver: bool = False
    platform: str | None = None
    mobile: bool | None = None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the collector saw of one form. `key_id` is the thumbprint of the key that signed it, None when unsigned."""

    fields: tuple[Typing, ...] = ()
    pointer: tuple[Pointer, ...] = ()
    facts: BrowserFacts = BrowserFacts()
    clock_step_s: float | None = None
    untrusted: int = 0  # pointer and click events that a script made
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything observed in one request, typed. `telemetry` is None when none came or none could be used."""

    origin: Origin = Origin()
    ip_kind: str = "unknown"  # "public", "private", "shared" (CGNAT), "loopback" or "unknown"
    user_agent: str = ""  # family/major on platform, or ""
    cookie_id: str | None = None  # pseudonym of the device cookie
    telemetry: Telemetry | None = None
    telemetry_rejected: str | None = None  # a named rejection, counted


# --- the answer -----------------------------------------------------------------------------------


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
class DecisionRecord:
    """A decision as stored. `learnable` holds what its outcome may teach, until the outcome or its expiry."""

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


@dataclass(frozen=True, slots=True)
class Learnable:
    """What one evaluation observed that a confirmed outcome may teach."""

    device_key: str | None = None
    device_cookie: str | None = None
    typings: Mapping[str, Typing] = field(default_factory=dict)  # profile key -> typing
    clock_step_s: float | None = None


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
    """One report of the enforcer. `id` makes it idempotent under its issuer."""

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
