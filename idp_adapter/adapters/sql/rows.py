"""Core values to the columns of a row and back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp_adapter.adapters.sealing import DataKey
from idp_adapter.adapters.sql import codec, facts
from idp_adapter.adapters.sql.codec import Bound
from idp_adapter.core.types import (
    ComplianceStatus,
    Decision,
    DecisionRecord,
    Device,
    Json,
    Learnable,
    Level,
    Outcome,
    OutcomeType,
    Posture,
    Risk,
    SubjectId,
    Unenrolled,
)
from idp_adapter.errors import ProfileDamaged
from idp_adapter.services.ports import Lesson

TEMPLATE_ENVELOPE: Final = 1  # a template's bytes are the model's own, which carry their version
_KINDS: Final = {
    OutcomeType.LOGIN_SUCCEEDED: "success",
    OutcomeType.STEP_UP_SUCCEEDED: "success",
    OutcomeType.CREDENTIAL_CHANGED: "credential",
}
_ORIGIN: Final = ("address", "prefix", "country", "asn", "latitude", "longitude", "radius_km")


def of_subject(issuer: str, subject: SubjectId) -> dict[str, Bound]:
    """Whose rows: the key that every statement about a subject takes."""
    return {"issuer": issuer, "subject_type": subject.type, "subject_id": subject.id}


def _checked_of(issuer: str, subject: SubjectId) -> dict[str, Bound]:
    return {
        "issuer": codec.key("issuer", issuer),
        "subject_type": codec.key("subject.type", subject.type),
        "subject_id": codec.key("subject.id", subject.id),
    }


def _optional(name: str, value: str | None) -> str | None:
    return None if value is None else codec.text(name, value)


def decision_columns(record: DecisionRecord) -> dict[str, Bound]:
    """A decision as a row; its learnable part, which is sealed, comes apart.

    Raises `RequestInvalid` or `RequestTooLarge` for what can't be stored.
    """
    decision, risk = record.decision, record.decision.risk
    return {
        **_checked_of(record.issuer, record.subject),
        "id": codec.key("decision.id", decision.id),
        "txn": codec.text("txn", decision.txn),
        "hook": codec.text("hook", record.hook),
        "client": codec.text("client", record.client),
        "sid": _optional("sid", record.sid),
        "time_us": codec.to_us(record.time),
        "permitted": decision.permitted,
        "level": risk.level.value,
        "probability": risk.probability,
        "nats": risk.nats,
        "prior_nats": risk.prior_nats,
        "without_behaviour": risk.without_behaviour,
        "acr_values": codec.texts("acr_values", decision.acr_values),
        "unenrolled": decision.unenrolled.value,
        "policy_id": codec.text("policy.id", decision.policy_id),
        "policy_version": codec.text("policy.version", decision.policy_version),
        "evidence": codec.evidence_to_text(risk.contributions, decision.reasons),
        "obligations": codec.obligations_to_text(decision.obligations),
        **codec.origin_columns(record.origin),
        "user_agent": codec.text("user_agent", record.user_agent),
        "device_ids": codec.dumps("device_ids", record.device_ids),
        "learnable": None,
        "settled": False,
        "binding": codec.binding_to_text(record.binding),
        **facts.to_columns(record.facts),
        "inputs": codec.text("inputs", record.inputs),
        "weights": codec.text("weights", record.weights),
        "shadow": facts.shadow_to_text(record.shadow),
    }


def decision_record(columns: Mapping[str, Any], learnable: Learnable | None) -> DecisionRecord:
    """A decision from its row, with its learnable part, which is read apart. Bad data raises Python's own errors."""
    contributions, reasons = codec.evidence_from(columns["evidence"])
    risk = Risk(
        nats=columns["nats"],
        probability=columns["probability"],
        level=Level(columns["level"]),
        prior_nats=columns["prior_nats"],
        contributions=contributions,
        without_behaviour=columns["without_behaviour"],
    )
    decision = Decision(
        id=columns["id"],
        txn=columns["txn"],
        permitted=bool(columns["permitted"]),
        risk=risk,
        policy_id=columns["policy_id"],
        policy_version=columns["policy_version"],
        acr_values=tuple(codec.loads(columns["acr_values"])),
        obligations=codec.obligations_from(columns["obligations"]),
        unenrolled=Unenrolled(columns["unenrolled"]),
        reasons=reasons,
    )
    return DecisionRecord(
        issuer=columns["issuer"],
        decision=decision,
        subject=SubjectId(columns["subject_type"], columns["subject_id"]),
        hook=columns["hook"],
        client=columns["client"],
        sid=columns["sid"],
        time=codec.from_us(columns["time_us"]),
        origin=codec.origin_from_row([columns[name] for name in _ORIGIN]),
        user_agent=columns["user_agent"],
        device_ids=tuple(codec.loads(columns["device_ids"])),
        learnable=learnable,
        binding=codec.binding_from(columns["binding"]),
        facts=facts.from_columns(columns),
        inputs=columns["inputs"] or "",
        weights=columns["weights"] or "",
        shadow=facts.shadow_from(columns["shadow"]),
    )


