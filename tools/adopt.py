"""Put the flows of the demo realm into a realm that exists, by Keycloak's admin API.

`KEYCLOAK_ADMIN_PASSWORD=... python -m tools.adopt --url https://login.example.org --realm main --admin admin`

Adds the flows of `realms/demo.json`, the realm attribute `acr.loa.map` where there is none, and a client scope `risk`
with the claims `amr` and `risk`, which clients made later have by default. `--client ID` gives it to one that exists.
Nobody logs in otherwise before `--bind`, which makes the flows the realm's own and says which they replace; a flow, map
or scope that is there already is never changed. Whatever fails, what was added by this run is taken away again.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import requests

from tools.console import Stop, note, say, tick
from tools.paths import REALMS
from tools.realms import Rep, claim_mappers

SCOPE = "risk"
BINDINGS = {
    "browserFlow": "risk browser",
    "directGrantFlow": "risk direct grant",
    "resetCredentialsFlow": "risk reset credentials",
}
_TIMEOUT_S = 30


class Realm:
    """The admin API of one realm, spoken to as an administrator of the realm `master`."""

    def __init__(self, url: str, realm: str, admin: str, password: str) -> None:
        self._base = url.rstrip("/")
        self._url = f"{self._base}/admin/realms/{quote(realm, safe='')}"
        self._form = {"grant_type": "password", "client_id": "admin-cli", "username": admin, "password": password}
        self._session = requests.Session()
        self._until = 0.0
        self._log_in()

    def _log_in(self) -> None:
        """A token of the administrator lives for a minute by default, and flows may take longer."""
        self._session.headers.pop("Authorization", None)
        answer = self._send("POST", f"{self._base}/realms/master/protocol/openid-connect/token", data=self._form)
        if answer.status_code != 200:
            who = f"{self._form['username']} (status {answer.status_code})"
            raise Stop(f"{self._base} did not let {who} in: check --admin and the password.")
        token = answer.json()
        self._session.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._until = time.monotonic() + token["expires_in"] / 2

    def get(self, path: str) -> Any:
        """Read one thing."""
        return self._call("GET", path).json()

    def put(self, path: str, body: Rep | None = None) -> None:
        """Change one thing."""
        self._call("PUT", path, body)

    def post(self, path: str, body: Rep) -> str:
        """Make one thing; return its id."""
        return self._call("POST", path, body).headers.get("Location", "").rpartition("/")[2]

    def delete(self, path: str) -> None:
        """Take one thing away."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str, body: Rep | None = None) -> requests.Response:
        if time.monotonic() > self._until:
            self._log_in()
        answer = self._send(method, self._url + path, json=body)
        if answer.status_code >= 400:
            raise Stop(f"Keycloak answered {method} {path} with {answer.status_code}: {answer.text[:200]}")
        return answer

    def _send(self, method: str, url: str, **more: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=_TIMEOUT_S, **more)
        except requests.RequestException as error:
            raise Stop(f"{url} can't be reached: {type(error).__name__}. Check --url.") from None


class Flows:
    """The flows of a realm file, written into a realm one execution after the other."""

    def __init__(self, realm: Realm, document: Mapping[str, Any]) -> None:
        self._realm = realm
        self._flows = {flow["alias"]: flow for flow in document["authenticationFlows"]}
        self._configs = {config["alias"]: config["config"] for config in document["authenticatorConfig"]}

    def add(self, undo: ExitStack) -> Iterator[str]:
        """Add them; each top-level one's alias as soon as it is whole. `undo` takes them away, newest first."""
        there = {flow["alias"] for flow in self._realm.get("/authentication/flows")}
        tops = [flow for flow in self._flows.values() if flow["topLevel"]]
        if taken := sorted(there & {flow["alias"] for flow in tops}):
            raise Stop(f"The realm has flows of these names already: {', '.join(taken)}. Rename or delete them first.")
        for flow in tops:
            body = {name: flow[name] for name in ("alias", "providerId", "topLevel")} | {"builtIn": False}
            made = self._realm.post("/authentication/flows", body)
            undo.callback(self._realm.delete, f"/authentication/flows/{made}")
            self._fill(flow["alias"], flow["alias"])
            yield flow["alias"]

    def _fill(self, top: str, alias: str) -> None:
        for execution in self._flows[alias]["authenticationExecutions"]:
            path = f"/authentication/flows/{quote(alias)}/executions"
            if execution["authenticatorFlow"]:
                named = execution["flowAlias"]
                self._realm.post(f"{path}/flow", {"alias": named, "type": "basic-flow", "description": ""})
                self._require(top, {"displayName": named, "authenticationFlow": True}, execution["requirement"])
                self._fill(top, named)
            else:
                made = self._realm.post(f"{path}/execution", {"provider": execution["authenticator"]})
                self._require(top, {"id": made}, execution["requirement"])
                if name := execution.get("authenticatorConfig"):
                    body = {"alias": name, "config": self._configs[name]}
                    self._realm.post(f"/authentication/executions/{made}/config", body)

    def _require(self, top: str, which: Rep, requirement: str) -> None:
        """A new execution is disabled; the top-level flow lists all below it, and takes their requirements."""
        path = f"/authentication/flows/{quote(top)}/executions"
        found = next(one for one in self._realm.get(path) if which.items() <= one.items())
        self._realm.put(path, found | {"requirement": requirement})


