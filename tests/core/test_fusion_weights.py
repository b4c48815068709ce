"""The shipped weights of fusion: whole, and part of what a decision names as its weights."""

from __future__ import annotations

import pytest

from idp_adapter.core import fusion, fusion_weights, provenance


def test_shipped_weights_match_their_digest_and_are_what_fusion_uses():
    assert fusion_weights.checked() == (fusion.DISCOUNTS, fusion.WEIGHTS)


@pytest.mark.parametrize(
    ("weights", "discounts"),
    [
        ((*fusion_weights.WEIGHTS[:-1], ("travel", 0.0)), fusion_weights.DISCOUNTS),
        (fusion_weights.WEIGHTS[1:], fusion_weights.DISCOUNTS),
        (fusion_weights.WEIGHTS, (("behaviour", 0.5), ("place", 0.0))),
    ],
)
def test_a_changed_weight_stops_the_start(weights, discounts):
    with pytest.raises(RuntimeError, match=r"restore fusion_weights\.py"):
        fusion_weights.checked(weights, discounts)


def test_a_decision_names_the_weights_of_fusion():
    assert fusion_weights.DIGEST in provenance._FITTED
