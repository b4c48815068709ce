"""What a replay needs of a decision, a candidate's answer beside it, and the chain that seals decisions."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Apply."""
    json = sa.Text().with_variant(JSONB(), "postgresql")
    for name, kind in (
        ("facts", json),
        ("auth_age_s", sa.Integer()),
        ("session_age_s", sa.Integer()),
        ("inputs", sa.Text()),
        ("weights", sa.Text()),
        ("shadow", json),
    ):
        op.add_column("decision", sa.Column(name, kind))
    op.create_table(
        "audit_segment",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("removals", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "number", name="audit_segment_pk"),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("removal", sa.Text),
        sa.PrimaryKeyConstraint("issuer", "decision_id", name="audit_leaf_pk"),
    )
    op.create_index("audit_leaf_by_place", "audit_leaf", ["issuer", "segment", "position"], unique=True)
    op.create_table(
        "audit_removal",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("segment", sa.Integer),
        sa.PrimaryKeyConstraint("issuer", "id", name="audit_removal_pk"),
    )
    op.create_index("audit_removal_by_segment", "audit_removal", ["issuer", "segment"])
