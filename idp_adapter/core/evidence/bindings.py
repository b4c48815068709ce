"""Is this the key that the session, or the workload, is bound to? For the device source, where tokens are asked for.

A DPoP key or a client certificate proves possession with every request (RFC 9449, RFC 8705). The first that a session's
tokens showed is compared with what comes later; that can only speak against, since nothing confirmed it. What confirmed
logins showed is a device of the subject's and may reassure.
"""

from __future__ import annotations

from typing import Final

from idp_adapter.core.devices import BINDINGS, of_kinds, thumbprints
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Hook, Reason

HOOKS: Final = frozenset({Hook.TOKEN, Hook.REFRESH, Hook.TOKEN_EXCHANGE, Hook.PASSWORD_GRANT, Hook.CLIENT_CREDENTIALS})
_OF_SESSION: Final = frozenset({Hook.TOKEN, Hook.REFRESH, Hook.TOKEN_EXCHANGE})
# In nats, set by judgement, looked at beside what benchmarks/population shows. A workload's key is rotated now and
# then, and an unbound client may become a bound one; a session's key has no reason to change.
KNOWN: Final = -2.0
CHANGED: Final = 2.0
LOST: Final = 1.8
NEW: Final = 1.0
MISSING: Final = 1.5


def weigh(situation: Situation) -> Reason | None:
    """The reason that the binding gives; None where there is nothing to compare, or nothing changed."""
    if situation.request.action not in HOOKS:
        return None
    shown = thumbprints(situation.request.binding)
    if situation.request.action in _OF_SESSION and (reason := _since_first(situation, shown)):
        return reason
    known = of_kinds(situation.history.devices, BINDINGS)
    if not known:
        return None
    trusted = {(device.kind, device.id) for device in known if situation.trusts(device)}
    if trusted & set(shown.items()):
        return Reason("binding_known", KNOWN)
    if situation.request.subject.key.type != "service_account":
        return None  # a person has several clients, and each may be bound or not
    return Reason("binding_new", NEW) if shown else Reason("binding_missing", MISSING)


def _since_first(situation: Situation, shown: dict[str, str]) -> Reason | None:
    first = thumbprints(situation.history.first_binding)
    if any(kind in shown and shown[kind] != value for kind, value in first.items()):
        return Reason("binding_changed", CHANGED, for_user="new_device")
    if first.keys() - shown.keys():
        return Reason("binding_lost", LOST, for_user="new_device")
    return None
