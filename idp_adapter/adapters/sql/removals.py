"""Removing decisions so that the audit chain knows: what erasure and retention take away is stated and signed.

In one transaction the decisions go, the leaves of those that were sealed point to a statement, and the statement, which
holds the root of their digests, is stored. Digests stay; nothing else of the decisions does. Nothing is stated of a
decision that was no longer what was sealed: else whoever gave it another age or subject would have it removed in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Text, bindparam, insert, null, update

from idp_adapter.adapters.sql import schema
from idp_adapter.adapters.sql.audit_log import digest_of
from idp_adapter.adapters.sql.clauses import text_of
from idp_adapter.adapters.sql.database import Execute, Parameters
from idp_adapter.core.audit import merkle_root
from idp_adapter.services.ports import Attest

ERASED: Final = "erased"
EXPIRED: Final = "expired"


class Removals:
    """Jobs that remove decisions. Without `attest` their leaves are left without a statement, as a thief would."""

    def __init__(self, dialect: str, attest: Attest | None) -> None:
        leaf, removal = schema.audit_leaf, schema.audit_removal
        own = (
            leaf.c.issuer == bindparam("issuer"),
            leaf.c.decision_id == bindparam("decision_id", type_=Text),
            leaf.c.digest == bindparam("digest", type_=leaf.c.digest.type),
            leaf.c.removal.is_(null()),
        )
        point: Any = update(leaf).where(*own).values(removal=bindparam("removal", type_=Text))
        self._point = text_of(point.returning(leaf.c.digest), dialect)
        state = insert(removal).values({column.name: bindparam(column.name) for column in removal.c})
        self._state = text_of(state, dialect)
        self._attest = attest

    def job(self, statement: str, parameters: Parameters, *, kind: str) -> Callable[[Execute], int]:
        """Run a deletion that returns ids and content, and state it."""
        issuer = str(parameters["issuer"])

        def run(execute: Execute) -> int:
            gone = execute(statement, parameters).fetchall()
            if gone and self._attest is not None:
                self._tell(execute, self._attest, issuer, {row[0]: digest_of(row[1:]) for row in gone}, kind)
            return len(gone)

        return run

    def _tell(self, execute: Execute, attest: Attest, issuer: str, gone: Mapping[str, bytes], kind: str) -> None:
        removal_id = attest.new_id()
        digests: list[bytes] = []
        for id_, digest in gone.items():
            own: Parameters = {"issuer": issuer, "decision_id": id_, "digest": digest, "removal": removal_id}
            digests += [bytes(row[0]) for row in execute(self._point, own).fetchall()]
        if not digests:
            return
        root = merkle_root(sorted(digests)).hex()
        time_us, statement = attest.state(issuer, removal_id, kind, root, len(digests))
        stated: Parameters = {
            "issuer": issuer,
            "id": removal_id,
            "time_us": time_us,
            "statement": statement,
            "segment": None,
        }
        execute(self._state, stated)
