"""Files that hold a secret: written whole or not at all, mode 0600, refused when others can read them.

Errors are `OSError` or `TooWide`; the caller names the setting that is wrong.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SHARED: Final = 0o037  # the group may read (mounted secrets do that), nobody else anything
_MOST_BYTES: Final = 8 * 1024


class TooWide(Exception):
    """Others than the owner and its group can use a file."""


def write(path: Path, secret: bytes) -> None:
    """Write a new file durably; it appears under its name only when it is whole."""
    half_written = path.with_name(f".{path.name}")
    descriptor = os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(descriptor)
        half_written.rename(path)
    except BaseException:  # a full disk
        half_written.unlink()
        raise


def read(path: Path) -> bytes:
    """The first 8 KiB. Raises `TooWide` where others can use the file."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _SHARED:
            raise TooWide
        return file.read(_MOST_BYTES)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock against other processes."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
