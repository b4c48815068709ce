"""The realm files are what their generator writes."""

from __future__ import annotations

import pytest

from tools.paths import REALMS
from tools.realms import REALM_BUILDERS, text


@pytest.mark.parametrize("name", sorted(REALM_BUILDERS))
def test_the_realm_file_is_current(name: str):
    assert (REALMS / f"{name}.json").read_text("utf-8") == text(REALM_BUILDERS[name]())
