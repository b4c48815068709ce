"""The keys that sign decisions: a folder of PEM files, the newest of which signs.

`keys rotate` adds one; those before it stay published until their successor is older than the grace period, so that
answers under way can still be verified. Running processes look at the folder every few seconds. A file is `<created,
unix seconds>-<kid>.pem`, mode 0600; the kid is the key's RFC 7638 thumbprint.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from idp_adapter.adapters import jose, secret_files, strict_json
from idp_adapter.core.types import Json
from idp_adapter.errors import Unavailable

GRACE: Final = timedelta(hours=24)
LOOK_EVERY_S: Final = 3.0
_FILE: Final = re.compile(r"(\d{1,12})-([A-Za-z0-9_-]{43})\.pem")
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One ES256 key; `created_s` is Unix time."""

    kid: str
    created_s: int
    private: ec.EllipticCurvePrivateKey
    jwk: Mapping[str, Json]

    def sign(self, claims: Mapping[str, Json], *, typ: str) -> str:
        """A compact JWS."""
        signed = f"{_header(typ, self.kid)}.{jose.b64(strict_json.dumps(claims).encode('ascii'))}"
        r, s = utils.decode_dss_signature(self.private.sign(signed.encode("ascii"), _ALGORITHM))
        return f"{signed}.{jose.b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@lru_cache(maxsize=16)
def _header(typ: str, kid: str) -> str:
    return jose.b64(strict_json.dumps({"typ": typ, "alg": "ES256", "kid": kid}).encode("ascii"))


class KeyFolder:
    """The folder on disk. Every method that writes holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, now: datetime) -> None:
        """Make the folder and a first key where there is none. Raises `Unavailable` where that can't be."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with secret_files.locked(self.folder):
                if not self._files():
                    self._add(now)
        except OSError as error:
            raise _unusable(self.folder, error) from None

    def rotate(self, now: datetime) -> str:
        """Add a key, which signs from now on, and delete those that no answer under way can need. Returns its kid."""
        self.prepare(now)
        try:
            with secret_files.locked(self.folder):
                kid = self._add(now)
                published = {key.kid for key in self.read(now)}
                for path, (_, old) in self._files().items():
                    if old not in published:
                        path.unlink()
        except OSError as error:
            raise _unusable(self.folder, error) from None
        return kid

    def read(self, now: datetime) -> tuple[SigningKey, ...]:
        """The published keys, the active one first.

        Raises `Unavailable` when a file is unreadable or too widely readable.
        """
        try:
            files = sorted(self._files().items(), key=lambda item: item[1], reverse=True)
            keys = tuple(_load(path, *name) for path, name in _published(files, now))
        except OSError as error:
            raise _unusable(self.folder, error) from None
        if not keys:
            raise Unavailable("signing_keys", f"{self.folder} holds no key", hint="Run `idp-adapter keys rotate`.")
        return keys

    def changed(self) -> int:
        """A number that changes when files come or go."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    def _files(self) -> dict[Path, tuple[int, str]]:
        found = {}
        for path in self.folder.iterdir():
            if match := _FILE.fullmatch(path.name):
                found[path] = (int(match.group(1)), match.group(2))
        return found

    def _add(self, now: datetime) -> str:
        private = ec.generate_private_key(ec.SECP256R1())
        kid = jose.thumbprint(jose.ec_jwk(private.public_key()))
        newest = max((created for created, _ in self._files().values()), default=0)
        created_s = max(int(now.timestamp()), newest + 1)  # the newest signs, even right after another
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        secret_files.write(self.folder / f"{created_s}-{kid}.pem", pem)
        return kid


class FolderSigner:
    """Signs with the active key of a folder, and notices new ones. Safe between threads."""

    def __init__(self, folder: KeyFolder, *, now: Callable[[], datetime], timer: Callable[[], float]) -> None:
        self._folder, self._now, self._timer = folder, now, timer
        self._lock = threading.Lock()
        self._changed = folder.changed()
        self._keys = folder.read(now())
        self._looked = timer()

    def sign(self, claims: Mapping[str, Json], *, typ: str) -> str:
        """A compact ES256 JWS of the claims."""
        return self._current()[0].sign(claims, typ=typ)

    def jwks(self) -> dict[str, Json]:
        """The published public keys, as a JWK set."""
        keys: list[Json] = [dict(key.jwk) for key in self._current()]
        return {"keys": keys}

    def ping(self) -> None:
        """Raise `Unavailable` unless the folder can be read."""
        self._folder.read(self._now())

    def _current(self) -> tuple[SigningKey, ...]:
        if self._timer() - self._looked >= LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._keys

    def _look(self) -> None:
        """Read again where something changed. A folder that went away leaves the keys that are known."""
        self._looked = self._timer()
        changed = self._folder.changed()
        if changed == self._changed and len(self._keys) == 1:
            return
        try:
            self._keys = self._folder.read(self._now())
            self._changed = changed
        except Unavailable:
            return


def _published(
    newest_first: list[tuple[Path, tuple[int, str]]], now: datetime
) -> Iterator[tuple[Path, tuple[int, str]]]:
    """The active key, and those whose successor is younger than the grace period."""
    successor_s: int | None = None
    for path, (created_s, kid) in newest_first:
        if successor_s is not None and now.timestamp() - successor_s > GRACE.total_seconds():
            return
        yield path, (created_s, kid)
        successor_s = created_s


def _load(path: Path, created_s: int, kid: str) -> SigningKey:
    try:
        pem = secret_files.read(path)
    except secret_files.TooWide:
        raise Unavailable("signing_keys", f"{path} can be read by others", hint=f"Run `chmod 600 {path}`.") from None
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise Unavailable("signing_keys", f"{path} is not an EC P-256 private key in PEM", hint="Remove the file.")
    jwk = jose.ec_jwk(private.public_key())
    if jose.thumbprint(jwk) != kid:
        raise Unavailable("signing_keys", f"{path} is not named for the key that it holds", hint="Remove the file.")
    return SigningKey(kid, created_s, private, {**jwk, "kid": kid, "alg": "ES256", "use": "sig"})


def _unusable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        "signing_keys",
        f"the key folder {folder} can't be used: {error.strerror}",
        hint="Give the service's user a folder that it may write, by IDP_ADAPTER_DATA_DIR.",
    )
