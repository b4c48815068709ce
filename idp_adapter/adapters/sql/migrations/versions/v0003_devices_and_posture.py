"""A device's name and the key that its cookie travels with; posture; what a decision's request was bound to."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Apply."""
    op.add_column("device", sa.Column("paired_key", sa.Text))
    op.add_column("device", sa.Column("name", sa.Text))
    op.create_index("device_by_id", "device", ["issuer", "id"])
    op.add_column("decision", sa.Column("binding", sa.Text))
    bound = sa.text("binding IS NOT NULL")
    session = ["issuer", "subject_type", "subject_id", "sid", "client", "time_us"]
    op.create_index("decision_bound", "decision", session, postgresql_where=bound, sqlite_where=bound)
    op.create_table(
        "posture",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("before_us", sa.BigInteger),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "device_id", "source", name="posture_pk"),
    )
    op.create_index("posture_by_sight", "posture", ["issuer", "seen_us"])
