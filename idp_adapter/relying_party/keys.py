"""An issuer's signing keys: fetched when first needed, kept, and asked for again when an unknown one signs.

Every fetch has one time budget for the whole of it, however slowly the bytes come, and one fetch serves all who wait.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import jwt
import requests

TIMEOUT_S = (2.0, 3.0)
"""Connect and read, as `requests` counts them."""
BUDGET_S = 5.0
MAX_BYTES = 256 * 1024


class KeysUnavailable(Exception):
    """The issuer's keys could not be had in time: nothing can be verified, so nothing is allowed."""


class RealmKeys:
    """The public keys of one issuer, by `kid`."""

    def __init__(
        self,
        issuer: str,
        *,
        metadata_url: str | None = None,
        lifetime_s: float = 300.0,
        stale_s: float = 3600.0,
        pause_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keys are fresh for `lifetime_s`, and usable for `stale_s` when the issuer can't be reached.

        Between two fetches are at least `pause_s`, whatever is asked. `metadata_url` is where this app reaches the
        discovery document, where that differs from where browsers do.
        """
        self.issuer = issuer
        self.metadata_url = metadata_url or f"{issuer}/.well-known/openid-configuration"
        self._lifetime_s, self._stale_s, self._pause_s = lifetime_s, stale_s, pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._running: threading.Thread | None = None

    def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of that id, or None where the issuer has none. Raises `KeysUnavailable`."""
        found = self._keys.get(kid)
        if found is not None and self._age() < self._lifetime_s:
            return found
        self._refresh()
        if self._age() < self._lifetime_s:
            return self._keys.get(kid)
        if found is not None and self._age() < self._stale_s:
            return found
        raise KeysUnavailable(f"the signing keys of {self.issuer} can't be read")

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _refresh(self) -> None:
        with self._lock:
            since = self._clock() - self._tried_at
            if since >= (self._pause_s if self._running is None else 2 * BUDGET_S):  # one that hangs is given up
                self._tried_at = self._clock()
                self._running = threading.Thread(target=self._fetch, name="realm-keys", daemon=True)
                self._running.start()
            running = self._running
        if running is not None:
            running.join(BUDGET_S)

    def _fetch(self) -> None:
        try:
            keys = fetch_keys(self.issuer, self.metadata_url)
        except (requests.RequestException, ValueError):
            keys = None  # the caller sees that nothing became fresh
        with self._lock:
            if keys is not None:
                self._keys, self._fetched_at = keys, self._clock()
            self._running = None
            self._tried_at = self._clock()


def fetch_keys(issuer: str, metadata_url: str) -> dict[str, jwt.PyJWK]:
    """The issuer's usable signing keys, by way of its discovery document. Raises ValueError or RequestException."""
    metadata = _fetch_json(metadata_url)
    if metadata.get("issuer") != issuer:
        raise ValueError("the discovery document is another issuer's")
    keys: dict[str, jwt.PyJWK] = {}
    for member in _fetch_json(str(metadata.get("jwks_uri"))).get("keys", []):
        if not isinstance(member, dict) or member.get("kty") not in {"RSA", "EC"} or member.get("use", "sig") != "sig":
            continue
        try:
            keys[str(member["kid"])] = jwt.PyJWK(member)
        except (jwt.PyJWTError, KeyError):
            continue  # one key of a kind unknown here says nothing about the others
    return keys


def _fetch_json(url: str) -> dict[str, Any]:
    deadline = time.monotonic() + BUDGET_S
    with requests.get(url, timeout=TIMEOUT_S, stream=True, allow_redirects=False) as answer:
        if answer.status_code != requests.codes.ok:
            raise ValueError(f"{url} answered {answer.status_code}")
        body = bytearray()
        for chunk in answer.iter_content(1):  # larger chunks would wait for their bytes past any deadline
            body += chunk
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                raise ValueError(f"{url} answered too much or too slowly")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} did not answer a JSON object")
    return document
