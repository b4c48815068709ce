"""Names that every room uses: JSON, hooks, levels, what becomes of sessions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Scalar: TypeAlias = str | int | float | bool | tuple[str, ...]

SUBJECT_TYPES: Final = ("user", "service_account")  # Keycloak's; another caller may bring types of its own


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


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody probably meant by one that is not known: other capitals, a letter or two off."""
    near = difflib.get_close_matches(name.casefold(), tuple(known), n=1, cutoff=0.8)
    return near[0] if near else None
