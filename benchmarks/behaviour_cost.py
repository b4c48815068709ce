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
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from idp_adapter.core import templates
from idp_adapter.core.evidence import any_text, automation, pointed, pointer, typed
from idp_adapter.core.evidence.any_text import AnyText
from idp_adapter.core.evidence.keystroke import FixedText, Profile, from_bytes, to_bytes
from idp_adapter.core.evidence.pointer import Pointer
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.learning import template_after
from idp_adapter.core.signals import parse_telemetry
from idp_adapter.core.types import History, Json, Request, Resource, Signals, Subject, SubjectId

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
    others = cycle(rows[i : i + 1] * 1.05 for i in range(7))  # what one row gave is kept, so each call has another
    data = to_bytes(profile)
    snapshot = templates.Snapshot(data, START)
    kept = templates.to_bytes(templates.Envelope(START, snapshot, (snapshot, snapshot)))

    def load() -> Profile:
        templates.from_bytes.cache_clear()
        from_bytes.cache_clear()
        return from_bytes(templates.from_bytes(kept).current.profile)

    def relearn() -> bytes:
        templates.from_bytes.cache_clear()
        from_bytes.cache_clear()
        known = templates.from_bytes(kept)
        return templates.to_bytes(template_after(model, known, row, at=START, valid_from=START, proved=True))

    return {
        "keys": keys,
        "score": median_ms(lambda: model.score_rows(profile, next(others))),
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


def measure_any_text() -> dict[str, float]:
    """The same of any text: one code of six digits, and a typing of 200 keys, beside a background of 200 people."""
    rng = np.random.default_rng(0)
    people = rng.normal(0, 0.3, (any_text.FEWEST_SUBJECTS, 1, 1))
    codes = np.exp(-2.0 + people + rng.normal(0, 0.3, (any_text.FEWEST_SUBJECTS, 30, 11)))
    profiles = [AnyText().profile(own) for own in codes]
    model, profile = AnyText(any_text.Background.of(profiles)), profiles[0]
    code, long = codes[1][0], rng.lognormal(-2.0, 0.3, 399)
    data = any_text.to_bytes(profile)

    def load() -> any_text.Profile:
        any_text.from_bytes.cache_clear()
        return any_text.from_bytes(data)

    return {
        "score": median_ms(lambda: model.nats(profile, code)),
        "score 200 keys": median_ms(lambda: model.nats(profile, long)),
        "load and score": median_ms(lambda: model.nats(load(), code)),
        "learn": median_ms(lambda: model.learn(profile, code)),
        "load, learn and store": median_ms(lambda: any_text.to_bytes(model.learn(load(), code))),
        "bytes": len(data),
    }


def measure_login() -> dict[str, float]:
    """Logins of two fields of 8 and 11 keys, full windows, and a trace of 60 points in ten movements.

    All that behaviour asks of a decision, with the profiles already loaded; each login has times of its own.
    """
    rng = np.random.default_rng(1)
    hands = {"username": rng.lognormal(-2.0, 0.3, (36, 15)), "password": rng.lognormal(-2.0, 0.3, (36, 21))}
    stored: dict[str, bytes] = {}
    for field, rows in hands.items():
        snapshot = templates.Snapshot(to_bytes(FixedText().profile(rows[:30])), START)
        key = f"keystroke/{field}//en/{(rows.shape[1] + 1) // 2}"
        stored[key] = templates.to_bytes(templates.Envelope(START, snapshot, (snapshot, snapshot)))
    payloads = [_payload({field: rows[30 + i] for field, rows in hands.items()}) for i in range(6)]
    first = Signals(telemetry=parse_telemetry(payloads[0], expected_challenge="c", key_id=None))
    for place, (_, run) in pointed.samples(pointed.moves_by_key(first)).items():
        known = Pointer().profile(pointer.Run(run.features * 10))
        stored[place] = templates.to_bytes(templates.started(pointer.to_bytes(known), at=START))
    asked = Request("", Subject(SubjectId("user", "")), "login", Resource("oidc_client", ""))
    names = ("parse, movements read", typed.SOURCE, pointed.SOURCE, automation.SOURCE)
    times: list[list[float]] = []
    for i in range(ROUNDS):
        clock = [time.perf_counter()]
        telemetry = parse_telemetry(payloads[i % len(payloads)], expected_challenge="c", key_id=None)
        situation = Situation(asked, Signals(telemetry=telemetry), History(templates=stored), START)
        clock.append(time.perf_counter())
        for source in (typed, pointed, automation):
            source.score(situation)
            clock.append(time.perf_counter())
        times.append(list(np.diff(clock)))
    found = dict(zip(names, (np.median(times, axis=0) * 1000).tolist(), strict=True))
    return {**found, "sum": sum(found.values())}


def _payload(rows: dict[str, NDArray[np.float64]]) -> dict[str, Json]:
    fields: list[Json] = []
    for field, row in rows.items():
        downs = np.concatenate([[0.0], np.cumsum(row[1::2])]) * 1000
        presses: list[Json] = [
            [float(down), float(down + hold * 1000)] for down, hold in zip(downs, row[0::2], strict=True)
        ]
        fields.append({"name": field, "keys": presses, "complete": True, "started_ms": 900.0})
    trace: list[Json] = [
        [20.0 * i + 300 * (i // 6), 100 + 7 * (i % 6), 200 + i, "u" if i % 6 == 5 else "m"] for i in range(60)
    ]
    device: dict[str, Json] = {"languages": ["en"], "ua_data": {"mobile": False}}
    return {"v": 1, "challenge": "c", "clock_step_ms": 0.1, "fields": fields, "pointer": trace, "device": device}


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
    codes = measure_any_text()
    print("any text, one code: " + ", ".join(f"{name} {figure:.3f}" for name, figure in codes.items()))
    login = measure_login()
    print("one login, warm: " + ", ".join(f"{name} {figure:.3f}" for name, figure in login.items()))
    forest = forest_ms()
    print(f"random forest, one-row predict: {forest:.3f} ms")
    if asked.json:
        found = {"fixed text": figures, "pointer": moves, "any text": codes, "login": login, "forest_ms": forest}
        asked.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    slow = [name for name, limit in LIMITS_MS.items() if max(figures[1][name], moves[name], codes[name]) > limit]
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
