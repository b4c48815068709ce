"""`python -m benchmarks.population`: one course of a seed that nothing was fitted on, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks import figures
from benchmarks.population import course, measures, plots

UNSEEN_SEED: Final = 2027
SUBJECTS: Final = 400


def text(result: dict[str, Any]) -> str:
    """The tables."""
    header = ("honest people", "people", "logins", "stepped up", "refused", "refreshes", "lowered", "ended")
    keys = ("people", "logins", "stepped_up", "refused", "refreshes", "lowered", "ended")
    rows = [(name, *(row[key] for key in keys)) for name, row in result["honest"].items()]
    for name, title in (("all_honest", "all"), ("first_logins", "first five logins")):
        rows.append((title, *(result[name].get(key, "") for key in keys)))
    kept = ("attempts", "met", "refused", "median_nats")
    attacks = [(name, *(row[key] for key in kept)) for name, row in result["attackers"].items()]
    calibration = ", ".join(f"{name} {value}" for name, value in result["ece"].items())
    return "\n".join(
        (
            figures.table(header, rows),
            "",
            figures.table(("attackers", "attempts", "stopped or stepped up", "refused", "median nats"), attacks),
            "",
            f"expected calibration error: {calibration}",
            f"stored of a subject, bytes: most {result['state_bytes']['most']}, mean {result['state_bytes']['mean']}",
        )
    )


def main() -> None:
    """Run and print."""
    parser = figures.parser("Honest people and attackers, made up, put through the service.")
    parser.add_argument("--seed", type=int, default=UNSEEN_SEED)
    parser.add_argument("--subjects", type=int, default=SUBJECTS)
    parser.add_argument("--reasons", action="store_true", help="what each reason says beside what the population shows")
    parser.add_argument("--plot", type=Path, help="write a reliability diagram (SVG) to this file")
    asked = parser.parse_args()
    found = course.run(asked.seed, subjects=asked.subjects)
    if asked.plot:
        plots.reliability(found, asked.plot)
    result = {"seed": asked.seed, "subjects": asked.subjects, **measures.report(found)}
    told = text(result)
    if asked.reasons:
        rows = measures.reasons(found.judged)
        result["reasons"] = rows
        header = ("hook", "source and reason", "honest", "attempts", "log ratio", "mean nats")
        told += "\n\n" + figures.table(header, rows)
    figures.report(result, told, as_json=asked.json)


if __name__ == "__main__":
    main()
