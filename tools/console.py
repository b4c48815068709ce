"""Everything that the tools say to a person: steps, progress, ticks, crosses. Plain text without a terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Stop(Exception):
    """End the tool: the message is the one sentence that a person reads."""


def style(text: str, *names: str) -> str:
    """Wrap `text` in terminal styles, where there is a terminal."""
    if not _TERMINAL:
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Print one line at once."""
    print(text, flush=True)


def title(text: str) -> None:
    """Print a heading."""
    say(f"\n{style(text, 'bold', 'cyan')}")


def tick(text: str) -> None:
    """Print what went as told."""
    say(f"  {style('✔', 'green')} {text}")


def cross(text: str) -> None:
    """Print what did not."""
    say(f"  {style('✘', 'red')} {text}")


def note(text: str) -> None:
    """Print a detail."""
    say(f"    {style(text, 'dim')}")


@contextmanager
def progress(what: str, *, every_s: float = 5.0) -> Iterator[None]:
    """Say what is under way, show that it still is, and how long it took."""
    begun = time.monotonic()
    done = threading.Event()
    say(f"  … {what}")

    def beat() -> None:
        while not done.wait(every_s):
            say(style(f"    still: {what} ({time.monotonic() - begun:.0f} s)", "dim"))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    tick(f"{what} ({time.monotonic() - begun:.1f} s)")
