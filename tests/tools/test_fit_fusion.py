"""The fit of fusion's weights: what it fits is what fusion does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp_adapter.core import fusion
from idp_adapter.core.fusion import SOURCES, fuse
from idp_adapter.core.types import Evidence
from tests.core.policies import shipped
from tools import fit_fusion

NATS = st.lists(st.floats(-6, 6), min_size=len(SOURCES), max_size=len(SOURCES))
EQUALS = [1.0, -1.0] * len(SOURCES)  # of a group one must lead, and which one changes the sum
WEIGHTS = st.lists(st.floats(0, 2), min_size=len(SOURCES), max_size=len(SOURCES))


@pytest.mark.parametrize("discount", fit_fusion.DISCOUNTS)
@given(NATS, WEIGHTS)
@example(EQUALS[: len(SOURCES)], [1.0] * len(SOURCES))
def test_the_formula_that_is_fitted_is_the_one_that_fuses(discount, nats, weights):
    scale = shipped().scale
    by_name = dict(zip(fit_fusion.NAMES, weights, strict=True))
    evidence = [Evidence(name, told) for name, told in zip(fit_fusion.NAMES, nats, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion, "DISCOUNTS", {**fit_fusion.JUDGED_DISCOUNTS, fit_fusion.FITTED_GROUP: discount})
        fused = {item.source: item.nats for item in fuse(evidence, scale, by_name).contributions}
    shares, _ = fit_fusion.told(np.array([nats]), np.array(weights), discount)
    assert shares[0] == pytest.approx([fused[name] for name in fit_fusion.NAMES])


def test_the_discounts_that_ship_are_one_of_those_compared_and_the_judged_ones():
    assert fusion.DISCOUNTS.keys() == {fit_fusion.FITTED_GROUP, *fit_fusion.JUDGED_DISCOUNTS}
    assert fusion.DISCOUNTS[fit_fusion.FITTED_GROUP] in fit_fusion.DISCOUNTS
    assert all(fusion.DISCOUNTS[group] == less for group, less in fit_fusion.JUDGED_DISCOUNTS.items())


def test_the_weights_that_ship_are_of_all_sources_that_are_fitted():
    assert fusion.WEIGHTS.keys() == set(fit_fusion.NAMES) - fit_fusion.JUDGED
