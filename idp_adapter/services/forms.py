"""What a form's script sent: opened, checked and typed; or refused by name and counted, and the login goes on."""

from __future__ import annotations

from dataclasses import dataclass

from idp_adapter.core.signals import parse_telemetry
from idp_adapter.core.types import Telemetry
from idp_adapter.errors import TelemetryRejected
from idp_adapter.services.ports import Observer, TelemetryOpener


@dataclass(frozen=True, slots=True)
class FormReader:
    """Reads the telemetry of forms."""

    opener: TelemetryOpener
    observer: Observer

    def read(self, text: str | None, *, challenge: str | None) -> tuple[Telemetry | None, str | None]:
        """The telemetry, or why there is none though some came. `challenge` is what the enforcer's form carried."""
        if not text:
            return None, None
        try:
            opened = self.opener.open(text)
            return parse_telemetry(opened.payload, expected_challenge=challenge, key_id=opened.key_id), None
        except TelemetryRejected as error:
            self.observer.telemetry_rejected(error.reason)
            return None, error.reason
