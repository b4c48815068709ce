"""A notary on keys of its own, and how tests seal and verify."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.adapters.notary import JoseNotary
from idp_adapter.services import audit as service
from idp_adapter.services.audit import Sealing
from idp_adapter.services.audit_pruning import Pruning
from idp_adapter.services.audit_verification import Verification
from tests.support.records import NOW, REALM_A
from tests.support.sealing import changed

SERVICE = "https://risk.example"
LONG = timedelta(days=1000)
LATER = NOW + timedelta(minutes=5)


class Office:
    """A notary on keys in a folder, and a clock."""

    def __init__(self, folder) -> None:
        self.keys = KeyFolder(folder)
        self.keys.prepare(NOW)
        self.now = NOW
        self.ids = iter(range(10**6))
        self.signer = FolderSigner(self.keys, now=lambda: self.now, timer=lambda: self.now.timestamp())
        self.notary = JoseNotary(self.signer, service=SERVICE, now=lambda: self.now, new_id=self.new_id)

    def new_id(self) -> str:
        return f"removal-{next(self.ids):06}"


def seal(store, office, issuer=REALM_A, *, most=3, now=LATER):
    before, service.MOST_IN_SEGMENT = service.MOST_IN_SEGMENT, most
    try:
        return tuple(Sealing(store.audit, office.notary).seal(issuer, now=now))
    finally:
        service.MOST_IN_SEGMENT = before


def verify(store, office, issuer=REALM_A, **more) -> Any:
    return Verification(store.audit, office.notary).verify(issuer, **more)


def prune(store, office, issuer=REALM_A, *, now=LATER) -> int:
    verdict = verify(store, office, issuer)
    return Pruning(Sealing(store.audit, office.notary), office.new_id).prune(issuer, verdict, now=now)


def faults(verdict) -> dict[str, int]:
    return {fault.value: count for fault, count in verdict.faults.items()}


# --- what a forger does ---------------------------------------------------------------------------------


def unsigned(claims: dict, typ: str = "audit-removal+jwt") -> str:
    """A compact JWS with somebody's own claims and no signature that holds."""
    parts = ({"alg": "ES256", "typ": typ, "kid": "k"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join((*encoded, "A" * 86))


def stated(store, text: str, segment: int | None = None, *, id_: str = "forged") -> None:
    """Put a statement in."""
    changed(
        store,
        "INSERT INTO audit_removal VALUES (:issuer, :id, 1, :text, :segment)",
        issuer=REALM_A, id=id_, text=text, segment=segment,
    )  # fmt: skip


def placed(store, segment: int, position: int, *, kind: str = "decision") -> None:
    """Put in a leaf for the record `forged`."""
    changed(
        store,
        "INSERT INTO audit_leaf (issuer, kind, record_id, segment, position, digest) "
        "VALUES (:issuer, :kind, 'forged', :segment, :position, :digest)",
        issuer=REALM_A, kind=kind, segment=segment, position=position, digest=bytes(32),
    )  # fmt: skip
