"""Template keys: the key-encryption keys of `sealing`, a folder of files of which the last by name wraps.

A file is `<name>.key`, mode 0600: one line of base64 that holds 32 random bytes. Those made here are named for the time
(Unix seconds) and the fingerprint; others may be put there, as by a mounted secret. Running processes find a new one as
soon as they meet a data key that it wrapped, and wrap with it within seconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idp_adapter.adapters import secret_files
from idp_adapter.adapters.sealing import KEY_BYTES, KeyEncryptionKey
from idp_adapter.errors import RequestInvalid, Unavailable

LOOK_EVERY_S: Final = 3.0
RETIRES_AFTER: Final = timedelta(minutes=1)  # longer than any write that began under the key before
_FINGERPRINT_BYTES: Final = 16
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class TemplateKeyFolder:
    """The folder on disk. Every method raises `Unavailable` where it can't be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, now: datetime) -> None:
        """Make the folder and a first key where there is none; one that is there may be read-only."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._files():
                return
            with secret_files.locked(self.folder):
                if not self._files():
                    self._add(now)
        except OSError as error:
            raise _unusable(self.folder, error) from None

    def rotate(self, now: datetime) -> str:
        """Add a key, which wraps from now on. Returns its id."""
        self.prepare(now)
        try:
            with secret_files.locked(self.folder):
                return self._add(now)
        except OSError as error:
            raise _unusable(self.folder, error) from None

    def read(self) -> Mapping[str, KeyEncryptionKey]:
        """The keys by id, oldest first."""
        try:
            keys = [_load(path) for path in self._files()]
        except OSError as error:
            raise _unusable(self.folder, error) from None
        if not keys:
            raise Unavailable("template_keys", f"{self.folder} holds no key", hint="Put the template keys back there.")
        return {key.id: key for key in keys}

    def newest_id(self) -> str:
        """The id of the key that wraps."""
        return list(self.read())[-1]

    def is_empty(self) -> bool:
        """Whether no key is there yet."""
        return not self._files()

    def retire(self, now: datetime, *, is_used: Callable[[str], bool]) -> list[str]:
        """Delete every key but the newest; returns their ids.

        Raises `RequestInvalid`, with nothing deleted, where one is still used or the newest is under a minute old.
        """
        self.read()  # there is one
        try:
            *older, newest = self._files()
            if now.timestamp() - newest.stat().st_mtime < RETIRES_AFTER.total_seconds():
                raise RequestInvalid("the newest template key is under a minute old", hint="Try again then.")
            ids = {path: _load(path).id for path in older}
            for id_ in ids.values():
                if is_used(id_):
                    raise RequestInvalid(
                        f"data keys are still wrapped by {id_}",
                        hint="Run `idp-adapter keys rotate-templates --no-new-key` first.",
                    )
            for path in ids:
                path.unlink()
        except OSError as error:
            raise _unusable(self.folder, error) from None
        return list(ids.values())

    def changed(self) -> int:
        """A number that changes when files come or go."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.key") if not path.name.startswith("."))  # not half-written

    def _add(self, now: datetime) -> str:
        secret = os.urandom(KEY_BYTES)
        id_ = fingerprint(secret)
        files = self._files()
        name = f"{int(now.timestamp()):012}-{id_}"
        if files and name <= files[-1].stem:  # the last by name wraps, whatever the clock or other names say
            name = f"{files[-1].stem}~{id_}"
        secret_files.write(self.folder / f"{name}.key", base64.urlsafe_b64encode(secret) + b"\n")
        return id_


class FolderKeys:
    """`sealing.KeyEncryptionKeys` of a folder. A folder that goes away leaves the keys that are known."""

    def __init__(self, folder: TemplateKeyFolder, *, timer: Callable[[], float]) -> None:
        self._folder, self._timer = folder, timer
        self._lock = threading.Lock()
        self._changed = folder.changed()
        self._keys = folder.read()
        self._looked = timer()

    def newest(self) -> KeyEncryptionKey:
        """The one that wraps."""
        self._look()
        return list(self._keys.values())[-1]

    def find(self, id_: str) -> KeyEncryptionKey | None:
        """The one of this id; the folder is looked at again before it is said to be missing."""
        known = self._keys.get(id_)
        if known is None:
            self._look()
            known = self._keys.get(id_)
        return known

    def ping(self) -> None:
        """Raise `Unavailable` unless the folder can be read."""
        self._folder.read()

    def _look(self) -> None:
        """Read again where files came or went, or where two changes may have shared one tick of the file system."""
        with self._lock:
            changed, time = self._folder.changed(), self._timer()
            if changed == self._changed and time - self._looked < LOOK_EVERY_S:
                return
            self._looked = time
            try:
                self._keys = self._folder.read()
                self._changed = changed
            except Unavailable:
                return


class GivenKeys:
    """`sealing.KeyEncryptionKeys` from memory, oldest first: for a store that ends with its process, and for tests."""

    def __init__(self, *secrets: bytes) -> None:
        self._keys = {key.id: key for key in map(_key, secrets)}

    def newest(self) -> KeyEncryptionKey:
        """The last given."""
        return list(self._keys.values())[-1]

    def find(self, id_: str) -> KeyEncryptionKey | None:
        """The one of this id."""
        return self._keys.get(id_)


def fingerprint(secret: bytes) -> str:
    """The id of a key: SHA-256 under a label, cut to 16 bytes, in base64url. A random key can't be searched for."""
    digest = hashlib.sha256(b"idp-adapter template key\0" + secret).digest()[:_FINGERPRINT_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _key(secret: bytes) -> KeyEncryptionKey:
    return KeyEncryptionKey(fingerprint(secret), AESGCM(secret))


def _load(path: Path) -> KeyEncryptionKey:
    try:
        secret = base64.b64decode(secret_files.read(path).strip().translate(_STANDARD), validate=True)
    except secret_files.TooWide:
        raise Unavailable("template_keys", f"{path} can be read by others", hint=f"Run `chmod 600 {path}`.") from None
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise Unavailable(
            "template_keys",
            f"{path} is not a template key",
            hint=f"It must be one line of base64 that holds {KEY_BYTES} bytes.",
        )
    return _key(secret)


def _unusable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        "template_keys",
        f"the folder of template keys {folder} can't be used: {error.strerror}",
        hint="Name a folder that the service's user may read, by IDP_ADAPTER_TEMPLATE_KEY_DIR.",
    )