def outcome_columns(outcome: Outcome) -> dict[str, Bound]:
    """An outcome as a row."""
    return {
        **_checked_of(outcome.issuer, outcome.subject or SubjectId("", "")),
        "id": codec.key("outcome.id", outcome.id),
        "type": outcome.type.value,
        "time_us": codec.to_us(outcome.time),
        "decision_id": _optional("decision_id", outcome.decision_id),
        "client": _optional("client", outcome.client),
        "acr": _optional("acr", outcome.acr),
        "methods": codec.dumps("methods", outcome.methods),
        **codec.origin_columns(outcome.origin),
        "error": _optional("error", outcome.error),
        "received_us": codec.to_us(outcome.received or outcome.time),
    }


def attempt_columns(lesson: Lesson) -> dict[str, Bound] | None:
    """A failed or completed authentication or a changed credential; None for outcomes that are none of these."""
    outcome = lesson.outcome
    kind = "failure" if lesson.failure else _KINDS.get(outcome.type)
    if kind is None:
        return None
    return {
        **of_subject(outcome.issuer, outcome.subject or SubjectId("", "")),
        "id": outcome.id,
        "kind": kind,
        "time_us": codec.to_us(outcome.time),
        "prefix": outcome.origin.prefix,
    }


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile's own values, before sealing; one without a body is forgotten."""

    kind: str
    key: str
    body: bytes | None
    version: int


def profiles(lesson: Lesson) -> list[Profile]:
    """The profiles of a lesson, checked, in a fixed order."""
    found = []
    if lesson.habits is not None:
        found.append(Profile("habits", "", codec.habits_to_bytes(lesson.habits), codec.HABITS_VERSION))
    for key, body in sorted(lesson.templates.items()):
        checked = None if body is None else codec.body("template", body)
        found.append(Profile("template", codec.key("template", key), checked, TEMPLATE_ENVELOPE))
    return found


def profile_columns(profile: Profile, body: bytes, data_key: DataKey) -> dict[str, Bound]:
    """A profile's own columns, its body sealed."""
    sealed = data_key.seal(body, *_profile_place(profile.kind, profile.key, profile.version))
    return {"kind": profile.kind, "key": profile.key, "body": sealed, "version": profile.version}


def profile_body(kind: str, key: str, version: int, sealed: bytes, data_key: DataKey | None) -> bytes:
    """A profile's body, opened. Raises `ProfileDamaged`."""
    return _opened(sealed, data_key, _profile_place(kind, key, version))


def sealed_learnable(record: DecisionRecord, data_key: DataKey) -> bytes | None:
    """What a decision may teach, sealed."""
    if record.learnable is None:
        return None
    return data_key.seal(codec.learnable_to_bytes(record.learnable), *_learnable_place(record.decision.id))


def learnable_body(decision_id: str, sealed: bytes, data_key: DataKey | None) -> bytes:
    """What a decision may teach, opened. Raises `ProfileDamaged`."""
    return _opened(sealed, data_key, _learnable_place(decision_id))


