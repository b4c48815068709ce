"""Where an answer came from: a digest of what was put in, and the version of the weights that judged it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from idp_adapter.core import fusion_weights
from idp_adapter.core.evidence import keystroke_weights, pointer_weights, touch_weights, typed_weights
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.types import Request, Signals

_FITTED: Final = (
    fusion_weights.DIGEST, keystroke_weights.DIGEST, pointer_weights.DIGEST, touch_weights.DIGEST, typed_weights.DIGEST
)  # fmt: skip


@lru_cache(maxsize=8)
def weights_version(*more: str) -> str:
    """Names the sources, their groups and caps, the fitted weights and `more`: 12 hexadecimal digits."""
    sources = ";".join(f"{one.name}:{one.group}:{one.cap_nats!r}:{one.reassures_nats!r}" for one in SOURCES)
    return hashlib.sha256("|".join((sources, *_FITTED, *more)).encode()).hexdigest()[:12]


def inputs_digest(request: Request, signals: Signals) -> str:
    """SHA-256 of a question as it was judged, in hexadecimal digits.

    Addresses and cookies enter as their keyed pseudonyms and telemetry as its own digest, so that nobody can find
    an address by trying all of them.
    """
    session, origin = request.session, signals.origin
    telemetry = hashlib.sha256((request.telemetry or "").encode("utf-8", "surrogatepass")).hexdigest()
    parts = (
        request.issuer, request.subject.key.type, request.subject.key.id, request.action, request.resource.type,
        request.resource.id, request.txn, request.time, session.sid, session.acr, session.auth_time, session.age_s,
        *request.subject.roles, *request.subject.groups, *request.subject.factors, request.resource.scope,
        origin.address, origin.prefix, signals.user_agent, signals.cookie_id, request.binding.jkt,
        request.binding.x5t_s256, telemetry, request.subject.roles_cut, request.subject.groups_cut,
    )  # fmt: skip
    written = "".join(f"{len(text)}:{text}" for text in map(str, parts))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
