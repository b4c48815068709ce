"""What is remembered from one step to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.scenarios.stage import START


@dataclass(frozen=True, slots=True)
class Session:
    """A Keycloak session of somebody."""

    sid: str
    acr: str
    began: datetime
    proved: datetime


@dataclass(slots=True)
class Memory:
    """What the people of a scenario, Keycloak and an eavesdropper remember."""

    began: datetime = START
    count: int = 0
    take: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    typings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    passwords: dict[str, int] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)
    decision: str = ""
    signed: tuple[str, str] = ("", "")

    def next(self) -> int:
        """A number nobody had."""
        self.count += 1
        return self.count