def _opened(sealed: bytes, data_key: DataKey | None, place: tuple[str, ...]) -> bytes:
    if data_key is None:
        raise ProfileDamaged("a sealed body is without its data key", hint="it is learnt again")
    return data_key.open(bytes(sealed), *place)


def _profile_place(kind: str, key: str, version: int) -> tuple[str, ...]:
    return "profile", kind, key, str(version)


def _learnable_place(decision_id: str) -> tuple[str, ...]:
    return "learnable", decision_id, str(codec.VERSION)


def device_columns(device: Device) -> dict[str, Bound]:
    """A device's own columns."""
    return {
        "kind": codec.key("device.kind", device.kind),
        "id": codec.key("device.id", device.id),
        "first_seen_us": codec.to_us(device.first_seen),
        "last_seen_us": codec.to_us(device.last_seen),
        "seen": device.seen,
        "user_agent": codec.text("device.user_agent", device.user_agent),
        "confirmed": device.confirmed,
        "paired_key": _optional("device.paired_key", device.paired_key),
        "name": _optional("device.name", device.name),
    }


def device(texts: Sequence[str], numbers: Sequence[int], *, name: str | None = None) -> Device:
    """A device from a row of `load`: kind, id, user agent and paired key; times, count and whether confirmed."""
    kind, id_, user_agent, paired_key = texts
    first_us, last_us, seen, confirmed = numbers
    times = codec.from_us(first_us), codec.from_us(last_us)
    return Device(id_, kind, *times, seen, user_agent, bool(confirmed), paired_key, name)


def posture_columns(issuer: str, posture: Posture) -> dict[str, Bound]:
    """A report of a device's posture."""
    return {
        "issuer": codec.key("issuer", issuer),
        "device_id": codec.key("device.id", posture.device_id),
        "source": codec.key("posture.source", posture.source),
        "status": posture.status.value,
        "since_us": codec.to_us(posture.since),
        "before_us": None if posture.before is None else codec.to_us(posture.before),
        "seen_us": codec.to_us(posture.seen),
    }


def posture(texts: Sequence[str], numbers: Sequence[int | None]) -> Posture:
    """A posture from a row of `load`: device, source and status; since when, newest report, and the status before."""
    device_id, source, status, _ = texts
    since, seen, before = (None if us is None else codec.from_us(us) for us in numbers[:3])
    if since is None or seen is None:
        raise ValueError
    return Posture(device_id, source, ComplianceStatus(status), since, seen, before)


_DOCUMENTS: Final = frozenset(
    {"acr_values", "evidence", "obligations", "device_ids", "learnable", "methods", "binding", "facts", "shadow"}
)


def exported(columns: dict[str, Any]) -> dict[str, Json]:
    """An opened row as JSON-ready values: times as ISO 8601, documents parsed, templates as base64, habits as JSON."""
    exported: dict[str, Json] = {}
    for name, value in columns.items():
        if name in {"issuer", "subject_type", "subject_id"}:
            continue
        if name.endswith("_us") and value is not None:
            exported[name.removesuffix("_us")] = _exported_time(value)
        elif name in {"permitted", "settled", "confirmed"}:
            exported[name] = bool(value)
        elif name in _DOCUMENTS:
            exported[name] = None if value is None else _exported_document(value)
        elif name == "body":
            exported[name] = None if value is None else _exported_body(columns["kind"], value)
        else:
            exported[name] = value
    return exported


def _exported_time(value: Any) -> Json:
    """ISO 8601; what is stored itself where it is no time."""
    try:
        return codec.from_us(value).isoformat()
    except (OverflowError, TypeError):
        return str(value)


def _exported_document(value: Any) -> Json:
    """Parsed; the text itself where it can't be."""
    try:
        document: Json = codec.loads(value)
    except (ValueError, TypeError):
        return str(value)
    return document


def _exported_body(kind: str, body: bytes) -> Json:
    if kind == "habits":
        try:
            return codec.habits_to_json(codec.habits_from_bytes(body))
        except ProfileDamaged:
            pass
    return b64encode(body).decode()
