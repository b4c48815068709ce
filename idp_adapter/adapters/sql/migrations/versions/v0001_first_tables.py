"""First tables: decisions, outcomes, profiles, devices, authentications."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "decision",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("txn", sa.Text, nullable=False),
        *_subject(),
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("sid", sa.Text),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("permitted", sa.Boolean, nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("nats", sa.Double, nullable=False),
        sa.Column("prior_nats", sa.Double, nullable=False),
        sa.Column("without_behaviour", sa.Double, nullable=False),
        sa.Column("acr_values", _json(), nullable=False),
        sa.Column("unenrolled", sa.Text, nullable=False),
        sa.Column("policy_id", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("evidence", _json(), nullable=False),
        sa.Column("obligations", _json(), nullable=False),
        *_origin(),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("device_ids", _json(), nullable=False),
        sa.Column("learnable", _json()),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "id", name="decision_pk"),
    )
    op.create_index("decision_by_subject", "decision", ["issuer", "subject_type", "subject_id", "time_us"])
    op.create_index("decision_by_time", "decision", ["issuer", "time_us"])
    learnable = sa.text("learnable IS NOT NULL")
    op.create_index(
        "decision_learnable", "decision", ["issuer", "time_us"], postgresql_where=learnable, sqlite_where=learnable
    )
    op.create_table(
        "outcome",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("decision_id", sa.Text),
        *_subject(),
        sa.Column("client", sa.Text),
        sa.Column("acr", sa.Text),
        sa.Column("methods", _json(), nullable=False),
        *_origin(),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("issuer", "id", name="outcome_pk"),
    )
    op.create_index("outcome_by_subject", "outcome", ["issuer", "subject_type", "subject_id", "time_us"])
    op.create_index("outcome_by_time", "outcome", ["issuer", "time_us"])
    op.create_table(
        "profile",
        sa.Column("issuer", sa.Text, nullable=False),
        *_subject(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject_type", "subject_id", "kind", "key", name="profile_pk"),
    )
    op.create_index("profile_by_update", "profile", ["issuer", "updated_at_us"])
    op.create_table(
        "device",
        sa.Column("issuer", sa.Text, nullable=False),
        *_subject(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("first_seen_us", sa.BigInteger, nullable=False),
        sa.Column("last_seen_us", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject_type", "subject_id", "kind", "id", name="device_pk"),
    )
    op.create_index("device_by_sight", "device", ["issuer", "last_seen_us"])
    op.create_table(
        "authentication",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        *_subject(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("prefix", sa.Text),
        sa.PrimaryKeyConstraint("issuer", "id", name="authentication_pk"),
    )
    op.create_index(
        "authentication_by_subject", "authentication", ["issuer", "subject_type", "subject_id", "kind", "time_us"]
    )
    op.create_index("authentication_by_prefix", "authentication", ["issuer", "prefix", "kind", "time_us"])
    op.create_index("authentication_by_time", "authentication", ["issuer", "time_us"])


def _json() -> Any:
    return sa.Text().with_variant(JSONB(), "postgresql")


def _subject() -> tuple[Any, ...]:
    return sa.Column("subject_type", sa.Text, nullable=False), sa.Column("subject_id", sa.Text, nullable=False)


def _origin() -> tuple[Any, ...]:
    return (
        sa.Column("address", sa.Text),
        sa.Column("prefix", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("asn", sa.BigInteger),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("radius_km", sa.Double),
    )
