"""The measures of biometric evaluation: EER, Cllr and its minimum, AUC, bootstrap intervals.

Scores are nats, genuine positive. An EER is taken per subject, interpolated on the ROC segment where miss less false
alarm changes sign; a set's figure is the mean over its subjects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def roc(genuine: Floats, impostor: Floats) -> tuple[Floats, Floats]:
    """Miss and false alarm rates at each threshold, from accepting all to refusing all."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    miss = np.searchsorted(np.sort(genuine), thresholds, "right") / len(genuine)
    alarm = 1 - np.searchsorted(np.sort(impostor), thresholds, "right") / len(impostor)
    return np.concatenate([[0.0], miss]), np.concatenate([[1.0], alarm])


def eer(genuine: Floats, impostor: Floats) -> float:
    """Equal error rate, interpolated on the ROC."""
    miss, alarm = roc(genuine, impostor)
    gap = miss - alarm
    after = int(np.argmax(gap >= 0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(miss[before] + share * (miss[after] - miss[before]))


def auc(genuine: Floats, impostor: Floats) -> float:
    """Probability that a genuine score is above an impostor's; ties count half."""
    below = np.searchsorted(np.sort(impostor), genuine, "left")
    upto = np.searchsorted(np.sort(impostor), genuine, "right")
    return float((below + upto).mean() / 2 / len(impostor))


def cllr(genuine: Floats, impostor: Floats) -> float:
    """Cost of log-likelihood ratios in bits (Bruemmer and du Preez, 2006): 0 perfect, 1 says nothing."""
    return float((np.logaddexp(0, -genuine).mean() + np.logaddexp(0, impostor).mean()) / 2 / np.log(2))


def best_map(genuine: Floats, impostor: Floats, steps: int = 50) -> tuple[float, float]:
    """Slope and offset of the affine map of scores to log-odds whose Cllr is least (Platt, 1999); Newton's method."""
    scores = np.concatenate([genuine, impostor])
    truth = np.arange(len(scores)) < len(genuine)
    weight = np.where(truth, 0.5 / len(genuine), 0.5 / len(impostor))
    columns, found = np.column_stack([scores, np.ones(len(scores))]), np.zeros(2)
    for _ in range(steps):
        claimed = 1 / (1 + np.exp(-columns @ found))
        slope = columns.T @ (weight * (claimed - truth))
        curve = (columns * (weight * claimed * (1 - claimed))[:, None]).T @ columns
        found = found - np.linalg.solve(curve + 1e-6 * np.eye(2), slope)
    return float(found[0]), float(found[1])


def least_cllr(genuine: Floats, impostor: Floats) -> float:
    """Cllr after the best monotone recalibration (pool adjacent violators): what discrimination alone allows."""
    scores = np.concatenate([genuine, impostor])
    truth = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    weight = np.where(truth == 1, 0.5 / len(genuine), 0.5 / len(impostor))
    order = np.argsort(scores, kind="stable")
    _, start = np.unique(scores[order], return_index=True)
    mass = np.add.reduceat(weight[order], start)
    hits = np.add.reduceat((weight * truth)[order], start)
    pools: list[list[float]] = []
    for total, hit in zip(mass, hits, strict=True):
        pools.append([total, hit])
        while len(pools) > 1 and pools[-2][1] * pools[-1][0] >= pools[-1][1] * pools[-2][0]:
            last = pools.pop()
            pools[-1] = [pools[-1][0] + last[0], pools[-1][1] + last[1]]
    bits = sum(_entropy(hit, total) for total, hit in pools)
    return float(bits)


def _entropy(hit: float, total: float) -> float:
    miss = total - hit
    return float(sum(-part * np.log2(part / total) for part in (hit, miss) if part > 1e-15))


def bootstrap(values: Floats, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean over subjects, by resampling subjects."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (rounds, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
