"""Stored values, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from idp_adapter.core.types import (
    Decision,
    DecisionRecord,
    Device,
    Doubt,
    Evidence,
    FamiliarPlace,
    Habits,
    LastLogin,
    Learnable,
    Level,
    Obligations,
    Origin,
    Outcome,
    OutcomeType,
    Place,
    Reason,
    Risk,
    SessionFate,
    Sighting,
    SubjectId,
    Typing,
    Unenrolled,
)
from idp_adapter.services.ports import HistoryQuery

NOW = datetime(2026, 11, 18, 9, 30, 0, 123456, tzinfo=UTC)
REALM_A = "https://id.example/realms/a"
REALM_B = "https://id.example/realms/b"
ALICE = SubjectId("user", "alice")
BOB = SubjectId("user", "bob")
HOME = Origin("a" * 22, "p" * 22, Place("PT", 64500, 38.7, -9.1, 20.0))

TYPING = Typing("password", (0.0, 0.1439, 0.29), (0.0812, 0.2201, 0.35), corrections=1, pasted=True)
LEARNABLE = Learnable("k" * 43, "c" * 22, {"password/1": TYPING}, 0.0001)
CONTRIBUTIONS = (
    Evidence("travel", 2.1, (Reason("travel_impossible", 2.1, {"km": 8450, "h": 1.5}, "new_place"),)),
    Evidence("device", -1.5, (Reason("device_known", -1.5, {"kinds": ("key", "cookie"), "confirmed": True}),)),
    Evidence.abstain("keystroke", "telemetry_none", behavioural=True),
)
DECISION = Decision(
    id="decision-1",
    txn="txn-1",
    permitted=False,
    risk=Risk(0.6, 0.6456563, Level.MEDIUM, -3.0, CONTRIBUTIONS, 0.55),
    policy_id="default",
    policy_version="2026-11-01",
    acr_values=("urn:idp-adapter:acr:mfa", "phr"),
    obligations=Obligations(60, 600, "urn:idp-adapter:acr:basic", 0, SessionFate.END, 5),
    unenrolled=Unenrolled.LIMIT,
    reasons=(Reason("rule_admin_client", 0.0, {"rule": "admin"}),),
)


def record(id_: str = "decision-1", *, issuer: str = REALM_A, **changes: object) -> DecisionRecord:
    full = DecisionRecord(
        issuer=issuer,
        decision=replace(DECISION, id=id_),
        subject=ALICE,
        hook="login",
        client="spa",
        sid="sid-1",
        time=NOW,
        origin=HOME,
        user_agent="Firefox/145 on Linux",
        device_ids=("k" * 43, "c" * 22),
        learnable=LEARNABLE,
    )
    return replace(full, **changes)  # type: ignore[arg-type]


def outcome(id_: str = "outcome-1", type_: OutcomeType = OutcomeType.LOGIN_SUCCEEDED, **changes: object) -> Outcome:
    full = Outcome(
        id=id_,
        issuer=REALM_A,
        type=type_,
        time=NOW,
        subject=ALICE,
        client="spa",
        acr="urn:idp-adapter:acr:mfa",
        methods=("pwd", "otp"),
        origin=HOME,
    )
    return replace(full, **changes)  # type: ignore[arg-type]


def device(id_: str = "key-1", **changes: object) -> Device:
    full = Device(id_, "key", NOW - timedelta(days=30), NOW, 5, "Firefox/145 on Linux", confirmed=True)
    return replace(full, **changes)  # type: ignore[arg-type]


def habits(logins: int = 8, *, values: int = 3) -> Habits:
    def sightings(name: str) -> tuple[Sighting, ...]:
        return tuple(Sighting(f"{name}-{i}", i + 1, NOW - timedelta(days=30), NOW) for i in range(values))

    return Habits(
        logins=logins,
        since=NOW - timedelta(days=30),
        addresses=sightings("address"),
        prefixes=sightings("prefix"),
        networks=sightings("network"),
        countries=sightings("country"),
        user_agents=sightings("user-agent"),
        clients=sightings("client"),
        hours=tuple(range(168)),
        last=LastLogin(NOW, HOME),
        places=(FamiliarPlace(38.72, -9.14, 20.0, 5, NOW - timedelta(days=30), NOW),),
        doubts=(Doubt("sid-1", NOW, "step_up_scripted", 2.0),),
    )


def query(
    subject: SubjectId = ALICE, *, issuer: str = REALM_A, prefix: str | None = HOME.prefix, minutes: float = 15
) -> HistoryQuery:
    return HistoryQuery(issuer, subject, prefix, NOW - timedelta(minutes=minutes))
