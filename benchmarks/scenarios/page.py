"""`docs/scenarios.md`, written from the pack itself: `python -m benchmarks.scenarios.page [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.scenarios.scenario import Scenario, Step, load_all

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "scenarios.md"
HEAD: Final = Path(__file__).parent / "page.md"  # what is written by hand


def text(pack: Iterable[Scenario] | None = None) -> str:
    """The whole page."""
    scenarios = tuple(load_all() if pack is None else pack)
    parts = [HEAD.read_text("utf-8")]
    for kind, heading in (("honest", "Honest people"), ("attack", "Attacks")):
        rows = [_row(item) for item in scenarios if item.kind == kind]
        parts.append(f"## {heading}\n\n| scenario | expected | why |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    driven = [item for item in scenarios if item.keycloak]
    lines = [f"| {_link(item)} | `{item.keycloak.partition('::')[2]}` |" for item in driven]
    parts.append(
        "## Through a real Keycloak\n\nFlow tests (`make e2e`) that drive the same through a real Keycloak:\n\n"
        "| scenario | test |\n|---|---|\n" + "\n".join(lines) + "\n"
    )
    return "\n".join(parts)


def _row(item: Scenario) -> str:
    asked = [step for step in item.attempts if step.expect]
    expected = "; ".join(dict.fromkeys(_expected(step) for step in asked))
    return f"| {_link(item)} | {expected} | {item.why} |"


def _expected(step: Step) -> str:
    assert step.expect is not None
    actions = " or ".join(step.expect.actions)
    return f"{actions} to {step.expect.acr}" if step.expect.acr else actions


def _link(item: Scenario) -> str:
    return f"[{item.title}](../benchmarks/scenarios/{item.name}.toml)"


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description="Write docs/scenarios.md from the scenario pack.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the page is not current")
    wanted = text()
    if parser.parse_args().check:
        is_current = PAGE.exists() and PAGE.read_text("utf-8") == wanted
        if not is_current:
            print("docs/scenarios.md is not current: run python -m benchmarks.scenarios.page")
        return 0 if is_current else 1
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
