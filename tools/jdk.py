"""JDKs of this machine, so that the flows run on the oldest and the newest that are supported."""

from __future__ import annotations

import re
from pathlib import Path

_HOMES = Path("/usr/lib/jvm")
_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


def newest() -> tuple[int, Path] | None:
    """Return the newest JDK's major version and home; None where none is in the usual place."""
    found = []
    for release in _HOMES.glob("*/release"):
        version = _VERSION.search(release.read_text("utf-8", errors="replace"))
        if version and (release.parent / "bin" / "java").exists():
            found.append((int(version.group(1)), release.parent))
    return max(found, default=None)
