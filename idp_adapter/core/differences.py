"""How two answers to one question differ, in one word: what a candidate policy would change for whom it concerns."""

from __future__ import annotations

from enum import StrEnum

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.strictness import Kind, kind_of
from idp_adapter.core.types import Decision, SessionFate
from idp_adapter.core.types.facts import Facts

_FOREVER_S = 2**62


class Difference(StrEnum):
    """What the other answer does that the first did not; the first that fits, in this order."""

    REFUSED = "refused"
    CHALLENGED = "challenged"  # asked for a factor, or for a higher class
    ENDED = "ended"  # its session
    LOOSENED = "loosened"  # let in, or asked for less
    CAPPED = "capped"  # at a lower class
    SHORTENED = "shortened"  # tokens
    LENGTHENED = "lengthened"
    SAME = "same"


def difference(one: Decision, other: Decision, facts: Facts, ladder: Ladder) -> Difference:
    """How `other` differs from `one`; both answer the same question."""
    before, after = kind_of(one, facts.hook), kind_of(other, facts.hook)
    if after is not before:
        more = Difference.REFUSED if after is Kind.REFUSE else Difference.CHALLENGED
        return more if after > before else Difference.LOOSENED
    fates = list(SessionFate)
    if fates.index(other.obligations.session) > fates.index(one.obligations.session):
        return Difference.ENDED
    if after is Kind.REFUSE:
        return Difference.SAME
    if after is Kind.STEP_UP and one.acr_values != other.acr_values:
        is_higher = ladder.rank(other.acr_values[0]) > ladder.rank(one.acr_values[0])
        return Difference.CHALLENGED if is_higher else Difference.LOOSENED
    return Difference.SAME if after is Kind.STEP_UP else _of_permits(one, other, facts, ladder)


def _of_permits(one: Decision, other: Decision, facts: Facts, ladder: Ladder) -> Difference:
    if one.obligations.max_acr != other.obligations.max_acr:
        is_lower = ladder.lower(one.obligations.max_acr, other.obligations.max_acr) == other.obligations.max_acr
        return Difference.CAPPED if is_lower else Difference.LOOSENED
    lives = [_lives_s(decision, facts) for decision in (one, other)]
    if any(after < before for before, after in zip(*lives, strict=True)):
        return Difference.SHORTENED
    return Difference.SAME if lives[0] == lives[1] else Difference.LENGTHENED


def _lives_s(decision: Decision, facts: Facts) -> tuple[int, int]:
    """Lives of access and refresh token; what is left to the client's own, or beyond it, is as long as can be."""
    given = decision.obligations
    pairs = (
        (given.access_token_lifespan_s, facts.access_token_s),
        (given.refresh_token_lifespan_s, facts.refresh_token_s),
    )
    lives = (_FOREVER_S if life_s is None or (own_s and life_s >= own_s) else life_s for life_s, own_s in pairs)
    access_s, refresh_s = lives
    return access_s, refresh_s
