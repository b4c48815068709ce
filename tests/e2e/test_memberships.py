"""Rules about roles and groups hold however a subject came by them, and strictly where not all can be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.world import ACR_MFA, World
from tools.driver.application import Application
from tools.driver.browser import Person
from tools.driver.pages import Kind
from tools.paths import ROOT

TOLD = 512
LIFE_S = 41
RULES = f"""
[[rule]]
name = "administrators prove more"
when = {{ role = ["admin", "web-app:auditor"], hook = ["login"] }}
effect = {{ require_acr = "{ACR_MFA}" }}

[[rule]]
name = "so does whoever belongs to the vault"
when = {{ group = ["/vault"], hook = ["login"] }}
effect = {{ require_acr = "{ACR_MFA}" }}

[[rule]]
name = "batches are short"
when = {{ role = ["batch"], hook = ["client_credentials"] }}
effect = {{ access_token_lifespan_s = {LIFE_S}, reuse_s = 0 }}
"""


@pytest.fixture(scope="module", autouse=True)
def ruled(with_service: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The service under the policy that ships and `RULES`."""
    stack = with_service.stack
    before = stack.plan
    policy = tmp_path_factory.mktemp("policy") / "policy.toml"
    policy.write_text((ROOT / "idp_adapter/policies/default.toml").read_text("utf-8") + RULES, "utf-8")
    stack.stop_service()
    stack.plan = replace(before, service={**before.service, "IDP_ADAPTER_POLICY": str(policy)})
    stack.start_service()
    yield
    stack.stop_service()
    stack.plan = before
    stack.start_service()


@pytest.fixture(scope="module", autouse=True)
def roles(started: World) -> None:
    """Composites: `operator` holds `admin`, `clerk` a client's role, `nightly` `batch`, `everything` too many."""
    many = [f"of-many-{number:03d}" for number in range(TOLD + 8)]
    realm = [
        *({"name": name} for name in ("admin", "batch", *many)),
        {"name": "operator", "composite": True, "composites": {"realm": ["admin"]}},
        {"name": "clerk", "composite": True, "composites": {"client": {"web-app": ["auditor"]}}},
        {"name": "nightly", "composite": True, "composites": {"realm": ["batch"]}},
        {"name": "everything", "composite": True, "composites": {"realm": many}},
    ]
    found = {"realm": realm, "client": {"web-app": [{"name": "auditor"}]}}
    started.demo.call("POST", "/partialImport", json={"ifResourceExists": "SKIP", "roles": found})


def _give(world: World, owner: str, role: str) -> None:
    """Map a realm role to a user or group, by its path in the admin API."""
    world.demo.call("POST", f"{owner}/role-mappings/realm", json=[world.demo.call("GET", f"/roles/{role}")])


def _group(world: World, *names: str) -> list[str]:
    """Add a group in a group in a group; the ids from the outermost."""
    ids: list[str] = []
    for name in names:
        path = f"/groups/{ids[-1]}/children" if ids else "/groups"
        made = world.demo.call("POST", path, json={"name": name})
        found = made or next(each for each in world.demo.call("GET", "/groups") if each["name"] == name)
        ids.append(str(found["id"]))
    return ids


def _join(world: World, person: Person, group: str) -> None:
    world.demo.call("PUT", f"/users/{world.demo.user_id(person.name)}/groups/{group}")


def _page(world: World, person: Person) -> Kind:
    return world.visit().log_in(person).page.kind


def test_who_has_neither_role_nor_group_is_let_in(real: World):
    assert _page(real, real.person()) is Kind.CODE


@pytest.mark.parametrize(("composite", "told"), [("operator", "admin"), ("clerk", "web-app:auditor")])
def test_a_role_that_comes_by_a_composite_is_asked_to_step_up(real: World, composite: str, told: str):
    person = real.person()
    _give(real, f"/users/{real.demo.user_id(person.name)}", composite)
    assert _page(real, person) is Kind.OTP
    assert told in real.front.calls[-1].body["subject"]["properties"]["roles"]


def test_a_role_that_comes_by_a_composite_of_a_groups_parent_is_asked_to_step_up(real: World):
    outer, inner = _group(real, "operations", "lisbon")
    _give(real, f"/groups/{outer}", "operator")
    person = real.person()
    _join(real, person, inner)
    assert _page(real, person) is Kind.OTP
    properties = real.front.calls[-1].body["subject"]["properties"]
    assert {"admin", "operator"} <= set(properties["roles"])
    assert properties["groups"] == ["/operations", "/operations/lisbon"]
    assert not {"roles_cut", "groups_cut"} & set(properties)


def test_a_member_of_a_subgroup_belongs_to_its_parents(real: World):
    _, _, inner = _group(real, "vault", "night", "second")
    person = real.person()
    _join(real, person, inner)
    assert _page(real, person) is Kind.OTP


def test_a_service_account_has_the_roles_of_its_composites(real: World):
    client = {"clientId": "nightly-job", "secret": "nightly-secret", "serviceAccountsEnabled": True}
    real.demo.call("POST", "/clients", json=client | {"standardFlowEnabled": False})
    job, moved = (
        Application(f"{real.plan.keycloak_url}/realms/demo", "nightly-job", "", "nightly-secret", ip)
        for ip in (None, "192.0.2.77")  # from elsewhere the first answer is not used again
    )
    assert job.client_credentials().access_life_s != LIFE_S
    _give(real, f"/users/{real.demo.user_id('service-account-nightly-job')}", "nightly")
    assert moved.client_credentials().access_life_s == LIFE_S


def test_who_has_more_roles_than_can_be_told_counts_as_having_any_and_that_is_told_and_counted(real: World):
    person = real.person()
    _give(real, f"/users/{real.demo.user_id(person.name)}", "everything")
    before = real.metric("risk_subject_cut_total", list="roles")
    assert _page(real, person) is Kind.OTP
    properties = real.front.calls[-1].body["subject"]["properties"]
    assert (len(properties["roles"]), properties["roles_cut"], "admin" in properties["roles"]) == (TOLD, True, False)
    assert "roles_cut" in real.reasons()
    assert real.metric("risk_subject_cut_total", list="roles") == before + 1
