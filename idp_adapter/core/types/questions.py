"""The question: one request of one realm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from idp_adapter.core.types.names import Scalar


@dataclass(frozen=True, slots=True)
class SubjectId:
    """Whom a row is about: a type, one of `SUBJECT_TYPES` where Keycloak asks, and an issuer-scoped id."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the decision is about, as Keycloak describes them. `..._cut`: there are more than could be told."""

    key: SubjectId
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles_cut: bool = False
    groups_cut: bool = False
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
    posture_assertion: str | None = None
    reused: int = 0
    action_properties: Mapping[str, Scalar] = field(default_factory=dict)
