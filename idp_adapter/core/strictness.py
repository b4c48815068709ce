"""Which of two answers is at least as strict: a partial order.

Answers rank refuse > step-up > permit; of two step-ups the higher class is stricter. Where neither refuses, each
obligation must be at least as strict as well: shorter lives, a lower cap, a shorter age, a shorter reuse. Letting in
with limits is a permit with stricter obligations. Some answers can't be compared, such as shorter tokens against a
lower cap. A cap on whoever is let in as they are says nothing of one who proves more first.
"""

from __future__ import annotations

from enum import IntEnum

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.types import Decision, Hook, SessionFate


class Kind(IntEnum):
    """What an answer says, by severity."""

    PERMIT = 0
    STEP_UP = 1
    REFUSE = 2


def kind_of(decision: Decision, hook: str) -> Kind:
    """What a decision says. A refused refresh names a class for the next login, and is a refusal all the same."""
    if decision.permitted:
        return Kind.PERMIT
    return Kind.STEP_UP if decision.acr_values and hook != Hook.REFRESH else Kind.REFUSE


def answer_of(decision: Decision, hook: str) -> str:
    """`permit`, `step_up` or `refuse`: the word for it in metrics, logs and records."""
    return kind_of(decision, hook).name.lower()


def is_at_least_as_strict(one: Decision, other: Decision, *, hook: str, ladder: Ladder) -> bool:
    """Whether `one` is nowhere looser than `other`, both being answers to one question at `hook`."""
    kinds = kind_of(one, hook), kind_of(other, hook)
    fates = list(SessionFate)
    if fates.index(one.obligations.session) < fates.index(other.obligations.session) or kinds[0] < kinds[1]:
        return False
    if kinds[0] is Kind.REFUSE:
        return True
    if kinds == (Kind.STEP_UP, Kind.STEP_UP) and ladder.rank(one.acr_values[0]) < ladder.rank(other.acr_values[0]):
        return False
    mine, its = one.obligations, other.obligations
    caps = (_cap(mine.max_acr, ladder), _cap(its.max_acr, ladder))
    bounds = (
        (mine.access_token_lifespan_s, its.access_token_lifespan_s),
        (mine.refresh_token_lifespan_s, its.refresh_token_lifespan_s),
        (mine.max_age_s, its.max_age_s),
        (mine.reuse_s, its.reuse_s),
        *([caps] if kinds[0] is kinds[1] else []),
    )
    return all(its_bound is None or (bound is not None and bound <= its_bound) for bound, its_bound in bounds)


def _cap(max_acr: str | None, ladder: Ladder) -> int | None:
    return None if max_acr is None else ladder.rank(max_acr)
