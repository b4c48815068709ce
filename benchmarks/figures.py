"""Percentiles, tables and JSON: how every benchmark says what it found."""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Mapping, Sequence
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share > 0 else 0)]


def summary(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and the count."""
    figures: dict[str, float] = {f"p{p}": round(percentile(values, p / 100), 3) for p in (50, 90, 99)}
    return figures | {"n": len(values)}


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they need to be."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", action="store_true", help="print the figures as JSON")
    return made


def machine() -> Mapping[str, Any]:
    """What the figures were measured on."""
    return {"python": platform.python_version(), "machine": platform.machine()}


def report(figures: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print one or the other."""
    print(json.dumps({**figures, "on": machine()}, indent=1) if as_json else text)
