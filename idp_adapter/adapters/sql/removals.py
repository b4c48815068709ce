"""Removing records so that the audit chain knows: what erasure and retention take away is stated and signed.

In one transaction the records go, the leaves of those that were sealed point to a statement, and the statement, which
holds the root of their digests, is stored. Digests stay; nothing else of the records does. Nothing is stated of a
record that was no longer what was sealed: else whoever gave it another age or subject would have it removed in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from idp_adapter.adapters.sql import codec
from idp_adapter.adapters.sql.audit_content import digest_of
from idp_adapter.adapters.sql.audit_statements import compiled
from idp_adapter.adapters.sql.database import Execute, Parameters
from idp_adapter.core.audit import RecordId, RecordKind, merkle_root
from idp_adapter.services.audit_ports import Attest

ERASED: Final = "erased"
EXPIRED: Final = "expired"


class Removals:
    """Jobs that remove records. Without `attest` their leaves are left without a statement, as a thief would."""

    def __init__(self, dialect: str, attest: Attest | None) -> None:
        self._sql, self._attest = compiled(dialect), attest

    def job(self, kind: RecordKind, statement: str, parameters: Parameters, *, reason: str) -> Callable[[Execute], int]:
        """Run a deletion of one kind of records that returns ids and content, and state it."""
        issuer = str(parameters["issuer"])

        def run(execute: Execute) -> int:
            gone = execute(statement, parameters).fetchall()
            if gone and self._attest is not None:
                digests = {RecordId(kind, row[0]): digest_of(kind, row[1:]) for row in gone}
                self._tell(execute, self._attest, issuer, digests, reason)
            return len(gone)

        return run

    def _tell(self, execute: Execute, attest: Attest, issuer: str, gone: Mapping[RecordId, bytes], reason: str) -> None:
        removal_id = attest.new_id()
        digests: list[bytes] = []
        for record_id, digest in gone.items():
            leaf: Parameters = {"issuer": issuer, "kind": record_id.kind, "record_id": record_id.id, "digest": digest}
            if execute(self._sql.point, {**leaf, "removal": removal_id}).rowcount == 1:
                digests.append(digest)
        if not digests:
            return
        root = merkle_root(sorted(digests)).hex()
        at, statement = attest.state(issuer, removal_id, reason, root, len(digests))
        stated: Parameters = {
            "issuer": issuer,
            "id": removal_id,
            "time_us": codec.to_us(at),
            "statement": statement,
            "segment": None,
        }
        execute(self._sql.add_removal, stated)
