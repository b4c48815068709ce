"""The closed tree of errors that this package raises on purpose.

Each has a stable `code` (for machines), a `message` (what is wrong, naming the field) and a `hint` (the fix). Adapters
turn foreign exceptions into these at their edge; `adapters/http/problems.py` alone turns these into HTTP statuses.
"""

from __future__ import annotations

from collections.abc import Sequence


class AdapterError(Exception):
    """Root of the tree; never raised itself."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def sentences(self) -> str:
        """What is wrong and the fix, as a person reads them."""
        if not self.hint:
            return self.message
        return f"{self.message.rstrip('.')}. {self.hint[0].upper()}{self.hint[1:].rstrip('.')}."


class RequestInvalid(AdapterError):
    """A caller's request lacks a required member or holds one of the wrong type or size."""

    code = "request_invalid"


class RequestTooLarge(RequestInvalid):
    """A body, or a part of one, is over its bound."""

    code = "request_too_large"


class CallerUnauthenticated(AdapterError):
    """The caller's credential is missing (`absent`), malformed, expired, or not signed by an allowed realm."""

    code = "caller_unauthenticated"

    def __init__(self, message: str, *, hint: str = "", absent: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.absent = absent


class CallerForbidden(AdapterError):
    """The caller is who it says but may not do this, such as reach another realm's rows."""

    code = "caller_forbidden"


class NotFound(AdapterError):
    """Nothing of that id is under this issuer."""

    code = "not_found"


class TelemetryRejected(AdapterError):
    """What the collector is said to have sent can't be used; the login goes on and its sources abstain."""

    code = "telemetry_rejected"

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or f"telemetry rejected: {reason}")
        self.reason = reason


class PostureRejected(AdapterError):
    """What is said to be a posture assertion can't be used; the login goes on."""

    code = "posture_rejected"

    def __init__(self, reason: str) -> None:
        super().__init__(f"posture assertion rejected: {reason}")
        self.reason = reason


class ProfileDamaged(AdapterError):
    """Stored profile bytes don't parse as the version that they claim."""

    code = "profile_damaged"


class ProfileLocked(ProfileDamaged):
    """A subject's data key does not unwrap with the keys at hand; what it sealed must not be overwritten."""

    code = "profile_locked"


class Unavailable(AdapterError):
    """A dependency did not answer inside its time budget."""

    code = "unavailable"

    def __init__(self, dependency: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.dependency = dependency


class Invalid(AdapterError):
    """A file or the settings are wrong; carries every problem at once."""

    code = "invalid"

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{subject} has {len(problems)} problem{'s' if len(problems) != 1 else ''}:\n{listed}")
        self.problems = tuple(problems)


class SettingsInvalid(Invalid):
    """The service's settings can't be used as they are."""

    code = "settings_invalid"


class PolicyInvalid(Invalid):
    """A policy file can't be used as it is."""

    code = "policy_invalid"
