"""The newest checkpoint of each realm in a folder of this host: one file a realm, replaced whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idp_adapter.adapters import jose, notary
from idp_adapter.core.audit import Checkpoint, Segment
from idp_adapter.errors import Unavailable

_MOST_BYTES: Final = jose.MAX_TOKEN


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """`audit_ports.CheckpointShelf` in a folder, made where it is missing. Raises `Unavailable` where it is no use."""

    folder: Path

    def kept(self, issuer: str) -> Checkpoint | None:
        """What is kept of a realm; None where nothing is, or nothing that can be read."""
        try:
            with self._file(issuer).open("rb") as file:
                text = file.read(_MOST_BYTES).decode("ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise self._unavailable(error) from None
        return notary.read_unverified(issuer, text)

    def keep(self, segment: Segment) -> None:
        """Keep a segment's checkpoint in place of the one before."""
        try:
            self._write(segment)
        except OSError as error:
            raise self._unavailable(error) from None

    def _write(self, segment: Segment) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, half_written = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(segment.checkpoint)
                file.flush()
                os.fsync(descriptor)
            Path(half_written).replace(self._file(segment.issuer))
        except OSError:
            Path(half_written).unlink(missing_ok=True)
            raise

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(
            "checkpoints", f"{self.folder} can't be used: {error.strerror}.", hint="Give the service's user the folder."
        )

    def _file(self, issuer: str) -> Path:
        return self.folder / f"{hashlib.sha256(issuer.encode()).hexdigest()[:32]}.jws"
