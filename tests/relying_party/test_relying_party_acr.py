"""The pure part: what satisfies what, and the grammar of the challenge."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.relying_party import (
    LADDER,
    Demand,
    InvalidToken,
    StepUpRequired,
    acr_satisfies,
    bearer_challenge,
    demand,
)

BASIC, MFA, PHR = LADDER
QUOTED = r'"[\x20\x21\x23-\x5b\x5d-\x7e]*"'  # RFC 6750 section 3: what a value may hold
CHALLENGE = re.compile(rf"Bearer [a-z_]+={QUOTED}(, [a-z_]+={QUOTED})*")


@pytest.mark.parametrize(
    ("reached", "required", "enough"),
    [
        (BASIC, BASIC, True),
        (MFA, BASIC, True),
        (PHR, MFA, True),
        (BASIC, MFA, False),
        (MFA, PHR, False),
        ("0", BASIC, False),
        ("1", BASIC, False),
        (None, BASIC, False),
        (2, MFA, False),
        ([MFA], MFA, False),
        ("", BASIC, False),
        ("gold", "gold", True),
        ("gold", BASIC, False),
        (PHR, "gold", False),
    ],
)
def test_a_class_satisfies_itself_and_those_below_it(reached: object, required: str, enough: bool) -> None:
    assert acr_satisfies({"acr": reached}, required) is enough


def test_claims_without_an_acr_satisfy_nothing() -> None:
    assert not acr_satisfies({}, BASIC)


def test_an_app_may_bring_its_own_ladder() -> None:
    assert acr_satisfies({"acr": "gold"}, "silver", ladder=("silver", "gold"))


@pytest.mark.parametrize(
    ("auth_time", "fresh"), [(940, True), (939, False), (None, False), (True, False), ("990", False)]
)
def test_an_authentication_older_than_max_age_is_not_enough(auth_time: object, fresh: bool) -> None:
    claims = {"acr": MFA, "auth_time": auth_time}
    if fresh:
        demand(claims, Demand(MFA, 60), now=1000)
    else:
        with pytest.raises(StepUpRequired, match="recent"):
            demand(claims, Demand(MFA, 60), now=1000)


def test_without_a_max_age_the_time_of_the_authentication_is_not_asked() -> None:
    demand({"acr": MFA}, Demand(MFA), now=1e12)


def test_the_challenge_is_that_of_rfc_9470() -> None:
    assert StepUpRequired(Demand(MFA, 60), "A stronger authentication is required").challenge == (
        'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required", '
        f'acr_values="{MFA}", max_age="60"'
    )


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_the_grammar_of_a_challenge(acr: str, description: str) -> None:
    assert CHALLENGE.fullmatch(StepUpRequired(Demand(acr, 1), description).challenge)
    assert CHALLENGE.fullmatch(bearer_challenge(InvalidToken(description)))


def test_the_challenge_to_a_call_without_a_token_names_no_error() -> None:
    assert bearer_challenge() == "Bearer"


def test_the_helper_imports_without_flask_authlib_or_the_rest_of_the_package() -> None:
    program = (
        "import sys; sys.modules['flask'] = sys.modules['authlib'] = None\n"
        "import idp_adapter.relying_party\n"
        "rest = [name for name in sys.modules if name.startswith('idp_adapter.')]\n"
        "assert all(name.startswith('idp_adapter.relying_party') for name in rest), rest\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