def adopt(realm: Realm, *, clients: list[str], bind: bool) -> None:
    """Do it all, or nothing; say each step."""
    document = json.loads((REALMS / "demo.json").read_text("utf-8"))
    before = realm.get("")
    with ExitStack() as undo:
        for alias in Flows(realm, document).add(undo):
            tick(f"flow {alias}")
        scope = _scope(realm, undo)
        for client in clients:
            _give(realm, scope, client)
        changes: Rep = {}
        if "acr.loa.map" in before.get("attributes", {}):
            note(f"acr.loa.map stays {before['attributes']['acr.loa.map']}")
            note("it needs 0, and each class of the policy's ladder: basic is level 1 of the flow, mfa 2, phr 3")
        else:
            changes["attributes"] = before.get("attributes", {}) | {
                "acr.loa.map": document["attributes"]["acr.loa.map"]
            }
        if bind:
            changes |= BINDINGS
        if changes:
            realm.put("", changes)
        undo.pop_all()
    for name, alias in BINDINGS.items():
        if bind:
            tick(f"{name} is {alias}; it was {before.get(name)}")
        else:
            note(f"{name} stays {before.get(name)}; --bind makes it {alias}")
    note("each identity provider: set `risk post broker login` as its post-login flow")


def _scope(realm: Realm, undo: ExitStack) -> str:
    """The client scope's id; made, and a default of clients to come, where there is none of that name."""
    for found in realm.get("/client-scopes"):
        if found["name"] == SCOPE:
            note(f"client scope {SCOPE} is there already, and stays as it is")
            return str(found["id"])
    body = {
        "name": SCOPE,
        "description": "How strong the login was and how risky it looked",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false", "display.on.consent.screen": "false"},
        "protocolMappers": claim_mappers(),
    }
    made = realm.post("/client-scopes", body)
    undo.callback(realm.delete, f"/client-scopes/{made}")
    realm.put(f"/default-default-client-scopes/{made}")
    tick(f"client scope {SCOPE}: the claims amr and risk")
    return made


def _give(realm: Realm, scope: str, client: str) -> None:
    found = realm.get(f"/clients?clientId={quote(client, safe='')}")
    if not found:
        raise Stop(f"The realm has no client {client}.")
    realm.put(f"/clients/{found[0]['id']}/default-client-scopes/{scope}")
    tick(f"client {client} has the scope {SCOPE}")


def main() -> int:
    """Ask for what is missing, do it, or say in one sentence why not."""
    parser = argparse.ArgumentParser(description="Put the flows of the demo realm into a realm that exists.")
    parser.add_argument("--url", required=True, help="Keycloak's base URL")
    parser.add_argument("--realm", required=True)
    parser.add_argument("--admin", required=True, help="an administrator of the realm master")
    parser.add_argument("--client", action="append", default=[], help="a client to give the scope `risk`; repeatable")
    parser.add_argument("--bind", action="store_true", help="make the flows the realm's own")
    given = parser.parse_args()
    password = os.environ.get("KEYCLOAK_ADMIN_PASSWORD") or getpass.getpass(f"Password of {given.admin}: ")
    try:
        adopt(Realm(given.url, given.realm, given.admin, password), clients=given.client, bind=given.bind)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    say("Done. Log in by a private window before you close this administrator's session.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
