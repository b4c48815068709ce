"""Whether claims carry the authentication that a resource asks for; where not, the RFC 9470 challenge. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LADDER = ("urn:idp-adapter:acr:basic", "urn:idp-adapter:acr:mfa", "phr")
"""The classes that ship, weakest first."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a resource asks of an authentication: a class, and at most so many seconds since it happened."""

    acr: str
    max_age: int | None = None


class StepUpRequired(Exception):
    """The claims are genuine but their authentication is not enough (RFC 9470)."""

    def __init__(self, demanded: Demand, description: str) -> None:
        super().__init__(description)
        self.demand = demanded
        self.description = description

    @property
    def challenge(self) -> str:
        """The value of a `WWW-Authenticate` header."""
        parameters = {
            "error": "insufficient_user_authentication",
            "error_description": self.description,
            "acr_values": self.demand.acr,
        }
        if self.demand.max_age is not None:
            parameters["max_age"] = str(self.demand.max_age)
        return header("Bearer", parameters)


def acr_satisfies(claims: Mapping[str, object], required: str, ladder: Sequence[str] = LADDER) -> bool:
    """Whether the `acr` of `claims` is `required` or above it on `ladder`; one off the ladder is only ever itself."""
    reached = claims.get("acr")
    if not isinstance(reached, str):
        return False
    if reached in ladder and required in ladder:
        return ladder.index(reached) >= ladder.index(required)
    return reached == required


def demand(
    claims: Mapping[str, object],
    wanted: Demand,
    *,
    now: float,
    ladder: Sequence[str] = LADDER,
) -> None:
    """Raise `StepUpRequired` unless `claims` meet `wanted` at `now` (epoch seconds)."""
    if not acr_satisfies(claims, wanted.acr, ladder):
        raise StepUpRequired(wanted, "A stronger authentication is required")
    if wanted.max_age is None:
        return
    auth_time = claims.get("auth_time")
    if isinstance(auth_time, bool) or not isinstance(auth_time, int | float) or now - auth_time > wanted.max_age:
        raise StepUpRequired(wanted, "A more recent authentication is required")


def header(scheme: str, parameters: Mapping[str, str]) -> str:
    """A challenge of RFC 9110 section 11.6.1; what RFC 6750 section 3 allows in no value becomes a question mark."""
    quoted = (f'{name}="{"".join(c if _is_allowed(c) else "?" for c in value)}"' for name, value in parameters.items())
    return f"{scheme} {', '.join(quoted)}"


def _is_allowed(character: str) -> bool:
    return " " <= character <= "~" and character not in '"\\'
