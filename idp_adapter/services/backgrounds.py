"""Backgrounds: what a deployment's own subjects have in common, fitted of the profiles of those who agreed.

Nothing of one subject leaves: sums over two hundred people and more. Memory is bounded: past five thousand profiles no
more are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias, TypeVar

from idp_adapter.core import templates
from idp_adapter.core.evidence import any_text, pointer
from idp_adapter.errors import NotFound, ProfileDamaged
from idp_adapter.services.ports import Volunteers

FEWEST_SUBJECTS: Final = 200
MOST_SUBJECTS: Final = 5_000


class Model(StrEnum):
    """Models that have a background."""

    ANY_TEXT = "any-text"
    POINTER = "pointer"


class _Profile(Protocol):
    @property
    def taught(self) -> int: ...


P = TypeVar("P", bound=_Profile)
Background: TypeAlias = any_text.Background | pointer.Background
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A background, and of how many subjects it is."""

    model: Model
    background: Background
    subjects: int


@dataclass(frozen=True, slots=True)
class Fitting:
    """Fits backgrounds of stored profiles."""

    volunteers: Volunteers

    def fit(self, model: Model, issuers: Sequence[str], *, on_progress: Progress) -> Fitted:
        """Fit a model's background over some realms, one profile of each subject: its most experienced.

        `on_progress` hears how many subjects were read, and of how many. Raises `NotFound` below 200 subjects.
        """
        if model is Model.ANY_TEXT:
            read = any_text.from_bytes, any_text.FEWEST_SAMPLES
            texts = self._profiles(issuers, any_text.SOURCE, *read, on_progress)
            return Fitted(model, any_text.Background.of(texts), len(texts))
        hands = self._profiles(issuers, pointer.SOURCE, pointer.from_bytes, pointer.ENROLLED, on_progress)
        return Fitted(model, pointer.Background.of(hands), len(hands))

    def _profiles(
        self, issuers: Sequence[str], source: str, read: Callable[[bytes], P], fewest: int, on_progress: Progress
    ) -> list[P]:
        total = sum(self.volunteers.count(issuer, source) for issuer in issuers)
        subjects = (own for issuer in issuers for own in self.volunteers.templates(issuer, source))
        enrolled: list[P] = []
        for done, own in enumerate(subjects, start=1):
            best = max(_read(own, read), key=lambda profile: profile.taught, default=None)
            if best is not None and best.taught >= fewest:
                enrolled.append(best)
            on_progress(done, max(done, total))
            if len(enrolled) == MOST_SUBJECTS:
                break
        if len(enrolled) < FEWEST_SUBJECTS:
            raise NotFound(
                f"a background needs {FEWEST_SUBJECTS} subjects who agreed, each with a profile of {fewest} samples "
                f"and more; there are {len(enrolled)}",
                hint="Name in the policy who agreed (`behaviour.background_groups`), and wait for their logins.",
            )
        return enrolled


def _read(own: Mapping[str, bytes], read: Callable[[bytes], P]) -> Iterator[P]:
    for data in own.values():
        try:
            yield read(templates.from_bytes(data).current.profile)
        except ProfileDamaged:
            continue
