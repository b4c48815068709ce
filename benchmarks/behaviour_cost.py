"""What one score and one update of behaviour cost: `python -m benchmarks.behaviour_cost [--json OUT]`.

Median time with the profile already loaded, or read from its template; bytes of the profile and of a template with two
former ones, beside a one-row predict of a scikit-learn forest.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from idp_adapter.core import templates
from idp_adapter.core.evidence import pointer
from idp_adapter.core.evidence.keystroke import FixedText, Profile, from_bytes, to_bytes
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.core.learning import template_after

ROUNDS = 400
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
LIMITS_MS = {"score": 0.3, "learn": 0.5}


def median_ms(run: Callable[[], Any]) -> float:
    """Median wall time of one call, after a warm-up."""
    for _ in range(20):
        run()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)


def measure(keys: int) -> dict[str, float]:
    """Times in milliseconds and bytes for a text of `keys` keys with a full window."""
    rng = np.random.default_rng(keys)
    rows = rng.lognormal(-2.0, 0.3, (30, 2 * keys - 1))
    model, row = FixedText(clock_step_s=0.0001), rows[0] * 1.05
    profile = model.profile(rows)
    data = to_bytes(profile)
    snapshot = templates.Snapshot(data, START)
    kept = templates.to_bytes(templates.Envelope(START, snapshot, (snapshot, snapshot)))

    def load() -> Profile:
        from_bytes.cache_clear()
        return from_bytes(templates.from_bytes(kept).current.profile)

    def relearn() -> bytes:
        from_bytes.cache_clear()
        known = templates.from_bytes(kept)
        return templates.to_bytes(template_after(model, known, row, at=START, valid_from=START, proved=True))

    return {
        "keys": keys,
        "score": median_ms(lambda: model.score_rows(profile, row)),
        "load and score": median_ms(lambda: model.score_rows(load(), row)),
        "learn": median_ms(lambda: model.learn(profile, row)),
        "load, learn and store": median_ms(relearn),
        "bytes": len(data),
        "bytes with former": len(kept),
    }


def measure_pointer() -> dict[str, float]:
    """The same of the pointer: one action of a second at 60 Hz, and a run of 30 of them."""
    rng = np.random.default_rng(0)
    way = np.cumsum(rng.normal(2.0, 3.0, (30, 60, 2)), axis=1)
    times = np.broadcast_to(np.arange(60.0)[:, None] / 60, (30, 60, 1))
    actions = list(np.concatenate([times, way, np.zeros((30, 60, 1))], axis=2))
    model = Pointer()
    profile = model.profile(actions)
    data = pointer.to_bytes(profile)
    return {
        "score": median_ms(lambda: model.score_actions(profile, actions[:1])),
        "score 30": median_ms(lambda: model.score_actions(profile, actions)),
        "load and score": median_ms(lambda: model.score_actions(pointer.from_bytes(data), actions[:1])),
        "learn": median_ms(lambda: model.learn(profile, actions[:1])),
        "load, learn and store": median_ms(
            lambda: pointer.to_bytes(model.learn(pointer.from_bytes(data), actions[:1]))
        ),
        "bytes": len(data),
    }


def forest_ms() -> float:
    """One-row predict of a random forest of 100 trees."""
    rng = np.random.default_rng(0)
    known = rng.normal(size=(400, 6))
    forest = RandomForestClassifier(100, max_depth=10, random_state=0).fit(known, known[:, 0] > 0)
    return median_ms(lambda: forest.predict_proba(known[:1]))


def main() -> int:
    """Measure and print; fails past the limits."""
    parser = argparse.ArgumentParser(description="Measure the cost of behavioural evidence.")
    parser.add_argument("--json", type=Path, help="write the figures here")
    asked = parser.parse_args()
    figures = [measure(keys) for keys in (8, 11, 16, 32)]
    names = list(figures[0])
    print("  ".join(f"{name:>21}" for name in names))
    for line in figures:
        print(
            "  ".join(
                f"{line[name]:21.3f}" if not name.startswith(("keys", "bytes")) else f"{line[name]:21.0f}"
                for name in names
            )
        )
    moves = measure_pointer()
    print("pointer, one action: " + ", ".join(f"{name} {figure:.3f}" for name, figure in moves.items()))
    forest = forest_ms()
    print(f"random forest, one-row predict: {forest:.3f} ms")
    if asked.json:
        found = {"fixed text": figures, "pointer": moves, "forest_ms": forest}
        asked.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    slow = [name for name, limit in LIMITS_MS.items() if max(figures[1][name], moves[name]) > limit]
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
