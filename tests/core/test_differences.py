"""How two answers differ, in one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_adapter.core.differences import Difference, difference
from idp_adapter.core.types import Obligations, SessionFate
from tests.core.policies import BASIC, EXTREME, HIGH, LOW, MFA, PHR, answer, facts, shipped

PERMIT, STEP_UP, REFUSE = (answer(shipped(), nats) for nats in (LOW, HIGH, EXTREME))


def permit(**obligations):
    return replace(PERMIT, obligations=Obligations(**obligations))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (PERMIT, PERMIT, Difference.SAME),
        (PERMIT, REFUSE, Difference.REFUSED),
        (STEP_UP, REFUSE, Difference.REFUSED),
        (PERMIT, STEP_UP, Difference.CHALLENGED),
        (STEP_UP, PERMIT, Difference.LOOSENED),
        (REFUSE, STEP_UP, Difference.LOOSENED),
        (REFUSE, replace(REFUSE, risk=PERMIT.risk), Difference.SAME),
        (STEP_UP, replace(STEP_UP, acr_values=(PHR,)), Difference.CHALLENGED),
        (replace(STEP_UP, acr_values=(PHR,)), STEP_UP, Difference.LOOSENED),
        (STEP_UP, replace(STEP_UP, obligations=Obligations()), Difference.SAME),
        (PERMIT, permit(session=SessionFate.END), Difference.ENDED),
        (PERMIT, permit(max_acr=BASIC), Difference.CAPPED),
        (permit(max_acr=BASIC), permit(max_acr=MFA), Difference.LOOSENED),
        (PERMIT, permit(access_token_lifespan_s=60), Difference.SHORTENED),
        (permit(refresh_token_lifespan_s=60), PERMIT, Difference.LENGTHENED),
        (PERMIT, permit(access_token_lifespan_s=300), Difference.SAME),
        (PERMIT, permit(access_token_lifespan_s=299, refresh_token_lifespan_s=9999), Difference.SHORTENED),
    ],
)
def test_the_first_word_that_fits_is_said(one, other, expected):
    asked = facts(access_token_s=300)
    assert difference(one, other, asked, shipped().ladder) is expected
