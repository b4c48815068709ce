"""The tables, for both dialects. Every row is under its issuer, first in each key and each index but one.

Times are whole microseconds since 1970 UTC (`_us`), so that both dialects compare and return them alike and one uniform
query can read all of a subject's history. Bodies of profiles and what a decision may teach are sealed by the subject's
data key (`adapters/sealing.py`), which is stored wrapped. A change here comes with a migration; a test holds the two
equal.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

REVISION: Final = "0005"  # the newest migration; read at start and by readiness without loading Alembic

metadata: Final = MetaData()


def _json() -> TypeEngine[str]:
    """JSON text that the codec wrote; PostgreSQL checks it and lets operators query into it."""
    return Text().with_variant(JSONB(), "postgresql")


def _issuer() -> Column[str]:
    return Column("issuer", Text, nullable=False)


def _subject() -> tuple[Column[str], Column[str]]:
    return Column("subject_type", Text, nullable=False), Column("subject_id", Text, nullable=False)


def _origin() -> tuple[Column[str] | Column[int] | Column[float], ...]:
    """Pseudonyms and a coarse place, never a raw address."""
    return (
        Column("address", Text),
        Column("prefix", Text),
        Column("country", Text),
        Column("asn", BigInteger),
        Column("latitude", Double),
        Column("longitude", Double),
        Column("radius_km", Double),
    )


decision: Final = Table(
    "decision",
    metadata,
    _issuer(),
    Column("id", Text, nullable=False),
    Column("txn", Text, nullable=False),
    *_subject(),
    Column("hook", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("sid", Text),
    Column("time_us", BigInteger, nullable=False),
    Column("permitted", Boolean, nullable=False),
    Column("level", String(8), nullable=False),
    Column("probability", Double, nullable=False),
    Column("nats", Double, nullable=False),
    Column("prior_nats", Double, nullable=False),
    Column("without_behaviour", Double, nullable=False),
    Column("acr_values", _json(), nullable=False),
    Column("unenrolled", Text, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("evidence", _json(), nullable=False),
    Column("obligations", _json(), nullable=False),
    *_origin(),
    Column("user_agent", Text, nullable=False),
    Column("device_ids", _json(), nullable=False),
    Column("learnable", LargeBinary),  # sealed
    Column("settled", Boolean, nullable=False),
    Column("binding", Text),  # thumbprints of the keys that the request proved, as JSON text
    Column("facts", _json()),  # what a policy could ask about, for replays; ages apart
    Column("auth_age_s", Integer),
    Column("session_age_s", Integer),
    Column("inputs", Text),  # digest of what was judged
    Column("weights", Text),
    Column("shadow", _json()),  # a candidate policy's answer
    PrimaryKeyConstraint("issuer", "id", name="decision_pk"),
)
Index(
    "decision_by_subject",
    decision.c.issuer,
    decision.c.subject_type,
    decision.c.subject_id,
    decision.c.time_us,
)
Index("decision_by_time", decision.c.issuer, decision.c.time_us)
Index(
    "decision_learnable",
    decision.c.issuer,
    decision.c.time_us,
    postgresql_where=text("learnable IS NOT NULL"),
    sqlite_where=text("learnable IS NOT NULL"),
)
Index(
    "decision_bound",  # all that is asked for: else SQLite walks through every decision of the subject
    decision.c.issuer,
    decision.c.subject_type,
    decision.c.subject_id,
    decision.c.sid,
    decision.c.client,
    decision.c.time_us,
    postgresql_where=text("binding IS NOT NULL"),
    sqlite_where=text("binding IS NOT NULL"),
)

outcome: Final = Table(
    "outcome",
    metadata,
    _issuer(),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("decision_id", Text),
    *_subject(),
    Column("client", Text),
    Column("acr", Text),
    Column("methods", _json(), nullable=False),
    *_origin(),
    Column("error", Text),
    Column("received_us", BigInteger, nullable=False),  # by the service's clock; `time_us` is the enforcer's
    PrimaryKeyConstraint("issuer", "id", name="outcome_pk"),
)
Index("outcome_by_subject", outcome.c.issuer, outcome.c.subject_type, outcome.c.subject_id, outcome.c.time_us)
Index("outcome_by_time", outcome.c.issuer, outcome.c.time_us)
Index("outcome_by_receipt", outcome.c.issuer, outcome.c.received_us)

data_key: Final = Table(
    "data_key",
    metadata,
    _issuer(),
    *_subject(),
    Column("kek_id", Text, nullable=False),  # fingerprint of the key-encryption key
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),  # at least that of each profile that it seals
    PrimaryKeyConstraint("issuer", "subject_type", "subject_id", name="data_key_pk"),
)
Index("data_key_by_update", data_key.c.issuer, data_key.c.updated_at_us)
Index(  # the only one that isn't by issuer: key-encryption keys belong to the deployment
    "data_key_by_kek", data_key.c.kek_id, data_key.c.issuer, data_key.c.subject_type, data_key.c.subject_id
)

profile: Final = Table(
    "profile",
    metadata,
    _issuer(),
    *_subject(),
    Column("kind", Text, nullable=False),  # "habits", or "template" with its key
    Column("key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # sealed
    Column("version", Integer, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("issuer", "subject_type", "subject_id", "kind", "key", name="profile_pk"),
)
Index("profile_by_update", profile.c.issuer, profile.c.updated_at_us)

device: Final = Table(
    "device",
    metadata,
    _issuer(),
    *_subject(),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("paired_key", Text),  # of a cookie: the collector's key that came along
    Column("name", Text),  # given by a person
    PrimaryKeyConstraint("issuer", "subject_type", "subject_id", "kind", "id", name="device_pk"),
)
Index("device_by_sight", device.c.issuer, device.c.last_seen_us)
Index("device_by_id", device.c.issuer, device.c.id)

posture: Final = Table(  # of devices, whosoever they are: a shared one has one posture
    "posture",
    metadata,
    _issuer(),
    Column("device_id", Text, nullable=False),
    Column("source", Text, nullable=False),  # who reported it
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),  # the status has been this one
    Column("before_us", BigInteger),  # the status before had been that one; null where this is the first
    Column("seen_us", BigInteger, nullable=False),  # of the newest report
    PrimaryKeyConstraint("issuer", "device_id", "source", name="posture_pk"),
)
Index("posture_by_sight", posture.c.issuer, posture.c.seen_us)

authentication: Final = Table(
    "authentication",
    metadata,
    _issuer(),
    Column("id", Text, nullable=False),  # of the outcome that reported it
    *_subject(),
    Column("kind", Text, nullable=False),  # "failure", "success" or "credential": one changed
    Column("time_us", BigInteger, nullable=False),
    Column("prefix", Text),
    PrimaryKeyConstraint("issuer", "id", name="authentication_pk"),
)
Index(
    "authentication_by_subject",
    authentication.c.issuer,
    authentication.c.subject_type,
    authentication.c.subject_id,
    authentication.c.kind,
    authentication.c.time_us,
)
Index(
    "authentication_by_prefix",
    authentication.c.issuer,
    authentication.c.prefix,
    authentication.c.kind,
    authentication.c.time_us,
)
Index("authentication_by_time", authentication.c.issuer, authentication.c.time_us)


audit_segment: Final = Table(
    "audit_segment",  # a link of a realm's chain: records sealed together, and the signed checkpoint after them
    metadata,
    _issuer(),
    Column("number", Integer, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("removals", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("checkpoint", Text, nullable=False),
    PrimaryKeyConstraint("issuer", "number", name="audit_segment_pk"),
)

audit_leaf: Final = Table(
    "audit_leaf",  # the digest of a sealed record, which stays where the record was lawfully removed
    metadata,
    _issuer(),
    Column("kind", Text, nullable=False),  # "decision" or "outcome"
    Column("record_id", Text, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("removal", Text),
    PrimaryKeyConstraint("issuer", "kind", "record_id", name="audit_leaf_pk"),
)
Index("audit_leaf_by_place", audit_leaf.c.issuer, audit_leaf.c.segment, audit_leaf.c.position, unique=True)

audit_removal: Final = Table(
    "audit_removal",  # a signed statement that records were removed by erasure or retention
    metadata,
    _issuer(),
    Column("id", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("statement", Text, nullable=False),
    Column("segment", Integer),
    PrimaryKeyConstraint("issuer", "id", name="audit_removal_pk"),
)
Index("audit_removal_by_segment", audit_removal.c.issuer, audit_removal.c.segment)
