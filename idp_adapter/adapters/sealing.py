"""Sealing: what is learnt of a subject is encrypted at rest by a data key of its own (envelope encryption).

Rules:
- AES-256-GCM throughout, a new random 96-bit nonce for each write (NIST SP 800-38D, 8.2.2). One data key sees a write
  per login, one key-encryption key a write per subject and rotation: far below the 2^32 that this allows.
- A data key lies in the database wrapped by a key-encryption key, which never does. Deleting the data key erases all
  that it sealed.
- Associated data binds each body to its issuer, subject, place in the database and version, and each wrapped key to
  its subject and its key-encryption key: what is moved or changed does not open.
- A body that does not open is damaged. A data key that does not unwrap is *locked*: the right key-encryption key may
  come back, so nothing that it sealed may be overwritten.
- Nothing here shows a key: not in a repr, not in an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idp_adapter.errors import ProfileDamaged, ProfileLocked

KEY_BYTES: Final = 32
FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
OVERHEAD: Final = len(FORMAT) + _NONCE_BYTES + _TAG_BYTES  # bytes that sealing adds
_BODY: Final = "idp-adapter sealed body"
_WRAPPING: Final = "idp-adapter wrapped data key"


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """A key that wraps data keys. `id` is its fingerprint, which tells nothing of it."""

    id: str
    aead: AESGCM = field(repr=False)


class KeyEncryptionKeys(Protocol):
    """The key-encryption keys at hand."""

    def newest(self) -> KeyEncryptionKey:
        """The one that wraps."""
        ...

    def find(self, id_: str) -> KeyEncryptionKey | None:
        """The one of this id; None where it isn't there."""
        ...


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored."""

    kek_id: str
    wrapped: bytes = field(repr=False)


class DataKey:
    """Seals what is learnt of one subject. Safe between threads."""

    __slots__ = ("_aead", "_subject")

    def __init__(self, key: bytes, subject: Sequence[str]) -> None:
        self._aead = AESGCM(key)
        self._subject = tuple(subject)

    def seal(self, body: bytes, *place: str) -> bytes:
        """Format, nonce, then ciphertext and tag; `OVERHEAD` bytes longer than the body."""
        return _encrypt(self._aead, body, _bound(_BODY, *self._subject, *place))

    def open(self, sealed: bytes, *place: str) -> bytes:
        """What `seal` was given for the same place. Raises `ProfileDamaged` for anything else."""
        try:
            return _decrypt(self._aead, sealed, _bound(_BODY, *self._subject, *place))
        except InvalidTag:
            raise ProfileDamaged("a sealed body does not open", hint="it is learnt again") from None


class Sealer:
    """Makes, wraps and unwraps data keys. `subject` is issuer, type and id."""

    def __init__(self, keys: KeyEncryptionKeys) -> None:
        self._keys = keys

    def make(self, subject: Sequence[str]) -> tuple[DataKey, WrappedKey]:
        """A new data key, wrapped by the newest key-encryption key."""
        key = os.urandom(KEY_BYTES)
        return DataKey(key, subject), self._wrap(key, subject)

    def unwrap(self, stored: WrappedKey, subject: Sequence[str]) -> DataKey:
        """The data key of a subject. Raises `ProfileLocked` where it does not unwrap."""
        return DataKey(self._unwrap(stored, subject), subject)

    def rewrap(self, stored: WrappedKey, subject: Sequence[str]) -> WrappedKey:
        """The same data key under the newest key-encryption key. Raises `ProfileLocked` where it does not unwrap."""
        return self._wrap(self._unwrap(stored, subject), subject)

    def newest_id(self) -> str:
        """The id of the key-encryption key that wraps."""
        return self._keys.newest().id

    def knows(self, kek_id: str) -> bool:
        """Whether the key-encryption key of this id is at hand."""
        return self._keys.find(kek_id) is not None

    def _wrap(self, key: bytes, subject: Sequence[str]) -> WrappedKey:
        kek = self._keys.newest()
        return WrappedKey(kek.id, _encrypt(kek.aead, key, _bound(_WRAPPING, kek.id, *subject)))

    def _unwrap(self, stored: WrappedKey, subject: Sequence[str]) -> bytes:
        kek = self._keys.find(stored.kek_id)
        if kek is None:
            raise ProfileLocked("a data key is wrapped by a template key that isn't here", hint=_BRING_BACK)
        try:
            return _decrypt(kek.aead, stored.wrapped, _bound(_WRAPPING, kek.id, *subject))
        except InvalidTag:
            raise ProfileLocked("a data key does not unwrap: its row was changed", hint=_RESTORE) from None


_BRING_BACK: Final = "Put the key back into the folder of template keys."
_RESTORE: Final = "Restore the row from a backup, or erase the subject."


def _encrypt(aead: AESGCM, body: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return FORMAT + nonce + aead.encrypt(nonce, body, bound)


def _decrypt(aead: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    if len(sealed) < OVERHEAD or sealed[:1] != FORMAT:
        raise InvalidTag
    nonce_end = len(FORMAT) + _NONCE_BYTES
    return aead.decrypt(sealed[len(FORMAT) : nonce_end], sealed[nonce_end:], bound)


def _bound(*parts: str) -> bytes:
    """Associated data: the format, then each part after its length, so that no two lists of parts look alike."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return FORMAT + b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
