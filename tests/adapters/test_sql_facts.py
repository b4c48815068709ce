"""Facts, digests and a candidate's answer read back as they were written, in every store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters.sql import facts as codec
from idp_adapter.core.types import Shadow
from idp_adapter.core.types.facts import Facts
from tests.support.records import ALICE, REALM_A, record

FACTS = Facts(
    hook="login",
    realm=REALM_A,
    client="spa",
    subject=ALICE,
    roles=frozenset({"a", "b"}),
    roles_cut=True,
    groups_cut=True,
    zones=frozenset({"lan"}),
    country="PT",
    properties=(("subject.department", "sales"), ("subject.sites", ("x", "y")), ("subject.level", 3)),
    session_acr="mfa",
    auth_age_s=7,
    session_age_s=9,
    is_offline=True,
    access_token_s=300,
    is_exempt=True,
    is_volunteer=True,
    demands=2,
)
SHADOW = Shadow("candidate", "2+abc", "challenged", "step_up", "mfa", 60, 600)


def test_facts_digests_and_shadow_read_back(store):
    kept = record(facts=FACTS, inputs="i" * 64, weights="w" * 12, shadow=SHADOW)
    store.record(kept)
    assert store.decision(REALM_A, "decision-1") == kept
    exported = store.export(REALM_A, ALICE)["decisions"][0]
    assert exported["facts"]["roles"] == ["a", "b"]
    assert exported["shadow"]["difference"] == "challenged"


def test_a_decision_without_facts_reads_back(store):
    store.record(record())
    found = store.decision(REALM_A, "decision-1")
    assert (found.facts, found.shadow, found.inputs) == (None, None, "")


@given(st.integers(-(10**12), 10**12))
def test_an_age_of_any_size_fits_its_column(age_s):
    from dataclasses import replace

    columns = codec.to_columns(replace(FACTS, auth_age_s=age_s))
    assert -(2**31) <= columns["auth_age_s"] < 2**31


def test_facts_of_another_version_are_refused():
    with pytest.raises(ValueError):  # noqa: PT011 - bad data raises Python's own
        codec.from_columns({"facts": '{"v": 9}'})
