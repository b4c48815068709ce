"""Names that every room uses: JSON, hooks, levels, what becomes of sessions."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Scalar: TypeAlias = str | int | float | bool | tuple[str, ...]


class Hook(StrEnum):
    """Where in Keycloak the question is asked; the AuthZEN `action.name`."""

    LOGIN = "login"
    TOKEN = "token"  # noqa: S105 - a hook's name
    REFRESH = "refresh"
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105 - a hook's name
    PASSWORD_GRANT = "password_grant"  # noqa: S105 - a hook's name


class Level(StrEnum):
    """Risk level, spelt as CAEP does."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"

    @property
    def rank(self) -> int:
        """Order of severity: 0, 1, 2."""
        return list(Level).index(self)


class ComplianceStatus(StrEnum):
    """What is said of a device's posture, spelt as CAEP does."""

    COMPLIANT = "compliant"
    NOT_COMPLIANT = "not-compliant"


class SessionFate(StrEnum):
    """What becomes of the session; later members are stricter."""

    KEEP = "keep"
    END = "end"
    END_ALL = "end_all"


class Unenrolled(StrEnum):
    """What to do with a subject who has none of the factors that a step-up needs."""

    DENY = "deny"
    LIMIT = "limit"
