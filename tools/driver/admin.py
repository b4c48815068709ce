"""Keycloak's admin API, as little of it as tests and demo need."""

from __future__ import annotations

import time
from typing import Any

import requests


class Admin:
    """An administrator of one Keycloak, working on one realm."""

    def __init__(self, url: str, realm: str, credentials: tuple[str, str]) -> None:
        self._url = url
        self._realm = realm
        self._credentials = credentials
        self._token: tuple[str, float] = ("", 0.0)

    def _bearer(self) -> str:
        token, until = self._token
        if time.monotonic() > until:
            name, password = self._credentials
            data = {"grant_type": "password", "client_id": "admin-cli", "username": name, "password": password}
            answer = requests.post(
                f"{self._url}/realms/master/protocol/openid-connect/token", data=data, timeout=30
            ).json()
            token, until = answer["access_token"], time.monotonic() + int(answer["expires_in"]) - 15
            self._token = token, until
        return token

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the realm's admin API; return the JSON, if any."""
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        url = f"{self._url}/admin/realms/{self._realm}{path}"
        answer = requests.request(method, url, headers=headers, timeout=30, **options)
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path} answered {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def user_id(self, name: str) -> str:
        """Return a user's id."""
        found = self.call("GET", "/users", params={"username": name, "exact": "true"})
        return str(found[0]["id"])

    def add_user(self, name: str, credentials: list[dict[str, Any]]) -> str:
        """Add an enabled user; return the id."""
        person = {"firstName": name.capitalize(), "lastName": "Example"}
        body = {"username": name, "enabled": True, "email": f"{name}@example.org", "emailVerified": True, **person}
        self.call("POST", "/users", json=body | {"credentials": credentials})
        return self.user_id(name)

    def sessions(self, name: str) -> list[dict[str, Any]]:
        """Return a user's sessions."""
        found: list[dict[str, Any]] = self.call("GET", f"/users/{self.user_id(name)}/sessions")
        return found

    def credential_types(self, name: str) -> list[str]:
        """Return the types of a user's credentials."""
        return [item["type"] for item in self.call("GET", f"/users/{self.user_id(name)}/credentials")]

    def failures(self, name: str) -> int:
        """Return how many failed logins brute-force protection counted."""
        found = self.call("GET", f"/attack-detection/brute-force/users/{self.user_id(name)}")
        return int(found.get("numFailures", 0))

    def events(self, name: str, **parameters: str) -> list[dict[str, Any]]:
        """Return a user's events, newest first."""
        wanted = {"user": self.user_id(name), **parameters}
        found: list[dict[str, Any]] = self.call("GET", "/events", params=wanted)
        return found
