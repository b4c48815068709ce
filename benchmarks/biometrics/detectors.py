"""The literature's anomaly detectors behind the same plain door, re-implemented to compare with.

Manhattan, scaled Manhattan and nearest neighbour (Mahalanobis) as in Killourhy and Maxion, DSN 2009, on hold,
down-down and up-down times in seconds; one-class SVM and isolation forest from scikit-learn on standardised rows; the
tutorial design: a random forest per user on six aggregates of a session, trained against other users (closed set).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.svm import OneClassSVM

from benchmarks.biometrics.data import Rows, Subjects
from idp_adapter.core.evidence.keystroke import FixedText


def with_up_down(rows: Rows) -> Rows:
    """Rows with their up-down times, as the literature has them."""
    return np.hstack([rows, rows[:, 1::2] - rows[:, 0:-1:2]])


class _Static:
    """A detector that is fitted anew from a list of rows; `learn` appends to the last 30."""

    def profile(self, rows: Rows) -> Any:
        """Enrol."""
        return rows, self.fitted(with_up_down(rows))

    def learn(self, profile: Any, row: Rows) -> Any:
        """Fit again on the window."""
        return self.profile(np.vstack([profile[0], np.atleast_2d(row)])[-30:])

    def score_rows(self, profile: Any, rows: Rows) -> Rows:
        """Greater is more genuine; not calibrated."""
        return self.scored(profile[1], with_up_down(rows))

    def fitted(self, known: Rows) -> Any:
        raise NotImplementedError

    def scored(self, fitted: Any, tested: Rows) -> Rows:
        raise NotImplementedError


class Manhattan(_Static):
    """Mean city-block distance to the mean vector."""

    def fitted(self, known: Rows) -> Any:
        """The mean."""
        return known.mean(axis=0)

    def scored(self, fitted: Any, tested: Rows) -> Rows:
        """Less distance is better."""
        away: Rows = np.abs(tested - fitted).sum(axis=1)
        return -away


class ScaledManhattan(_Static):
    """City-block distance in mean absolute deviations."""

    def fitted(self, known: Rows) -> Any:
        """Mean and deviation."""
        mean = known.mean(axis=0)
        return mean, np.abs(known - mean).mean(axis=0) + 1e-6

    def scored(self, fitted: Any, tested: Rows) -> Rows:
        """Less distance is better."""
        away: Rows = (np.abs(tested - fitted[0]) / fitted[1]).sum(axis=1)
        return -away


class NearestMahalanobis(_Static):
    """Mahalanobis distance to the nearest enrolled row."""

    def fitted(self, known: Rows) -> Any:
        """Rows and inverse covariance; a pseudo-inverse, since up-down is determined by the rest."""
        return known, np.linalg.pinv(np.cov(known, rowvar=False), rcond=1e-6, hermitian=True)

    def scored(self, fitted: Any, tested: Rows) -> Rows:
        """Less distance is better."""
        known, inverse = fitted
        cross = tested @ inverse @ known.T
        own = np.einsum("ij,jk,ik->i", tested, inverse, tested)
        theirs = np.einsum("ij,jk,ik->i", known, inverse, known)
        nearest: Rows = (own[:, None] + theirs - 2 * cross).min(axis=1)
        return -nearest


class _Standardised(_Static):
    def __init__(self, make: Any) -> None:
        self._make = make

    def fitted(self, known: Rows) -> Any:
        """Scale and the estimator."""
        mean, sd = known.mean(axis=0), known.std(axis=0) + 1e-6
        return mean, sd, self._make().fit((known - mean) / sd)

    def scored(self, fitted: Any, tested: Rows) -> Rows:
        """The estimator's own decision value."""
        mean, sd, estimator = fitted
        return np.asarray(estimator.decision_function((tested - mean) / sd), dtype=np.float64)


def one_class_svm() -> _Static:
    """RBF one-class SVM, nu .5 as in Killourhy and Maxion."""
    return _Standardised(lambda: OneClassSVM(nu=0.5, gamma="scale"))


def isolation_forest() -> _Static:
    """Isolation forest of 100 trees."""
    return _Standardised(lambda: IsolationForest(n_estimators=100, random_state=0))


class TutorialForest:
    """RandomForest(100, depth 10) on six aggregates of a session, fitted against other users of the same text."""

    def __init__(self, others: Subjects) -> None:
        self._others = _aggregates(np.vstack([rows[:20] for rows in others]))

    def profile(self, rows: Rows) -> Any:
        """Fit a forest."""
        own = _aggregates(rows)
        known = np.vstack([own, self._others])
        truth = np.r_[np.ones(len(own)), np.zeros(len(self._others))]
        forest = RandomForestClassifier(100, max_depth=10, class_weight="balanced", random_state=0)
        return forest.fit(known, truth)

    def learn(self, profile: Any, row: Rows) -> Any:
        """It does not learn."""
        return profile

    def score_rows(self, profile: Any, rows: Rows) -> Rows:
        """Its probability."""
        return np.asarray(profile.predict_proba(_aggregates(rows))[:, 1], dtype=np.float64)


def _aggregates(rows: Rows) -> Rows:
    holds, gaps = rows[:, 0::2], rows[:, 1::2]
    speed = holds.shape[1] / np.maximum(gaps.sum(axis=1), 1e-3)
    parts = (holds.mean(axis=1), holds.std(axis=1), gaps.mean(axis=1), gaps.std(axis=1), speed, np.median(gaps, axis=1))
    return np.column_stack(parts)


def ours(clock_step_s: float = 0.0) -> FixedText:
    """The engine, through its plain door."""
    return FixedText(clock_step_s=clock_step_s)
