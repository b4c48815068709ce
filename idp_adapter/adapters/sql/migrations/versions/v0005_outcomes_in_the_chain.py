"""The chain seals outcomes too: when each was received, and of which kind of record a leaf is.

What was reported before counts as received with its realm's newest segment, so that the next ones take it in: by its
own time the chain would say of it that it was put in later. Leaves that are there are of decisions.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """Apply."""
    op.add_column("outcome", sa.Column("received_us", sa.BigInteger))
    _receive(op.get_bind())
    with op.batch_alter_table("outcome") as outcome:
        outcome.alter_column("received_us", existing_type=sa.BigInteger(), nullable=False)
    op.create_index("outcome_by_receipt", "outcome", ["issuer", "received_us"])
    op.alter_column("audit_leaf", "decision_id", new_column_name="record_id")
    op.add_column("audit_leaf", sa.Column("kind", sa.Text, server_default="decision"))
    with op.batch_alter_table("audit_leaf") as leaf:
        leaf.alter_column("kind", existing_type=sa.Text(), nullable=False, server_default=None)
        leaf.drop_constraint("audit_leaf_pk", type_="primary")
        leaf.create_primary_key("audit_leaf_pk", ["issuer", "kind", "record_id"])


def _receive(connection: sa.Connection) -> None:
    connection.execute(sa.text("UPDATE outcome SET received_us = time_us"))
    newest = connection.execute(sa.text("SELECT issuer, max(time_us) FROM audit_segment GROUP BY issuer")).fetchall()
    later = sa.text("UPDATE outcome SET received_us = :newest WHERE issuer = :issuer AND received_us < :newest")
    for issuer, newest_us in newest:
        connection.execute(later, {"issuer": issuer, "newest": newest_us})
