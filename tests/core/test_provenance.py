"""Where an answer came from: what moves the digest of its inputs and the version of its weights, and what doesn't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_adapter.core.provenance import inputs_digest, weights_version
from idp_adapter.core.types import Network, Origin, Session, Signals
from tests.core import builders as b

ASKED = b.request()


def test_a_version_of_weights_is_short_and_names_what_a_deployment_added():
    assert len(weights_version()) == 12
    assert weights_version() == weights_version()
    assert len({weights_version(), weights_version("one"), weights_version("two"), weights_version("one", "two")}) == 4


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (b.request("refresh"), Signals()),
        (replace(ASKED, session=Session(acr="mfa")), Signals()),
        (replace(ASKED, telemetry="{}"), Signals()),
        (replace(ASKED, subject=replace(ASKED.subject, roles=("a", "b"))), Signals()),
        (replace(ASKED, subject=replace(ASKED.subject, roles=("a,b",))), Signals()),
        (replace(ASKED, subject=replace(ASKED.subject, roles_cut=True)), Signals()),
        (replace(ASKED, subject=replace(ASKED.subject, groups_cut=True)), Signals()),
        (ASKED, Signals(origin=Origin("address", "prefix"))),
        (ASKED, Signals(cookie_id="cookie")),
    ],
)
def test_another_question_has_another_digest(asked, seen):
    assert inputs_digest(asked, seen) != inputs_digest(ASKED, Signals())
    assert inputs_digest(asked, seen) == inputs_digest(asked, seen)


def test_parts_that_run_together_differ():
    one, other = (replace(ASKED, subject=replace(ASKED.subject, roles=roles)) for roles in (("ab", "c"), ("a", "bc")))
    assert inputs_digest(one, Signals()) != inputs_digest(other, Signals())


def test_a_raw_address_does_not_enter():
    moved = replace(ASKED, network=Network(ip="198.51.100.7"))
    assert inputs_digest(moved, Signals()) == inputs_digest(ASKED, Signals())
