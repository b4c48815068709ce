"""The contract of behavioural models, and how far any of them may speak.

A model compares a sample (what one login gave it: a row, some actions) with a profile (what confirmed samples taught).
It holds no state; profiles are frozen, and learning gives a new one. Every model passes the same battery of checks
(`tests/core/test_behaviour_models.py`). Caps by enrolment keep behaviour from deciding alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol, TypeVar

from idp_adapter.core.types import Evidence, Reason

Caps = tuple[tuple[int, float], ...]
CAPS: Final[Caps] = ((3, 1.5), (10, 3.0), (30, 4.5))  # nats by samples in the profile; below 3 nothing

P = TypeVar("P")
S = TypeVar("S", contravariant=True)


class BehaviourModel(Protocol[P, S]):
    """What learning and scoring need of a model whose profiles are `P` and whose samples are `S`."""

    @property
    def source(self) -> str:
        """The name of its evidence, and the first part of its profile keys."""
        ...

    def empty(self) -> P:
        """A profile that knows nothing yet."""
        ...

    def score(self, profile: P, sample: S, *, now: datetime) -> Evidence:
        """Weigh a sample: calibrated nats within the cap of its enrolment, with a reason; abstains below enrolment.

        Raises ValueError for a sample that is not finite or not of the profile's shape.
        """
        ...

    def nats(self, profile: P, sample: S) -> float | None:
        """Log-odds before any cap, genuine positive; None where the profile is too young to give any."""
        ...

    def learn(self, profile: P, sample: S, *, now: datetime) -> P:
        """A new profile with one more sample. Raises ValueError as `score` does."""
        ...

    def admits(self, profile: P, sample: S) -> bool:
        """Whether a sample may be learnt without proof from elsewhere."""
        ...

    def drift(self, profile: P) -> float | None:
        """How far what it learnt of late lies from its slow anchor, in spreads; None where it can't tell."""
        ...

    def to_bytes(self, profile: P) -> bytes:
        """Serialise, with version and checksum."""
        ...

    def from_bytes(self, data: bytes) -> P:
        """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else."""
        ...


def weighed(source: str, genuine_nats: float | None, *, enrolled: int, caps: Caps = CAPS) -> Evidence:
    """Evidence of one sample: what a model gave it, turned to speak of an impostor, within the cap of its enrolment."""
    cap = next((nats for least, nats in reversed(caps) if enrolled >= least), None)
    if cap is None or genuine_nats is None:
        return Evidence.abstain(source, f"{source}_enrolling", behavioural=True)
    nats = max(-cap, min(cap, -genuine_nats))
    reason = Reason(f"{source}_unlike" if nats > 0 else f"{source}_like", nats)
    return Evidence(source, nats, (reason,), behavioural=True)
