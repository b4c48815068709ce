"""Profiles are sealed by a data key per subject; what a decision under way could teach is dropped.

All in one transaction: afterwards no plain body is left, and none is ever read.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from idp_adapter.adapters.sealing import Sealer

revision: Final = "0002"
down_revision: Final = "0001"

_MOST_IN_BATCH: Final = 500
_KEY: Final = ("issuer", "subject_type", "subject_id", "kind", "key")
_SUBJECT: Final = _KEY[:3]


def upgrade() -> None:
    """Apply."""
    data_key = op.create_table(
        "data_key",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("updated_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject_type", "subject_id", name="data_key_pk"),
    )
    op.create_index("data_key_by_update", "data_key", ["issuer", "updated_at_us"])
    op.create_index("data_key_by_kek", "data_key", ["kek_id", "issuer", "subject_type", "subject_id"])
    op.drop_index("decision_learnable", "decision")
    op.drop_column("decision", "learnable")
    op.add_column("decision", sa.Column("learnable", sa.LargeBinary))
    learnable = sa.text("learnable IS NOT NULL")
    op.create_index(
        "decision_learnable", "decision", ["issuer", "time_us"], postgresql_where=learnable, sqlite_where=learnable
    )
    _seal(op.get_bind(), data_key, op.get_context().config.attributes["sealer"])  # type: ignore[union-attr]


def _seal(connection: sa.Connection, data_key: sa.Table, sealer: Sealer) -> None:
    """Seal each subject's profiles under a data key of its own."""
    profile = sa.table("profile", *(sa.column(name, sa.Text) for name in _KEY), sa.column("body", sa.LargeBinary))
    own = sa.and_(*(profile.c[name] == sa.bindparam(f"of_{name}") for name in _KEY))
    update = sa.update(profile).where(own).values(body=sa.bindparam("sealed"))
    for subject, rows in groupby(_profiles(connection), key=lambda row: tuple(row[:3])):
        key, wrapped = sealer.make(subject)
        updated_at_us = 0
        for *name, version, time_us, body in rows:
            sealed = key.seal(bytes(body), "profile", name[3], name[4], str(version))
            of = {f"of_{column}": value for column, value in zip(_KEY, name, strict=True)}
            connection.execute(update, {**of, "sealed": sealed})
            updated_at_us = max(updated_at_us, time_us)
        times = {"created_at_us": updated_at_us, "updated_at_us": updated_at_us}
        stored = {"kek_id": wrapped.kek_id, "wrapped": wrapped.wrapped, **times}
        connection.execute(sa.insert(data_key), {**dict(zip(_SUBJECT, subject, strict=True)), **stored})


def _profiles(connection: sa.Connection) -> Iterator[Any]:
    """Every profile in the order of its key, a batch at a time."""
    columns = [sa.column(name, sa.Text) for name in _KEY]
    more: tuple[Any, ...] = sa.column("version"), sa.column("updated_at_us"), sa.column("body", sa.LargeBinary)
    after = sa.tuple_(*(sa.bindparam(f"after_{name}", type_=sa.Text) for name in _KEY))
    batch: Any = sa.select(*columns, *more).select_from(sa.table("profile")).where(sa.tuple_(*columns) > after)
    batch = batch.order_by(*columns).limit(_MOST_IN_BATCH)
    last: tuple[str, ...] = ("",) * len(_KEY)
    while True:
        found = connection.execute(batch, {f"after_{name}": value for name, value in zip(_KEY, last, strict=True)})
        rows = found.fetchall()
        yield from rows
        if len(rows) < _MOST_IN_BATCH:
            return
        last = tuple(rows[-1][: len(_KEY)])
