"""Files of numbers that a fit gives: written whole or compared alone, and the code that shapes them named by a hash."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path


def code_version(*code: Path) -> str:
    """SHA-256 over the code that shapes the numbers, in this order."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()


def parser(what: str) -> argparse.ArgumentParser:
    """A fit's command line, whose `--check` compares only."""
    made = argparse.ArgumentParser(description=f"Fit the {what}.")
    made.add_argument("--check", action="store_true", help="change nothing; fail when the file differs")
    return made


def settled(out: Path, wanted: str, *, what: str, check: bool) -> int:
    """Write the file, or say whether it is what the fit gives; the exit code."""
    if not check:
        out.write_text(wanted, "utf-8")
        return 0
    same = out.exists() and out.read_text("utf-8") == wanted
    print(f"{what} are what the fit gives" if same else f"{what} differ: fit again")
    return 0 if same else 1


def main(what: str, out: Path, text: Callable[[Path], str], *, sets: str) -> int:
    """A fit on the data sets of a folder: `text` gives the whole file of it."""
    arguments = parser(what)
    arguments.add_argument("--data", type=Path, required=True, help=f"folder that holds {sets}")
    asked = arguments.parse_args()
    return settled(out, text(asked.data), what=what, check=asked.check)
