"""What a deployment knows of its own subjects' hands in general, where an operator fitted it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from idp_adapter.core.evidence import any_text, pointer


@dataclass(frozen=True, slots=True)
class Backgrounds:
    """One background by model. `versions` name the files that they came from, so that decisions can."""

    any_text: any_text.Background | None = None
    pointer: pointer.Background = pointer.SHIPPED
    versions: tuple[str, ...] = ()


SHIPPED: Final = Backgrounds()
