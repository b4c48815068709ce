"""Parts of the demo realm that only some tests want, added while Keycloak runs: flows, and clients that pass them."""

from __future__ import annotations

from urllib.parse import quote

from tests.e2e.world import World
from tools.driver.admin import Admin
from tools.driver.application import Application


def _flow_id(admin: Admin, alias: str) -> str:
    """Return a top-level flow's id, which is what a client's override names."""
    found = admin.call("GET", "/authentication/flows")
    return str(next(flow["id"] for flow in found if flow["alias"] == alias))


def copy_with_max_age(admin: Admin, alias: str, copy: str, *, level: int, max_age_s: int) -> str:
    """Copy a flow, let one level last another time, and return the copy's id."""
    admin.call("POST", f"/authentication/flows/{quote(alias)}/copy", json={"newName": copy})
    for execution in admin.call("GET", f"/authentication/flows/{quote(copy)}/executions"):
        if execution.get("providerId") == "conditional-level-of-authentication":
            path = f"/authentication/config/{execution['authenticationConfig']}"
            config = admin.call("GET", path)
            if config["config"]["loa-condition-level"] == str(level):
                config["config"]["loa-max-age"] = str(max_age_s)
                admin.call("PUT", path, json=config)
                return _flow_id(admin, copy)
    raise AssertionError(f"{alias} has no condition for level {level}")


def copy_with_required(admin: Admin, alias: str, copy: str, *, step: str, instead_of: str) -> str:
    """Copy a flow, make one of its alternatives the only way, and return the copy's id."""
    admin.call("POST", f"/authentication/flows/{quote(alias)}/copy", json={"newName": copy})
    path = f"/authentication/flows/{quote(copy)}/executions"
    wanted = {step: "REQUIRED", instead_of: "DISABLED"}
    for execution in admin.call("GET", path):
        requirement = wanted.get(execution.get("providerId"))
        if requirement and execution["requirement"] == "ALTERNATIVE":
            admin.call("PUT", path, json=execution | {"requirement": requirement})
    return _flow_id(admin, copy)


def client_like(world: World, model: str, client_id: str, *, implicit: bool = False, **attributes: str) -> Application:
    """Add a client with the redirects, claims and credentials of `model`, and attributes of its own."""
    (found,) = world.demo.call("GET", "/clients", params={"clientId": model})
    kept = ("publicClient", "redirectUris", "webOrigins", "attributes")
    body = {name: found[name] for name in kept} | {"clientId": client_id}
    body["protocolMappers"] = [
        {name: mapper[name] for name in ("name", "protocol", "protocolMapper", "config")}
        for mapper in found["protocolMappers"]
    ]
    body["attributes"] = body["attributes"] | attributes
    body["implicitFlowEnabled"] = implicit
    world.demo.call("POST", "/clients", json=body)
    return world.app(client_id)


def change_client(world: World, app: Application, **members: object) -> None:
    """Give members of a client other values."""
    (client,) = world.demo.call("GET", "/clients", params={"clientId": app.client_id})
    world.demo.call("PUT", f"/clients/{client['id']}", json=client | members)


def bind_browser_flow(world: World, app: Application, flow: str) -> None:
    """Have a client's logins pass another flow than the realm's; the realm's again where `flow` is empty."""
    change_client(world, app, authenticationFlowBindingOverrides={"browser": flow})


def send_past_the_risk_step(world: World, app: Application) -> None:
    """Have a client's logins pass Keycloak's own flow, which asks nobody."""
    bind_browser_flow(world, app, _flow_id(world.demo, "browser"))
