"""The acr ladder: authentication context classes from weakest to strongest. Nothing here can raise a class."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ladder:
    """Distinct acr values, weakest first."""

    steps: tuple[str, ...]

    def rank(self, acr: str | None) -> int:
        """Position on the ladder; -1 for none or for a class that is not on it."""
        return self.steps.index(acr) if acr in self.steps else -1

    def satisfies(self, reached: str | None, required: str | None) -> bool:
        """Whether `reached` is at least `required`. An unknown `reached` satisfies only "nothing required"."""
        return required is None or self.rank(reached) >= self.rank(required) >= 0

    def stricter(self, one: str | None, other: str | None) -> str | None:
        """The higher of two requirements; None requires nothing."""
        return one if self.rank(one) >= self.rank(other) else other

    def lower(self, one: str | None, other: str | None) -> str | None:
        """The lower of two caps; None caps nothing."""
        if one is None or other is None:
            return other if one is None else one
        return one if self.rank(one) <= self.rank(other) else other
