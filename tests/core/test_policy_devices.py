"""What a policy file says of devices and posture."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib import resources

import pytest

from idp_adapter.adapters.policy_file import load, parse
from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.posture import PostureRules
from idp_adapter.errors import PolicyInvalid

SHIPPED = resources.files("idp_adapter").joinpath("policies/default.toml").read_text("utf-8")
VALID = re.sub(r"(?ms)^\[(devices|posture|posture\.\w+)\].*?(?=^\[|\Z)", "", SHIPPED)
MORE = """
[devices]
trust_days = 30

[posture]
max_age_hours = 24

[posture.minimum_versions]
chrome = 120
ios = 17
"""


def test_trust_age_and_versions_are_read():
    policy = parse(VALID + MORE, name="t.toml")
    assert policy.devices == DeviceRules(timedelta(days=30))
    assert policy.posture == PostureRules(timedelta(hours=24), {"chrome": 120, "ios": 17})


def test_where_nothing_is_said_the_defaults_hold_and_no_version_is_wanted():
    policy = parse(VALID, name="t.toml")
    assert (policy.devices, policy.posture) == (DeviceRules(), PostureRules())


def test_the_policy_that_ships_wants_versions():
    assert load(None).posture.minimum_versions["chrome"] == 120


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("trust_days = 30", "trust_days = 0"), "`devices.trust_days` must be a whole number from 1"),
        (("trust_days = 30", "trust = 30"), "`devices.trust` is not known"),
        (("max_age_hours = 24", 'max_age_hours = "a day"'), "`posture.max_age_hours` must be a whole number"),
        (("chrome = 120", "crome = 120"), "`posture.minimum_versions.crome` is not known; did you mean `chrome`?"),
        (("chrome = 120", "netscape = 4"), "`posture.minimum_versions.netscape` is not known; name one of android"),
        (("chrome = 120", 'chrome = "new"'), "`posture.minimum_versions.chrome` must be a major version"),
        (("chrome = 120", "chrome = true"), "`posture.minimum_versions.chrome` must be a major version"),
        (("chrome = 120", "chrome = 0"), "`posture.minimum_versions.chrome` must be a major version"),
        (("[posture.minimum_versions]\nchrome = 120\nios = 17", "minimum_versions = 3"), "must be a table of major"),
    ],
)
def test_a_mistake_is_told_with_the_field_and_the_fix(change, told):
    with pytest.raises(PolicyInvalid) as error:
        parse(VALID + MORE.replace(*change), name="t.toml")
    assert any(told in problem for problem in error.value.problems)
    assert all("line " in problem for problem in error.value.problems)
