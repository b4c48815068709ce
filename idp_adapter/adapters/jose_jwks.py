"""The realms' public keys, fetched from their JWKS inside a time budget and kept.

One fetch at a time and issuer; others wait for it inside the budget or use what is known. A known key is never kept
from use by a fetch; an old set is renewed beside the request that found it old, and kept while the realm can't be
reached. An unknown kid asks again, at most every few seconds.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from idp_adapter.adapters import jose
from idp_adapter.errors import Unavailable

BUDGET_S: Final = 1.0
CONNECT_S: Final = 0.3
ASK_AGAIN_S: Final = 2.0
FRESH_S: Final = 300.0
STALE_S: Final = 24 * 3600.0
MAX_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 64


@dataclass(slots=True)
class _Realm:
    url: str
    keys: Mapping[str, jose.PublicKey] | None = None
    fetched: float = 0.0
    attempted: float = float("-inf")
    problem: str = "not asked yet"
    under_way: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class KeySets:
    """Keys of the allowed issuers, by issuer and kid. `fetch` gets a URL and answers the body, or raises OSError."""

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        timer: Callable[[], float],
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self._realms = {issuer: _Realm(url) for issuer, url in urls.items()}
        self._timer = timer
        self._fetch = fetch or fetch_bounded

    def find(self, issuer: str, kid: str) -> jose.PublicKey | None:
        """The key, or None when the issuer has none of that kid.

        Raises `Unavailable` when that can't be known in time.
        """
        realm = self._realms[issuer]
        known = self._usable(realm)
        if known is not None and kid in known:
            if self._timer() - realm.fetched > FRESH_S:
                self._ask(realm)
            return known[kid]
        started = self._timer()
        if self._ask(realm) and (under_way := realm.under_way) is not None:
            under_way.wait(BUDGET_S)
        known = self._usable(realm)
        if known is not None and kid in known:
            return known[kid]
        if known is None or realm.fetched < realm.attempted or realm.under_way is not None:
            waited = self._timer() - started
            raise Unavailable(
                "jwks",
                f"the keys of {issuer} could not be fetched from {realm.url} ({realm.problem}; waited {waited:.1f} s)",
                hint="Check that the service reaches the realm; name another address as `issuer|jwks_uri` in "
                "IDP_ADAPTER_ISSUERS.",
            )
        return None

    def at_hand(self, issuer: str, kid: str) -> jose.PublicKey | None:
        """The key if it is known now, waiting for nothing; an unknown kid, or an old set, is asked for beside it."""
        realm = self._realms[issuer]
        known = self._usable(realm)
        key = None if known is None else known.get(kid)
        if key is None or self._timer() - realm.fetched > FRESH_S:
            self._ask(realm)
        return key

    def renew(self) -> bool:
        """Ask the realms whose keys are not known, waiting for none. True when there are none left to ask."""
        unknown = [realm for realm in self._realms.values() if self._usable(realm) is None]
        for realm in unknown:
            self._ask(realm)
        return not unknown

    def problems(self) -> Mapping[str, str]:
        """By issuer, why its keys could not be fetched the last time; realms never asked are left out."""
        return {
            issuer: realm.problem
            for issuer, realm in self._realms.items()
            if realm.attempted > realm.fetched and realm.under_way is None
        }

    def _usable(self, realm: _Realm) -> Mapping[str, jose.PublicKey] | None:
        return realm.keys if realm.keys is not None and self._timer() - realm.fetched < STALE_S else None

    def _ask(self, realm: _Realm) -> bool:
        """Start a fetch unless one is under way or was made just now. True when one worth waiting for is under way."""
        with realm.lock:
            now = self._timer()
            if realm.under_way is not None:
                return now - realm.attempted < BUDGET_S
            if now - realm.attempted < ASK_AGAIN_S:
                return False
            realm.attempted = now
            realm.under_way = threading.Event()
        threading.Thread(target=self._renew, args=(realm,), name="jwks", daemon=True).start()
        return True

    def _renew(self, realm: _Realm) -> None:
        try:
            realm.keys = _read_set(self._fetch(realm.url))
            realm.fetched = self._timer()
        except (OSError, http.client.HTTPException) as error:
            realm.problem = (str(error) or type(error).__name__)[:200]
        except jose.JoseFault as fault:
            realm.problem = f"not a JWK set: {fault}"
        except Exception as error:  # whatever it was, whoever waits must be let go
            realm.problem = type(error).__name__
        finally:
            with realm.lock:
                under_way, realm.under_way = realm.under_way, None
            if under_way is not None:
                under_way.set()


def _read_set(body: bytes) -> Mapping[str, jose.PublicKey]:
    """The usable signing keys of a set; others are passed over. A kid used twice names no key."""
    entries = jose.read_json(body, max_bytes=MAX_BYTES).get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise jose.JoseFault("malformed", f"`keys` must be a list of at most {MAX_KEYS}")
    keys: dict[str, jose.PublicKey] = {}
    twice: set[str] = set()
    for entry in entries:
        try:
            key = jose.read_public_key(entry) if isinstance(entry, dict) else None
        except jose.JoseFault:
            continue
        if key is None or not key.kid:
            continue
        twice |= {key.kid} & keys.keys()
        keys[key.kid] = key
    return {kid: key for kid, key in keys.items() if kid not in twice}


def fetch_from_file_or_net(url: str) -> bytes:
    """A `file:` URL's content, or what `fetch_bounded` gets. Raises OSError."""
    if not url.startswith("file://"):
        return fetch_bounded(url)
    with Path(unquote(urlsplit(url).path)).open("rb") as file:
        body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise OSError(f"is over {MAX_BYTES} bytes")
    return body


def fetch_bounded(url: str) -> bytes:
    """GET within the budget in all, whatever drips: a timer shuts the socket. No redirects. Raises OSError.

    `http.client` rather than a richer client because its socket is at hand to shut; theirs bound each read, not the
    whole.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_S)
    expired = threading.Event()
    sockets: list[socket.socket] = []  # the connection forgets its own when the answer is to end with it

    def expire() -> None:
        expired.set()
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(BUDGET_S, expire)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        sockets.append(connection.sock)
        connection.sock.settimeout(BUDGET_S)
        body = _get(connection, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_late = sockets and isinstance(error, TimeoutError)  # the socket's own wait may end just before the timer's
        if expired.is_set() or is_late:
            raise TimeoutError(f"no whole answer in {BUDGET_S} s") from None
        if type(error) is OSError:  # ours, a sentence already
            raise
        raise OSError(f"{type(error).__name__}: {error}") from None
    finally:
        timer.cancel()
        connection.close()
    if expired.is_set():
        raise TimeoutError(f"no whole answer in {BUDGET_S} s")
    return body


def _get(connection: http.client.HTTPConnection, target: str) -> bytes:
    connection.request("GET", target, headers={"Accept": "application/jwk-set+json, application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise OSError(f"answered {response.status}")
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise OSError(f"answered more than {MAX_BYTES} bytes")
    return body
