"""How far a long command is, told on stderr."""

from __future__ import annotations

from collections.abc import Callable

import click


def percent_printer(what: str) -> Callable[[int, int], None]:
    """Tells how many of how many, such as "data keys rewrapped", at most once a percent."""
    told = -1

    def tell(done: int, of: int) -> None:
        nonlocal told
        percent = 100 * done // max(of, 1)
        if percent > told:
            told = percent
            click.echo(f"{done} of {of} {what}", err=True)

    return tell
