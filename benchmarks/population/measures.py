"""What a course shows: who was asked for more, and whether a probability is what it says.

Calibration is measured on a weighted population: honest decisions together weigh one less the base rate, attempts the
base rate, each kind by its share of attempts (`attackers.KINDS`). ECE is the mean distance, over bins of equal mass of
that population in the order of probability, between mean probability and share of attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.population import attackers, people
from benchmarks.population.course import Course, Judged
from idp_adapter.core.fusion import expit, logit

Floats = NDArray[np.float64]
BASE_RATE: Final = 0.01  # of the policy that ships
EVEN: Final = 0.5
BINS: Final = 15
EARLY_LOGINS: Final = 5


def weights(judged: Sequence[Judged], base_rate: float) -> Floats:
    """The weight of each decision in the population; they sum to 1."""
    shares = {kind.name: kind.share for kind in attackers.KINDS}
    counts: dict[str, int] = {}
    for item in judged:
        name = "" if item.honest else item.kind
        counts[name] = counts.get(name, 0) + 1
    total = sum(shares[name] for name in counts if name)
    mass = {name: base_rate * shares[name] / total if name else 1 - base_rate for name in counts}
    return np.array(
        [mass["" if item.honest else item.kind] / counts["" if item.honest else item.kind] for item in judged]
    )


def bins(claimed: Floats, truth: Floats, weight: Floats, count: int = BINS) -> tuple[Floats, Floats, Floats]:
    """Mean probability, share of attempts and mass of bins of equal mass."""
    order = np.argsort(claimed, kind="stable")
    upto = np.cumsum(weight[order])
    place = np.minimum(((upto - weight[order] / 2) / upto[-1] * count).astype(int), count - 1)
    mass: Floats = np.bincount(place, weight[order], count).astype(np.float64)
    filled = mass > 0
    mean = np.bincount(place, (weight * claimed)[order], count)[filled] / mass[filled]
    share = np.bincount(place, (weight * truth)[order], count)[filled] / mass[filled]
    return mean, share, mass[filled]


def ece(claimed: Floats, truth: Floats, weight: Floats) -> float:
    """Expected calibration error."""
    mean, share, mass = bins(claimed, truth, weight)
    return float((mass * np.abs(mean - share)).sum() / mass.sum())


def claims(judged: Sequence[Judged], base_rate: float) -> tuple[Floats, Floats, Floats]:
    """Probability at a base rate (without the floor), truth and weight of each decision."""
    claimed = np.array([expit(logit(base_rate) + item.nats) for item in judged])
    truth = np.array([0.0 if item.honest else 1.0 for item in judged])
    return claimed, truth, weights(judged, base_rate)


def log_loss(claimed: Floats, truth: Floats, weight: Floats) -> float:
    """Mean cross entropy, nats."""
    kept = np.clip(claimed, 1e-12, 1 - 1e-12)
    return float(-(weight * (truth * np.log(kept) + (1 - truth) * np.log1p(-kept))).sum() / weight.sum())


def report(course: Course) -> dict[str, Any]:
    """All figures of a course."""
    judged = course.judged
    honest = [item for item in judged if item.honest]
    hooks = {name: [item for item in judged if item.hook == name] for name in ("login", "refresh")}
    calibration = {
        f"{name} at {rate:g}": round(ece(*claims(items, rate)), 4)
        for name, items in (("all", judged), *hooks.items())
        for rate in (BASE_RATE, EVEN)
    }
    early = [item for item in course.early if item.logins < EARLY_LOGINS]
    return {
        "honest": {kind.name: _honest(honest, kind.name) for kind in people.KINDS},
        "all_honest": _rates([item for item in honest if item.hook == "login"]),
        "first_logins": _rates(early),
        "attackers": {kind.name: _attempts(judged, kind.name) for kind in attackers.KINDS},
        "ece": calibration,
        "state_bytes": {"most": course.most_bytes, "mean": round(course.mean_bytes)},
        "failed": course.failed,
    }


def reasons(judged: Sequence[Judged]) -> list[tuple[str, str, float, float, float, float]]:
    """What each reason says beside what the population shows.

    Hook, code, share of honest decisions and of attempts that give it, the log ratio of these, and its mean nats.
    """
    found: list[tuple[str, str, float, float, float, float]] = []
    for hook in ("login", "refresh"):
        items = [item for item in judged if item.hook == hook]
        weight = weights(items, EVEN)
        seen: dict[str, list[float]] = {}
        for item, mass in zip(items, weight, strict=True):
            for evidence in item.evidence:
                for reason in evidence.reasons:
                    sums = seen.setdefault(f"{evidence.source}: {reason.code}", [0.0, 0.0, 0.0])
                    sums[0 if item.honest else 1] += 2 * mass
                    sums[2] += 2 * mass * reason.nats
        for code, (own, foreign, nats) in sorted(seen.items()):
            ratio = float(np.log((foreign + 1e-4) / (own + 1e-4)))
            found.append(
                (hook, code, round(own, 4), round(foreign, 4), round(ratio, 2), round(nats / (own + foreign), 2))
            )
    return found


def _honest(honest: Sequence[Judged], kind: str) -> dict[str, float]:
    mine = [item for item in honest if item.kind == kind]
    logins = _rates([item for item in mine if item.hook == "login"])
    refreshes = [item for item in mine if item.hook == "refresh"]
    return {
        **logins,
        "refreshes": len(refreshes),
        "lowered": _share([item.is_met for item in refreshes]),
        "ended": _share([item.answer == "refuse" for item in refreshes]),
    }


def _rates(items: Sequence[Judged]) -> dict[str, float]:
    return {
        "logins": len(items),
        "people": len({item.subject for item in items}),
        "stepped_up": _share([item.answer == "step_up" for item in items]),
        "refused": _share([item.answer == "refuse" for item in items]),
    }


def _attempts(judged: Sequence[Judged], kind: str) -> dict[str, float]:
    mine = [item for item in judged if not item.honest and item.kind == kind]
    return {
        "attempts": len(mine),
        "met": _share([item.is_met for item in mine]),
        "refused": _share([item.answer == "refuse" for item in mine]),
        "median_nats": round(float(np.median([item.nats for item in mine])), 2) if mine else 0.0,
    }


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else 0.0
