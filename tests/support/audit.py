"""A notary on keys of its own, and how tests seal and verify."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.adapters.notary import JoseNotary
from idp_adapter.services import audit as service
from idp_adapter.services.audit import Sealing
from idp_adapter.services.audit_pruning import Pruning
from idp_adapter.services.audit_verification import Verification
from tests.support.records import NOW, REALM_A

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
