"""A realm that existed before takes over the flows, and is then asked about like the demo's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
import requests

from tests.e2e.front import STEP_UP
from tests.e2e.world import ACR_BASIC, ACR_MFA, World
from tools.adopt import BINDINGS, Realm, adopt
from tools.console import Stop
from tools.driver.admin import Admin
from tools.driver.browser import Person
from tools.driver.pages import Kind
from tools.keycloak import ADMIN
from tools.realms import OTP_SECRET, OTP_SECRET_BASE32, otp_credential, password_credential

PASSWORD = "correct horse battery"


@pytest.fixture
def name(world: World) -> Iterator[str]:
    """A realm of its own on stock flows, with one public client."""
    name = f"stock-{uuid.uuid4().hex[:6]}"
    client = {"clientId": "spa", "publicClient": True, "redirectUris": [f"{world.plan.app_url}/*"]}
    realm = {"realm": name, "enabled": True, "sslRequired": "none", "attributes": {"kept": "as it was"}}
    Admin(world.plan.keycloak_url, "", ADMIN).call("POST", "", json=realm | {"clients": [client]})
    yield name
    Admin(world.plan.keycloak_url, name, ADMIN).call("DELETE", "")


@pytest.fixture
def admin(world: World, name: str) -> Admin:
    return Admin(world.plan.keycloak_url, name, ADMIN)


@pytest.fixture
def realm(world: World, name: str) -> Realm:
    return Realm(world.plan.keycloak_url, name, *ADMIN)


def shape(admin: Admin, alias: str) -> list[tuple[object, ...]]:
    found = admin.call("GET", f"/authentication/flows/{alias}/executions")
    return [(one["level"], one["displayName"], one["requirement"]) for one in found]


def test_a_stock_realm_steps_up_once_it_has_the_flows(world: World, name: str, admin: Admin, realm: Realm):
    admin.add_user("pat", [password_credential(PASSWORD), otp_credential(OTP_SECRET)])
    adopt(realm, clients=["spa"], bind=True)
    for alias in ("risk browser", "risk direct grant", "risk reset credentials", "risk post broker login"):
        assert shape(admin, alias) == shape(world.demo, alias)
    world.answer(STEP_UP)
    pat = Person("pat", PASSWORD, OTP_SECRET_BASE32, None)
    visit = world.visit(world.app("spa", realm=name)).log_in(pat)
    assert visit.page.kind is Kind.OTP
    claims = visit.enter_code(pat).tokens().access
    assert claims["acr"] == ACR_MFA
    assert claims["risk"]["level"] == "HIGH"
    assert set(claims["amr"]) == {"pwd", "otp", "rba"}


def test_nobody_logs_in_otherwise_before_the_flows_are_bound(admin: Admin, realm: Realm):
    before = admin.call("GET", "")
    adopt(realm, clients=[], bind=False)
    after = admin.call("GET", "")
    assert {name: after[name] for name in BINDINGS} == {name: before[name] for name in BINDINGS}
    assert after["attributes"]["kept"] == "as it was"
    assert json.loads(after["attributes"]["acr.loa.map"])[ACR_BASIC] == 1


def test_what_fails_half_way_leaves_nothing_behind(admin: Admin, realm: Realm):
    with pytest.raises(Stop, match="no client nowhere"):
        adopt(realm, clients=["nowhere"], bind=True)
    assert not [flow for flow in admin.call("GET", "/authentication/flows") if flow["alias"].startswith("risk ")]
    assert not [scope for scope in admin.call("GET", "/client-scopes") if scope["name"] == "risk"]
    adopt(realm, clients=[], bind=False)
    with pytest.raises(Stop, match="has flows of these names already: risk browser"):
        adopt(realm, clients=[], bind=False)


def test_a_wrong_password_or_address_is_said_in_one_sentence(world: World):
    with pytest.raises(Stop, match="did not let admin"):
        Realm(world.plan.keycloak_url, "demo", "admin", "wrong")
    with pytest.raises(Stop, match="can't be reached"):
        Realm("http://127.0.0.1:9", "demo", *ADMIN)
    assert requests.get(world.plan.keycloak_url, timeout=5).ok
