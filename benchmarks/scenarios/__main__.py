"""Play the pack: `python -m benchmarks.scenarios [--json] [--explain] [NAME ...]`. Status 1 where one failed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import figures
from benchmarks.scenarios import scenario, theatre
from benchmarks.scenarios.reading import ScenarioInvalid


def main() -> int:
    """Play all, or those whose names hold one of the given texts."""
    options = figures.parser("Play the scenario pack through the whole service.")
    options.add_argument("--explain", action="store_true", help="list what each attempt's reasons weigh, in nats")
    options.add_argument("names", nargs="*", help="only scenarios whose names hold one of these")
    given = options.parse_args()
    try:
        chosen = _chosen(given)
    except ScenarioInvalid as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    with theatre.opened() as house:
        results = [house.play(item) for item in chosen]
    told = _figures(results, time.monotonic() - started)
    text = "\n".join([_table(results), *(_explained(results) if given.explain else ()), _summary(told)])
    figures.report(told, text, as_json=given.json)
    return 1 if told["failed"] else 0


def _chosen(given: argparse.Namespace) -> list[scenario.Scenario]:
    pack = scenario.load_all()
    chosen = [item for item in pack if not given.names or any(name in item.name for name in given.names)]
    if not chosen:
        raise ScenarioInvalid(", ".join(given.names), "names no scenario; leave it out to play all")
    return chosen


def _figures(results: Sequence[theatre.Result], seconds: float) -> dict[str, Any]:
    return {
        "scenarios": len(results),
        "failed": sum(not result.ok for result in results),
        **theatre.rates(results),
        "seconds": round(seconds, 1),
        "results": [
            {
                "name": result.scenario.name,
                "kind": result.scenario.kind,
                "title": result.scenario.title,
                "expected": result.scenario.expected,
                "got": _got(result),
                "ok": result.ok,
                "problems": list(result.problems),
                "attempts": [
                    {
                        "action": item.answer.action,
                        "acr": item.answer.acr,
                        "score": item.answer.score,
                        "reasons": [{"code": code, "nats": nats} for code, nats in item.answer.reasons],
                    }
                    for item in result.played[-1:]
                ],
            }
            for result in results
        ],
    }


def _got(result: theatre.Result) -> str:
    return ", ".join(dict.fromkeys(item.answer.action for item in result.played))


def _table(results: Sequence[theatre.Result]) -> str:
    rows = [
        (
            result.scenario.name,
            result.scenario.expected,
            _got(result),
            "ok" if result.ok else "FAILED",
            result.played[-1].answer.strongest() if result.ok else "; ".join(result.problems),
        )
        for result in results
    ]
    return figures.table(("scenario", "expected", "got", "", "reasons that weigh most, in nats"), rows)


def _explained(results: Sequence[theatre.Result]) -> list[str]:
    lines = []
    for result in results:
        for item in result.played:
            told = ", ".join(f"{code} {nats:+.2f}" for code, nats in item.answer.reasons)
            lines.append(f"{result.scenario.name}: {item.answer.action} at {item.answer.score:.4f}: {told}")
    return ["", *lines]


def _summary(told: dict[str, Any]) -> str:
    return (
        f"\n{told['scenarios']} scenarios, {told['failed']} failed, {told['seconds']} s. "
        f"Honest attempts stepped up or worse: {told['honest_step_up_rate']:.4f} of {told['honest_attempts']}. "
        f"Attacks stopped: {told['attack_stop_rate']:.4f} of {told['attack_attempts']}."
    )


if __name__ == "__main__":
    sys.exit(main())
