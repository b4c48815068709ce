"""Prometheus metrics. Label values come from closed sets; any other becomes `other`, so that series stay bounded.

With several worker processes, prometheus_client shares counters through files in the folder that its environment
variable names, which must be set before this module is imported (`config.share_metrics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from idp_adapter.core.types import Hook, Level, OutcomeType

MOST_VALUES: Final = 40  # of a label whose values are names in our code
_BUCKETS_S: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
_HOOKS: Final = frozenset(Hook)
_LEVELS: Final = frozenset(Level)
_ANSWERS: Final = frozenset({"permit", "step_up", "refuse"})
_TYPES: Final = frozenset(OutcomeType)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use here


class Metrics:
    """Implements `ports.Observer`, and what the HTTP face counts."""

    def __init__(self, *, shared_folder: str | None = None) -> None:
        self._shared_folder = shared_folder
        self._registry = registry = CollectorRegistry()
        self._names: dict[str, set[str]] = {}
        self._decisions = Counter(
            "idp_adapter_decisions", "Decisions made.", ("action", "level", "answer"), registry=registry
        )
        self._latency = Histogram(
            "idp_adapter_decision_seconds",
            "Time from an evaluation request's arrival at its endpoint to its answer.",
            ("action",),
            registry=registry,
            buckets=_BUCKETS_S,
        )
        self._abstentions = Counter(
            "idp_adapter_abstentions", "Evidence sources that had nothing to say.", ("source",), registry=registry
        )
        self._source_failures = Counter(
            "idp_adapter_source_failures", "Evidence sources that failed and were made to abstain.", ("source",),
            registry=registry,
        )  # fmt: skip
        self._telemetry = Counter(
            "idp_adapter_telemetry_rejected", "Telemetry that could not be used.", ("reason",), registry=registry
        )
        self._posture = Counter(
            "idp_adapter_posture_rejected", "Posture assertions that could not be used.", ("reason",), registry=registry
        )
        self._unavailable = Counter(
            "idp_adapter_dependency_unavailable", "Requests that a dependency left unanswered.", ("dependency",),
            registry=registry,
        )  # fmt: skip
        self._damaged = Counter(
            "idp_adapter_profiles_damaged", "Stored profiles that could not be read.", registry=registry
        )
        self._break_glass = Counter(
            "idp_adapter_break_glass", "Answers to break-glass accounts.", ("action",), registry=registry
        )
        self._shadow = Counter(
            "idp_adapter_shadow", "How a candidate policy would have answered otherwise.", ("difference",),
            registry=registry,
        )  # fmt: skip
        self._sealed = Counter("idp_adapter_sealed", "Records sealed into the audit chain.", registry=registry)
        self._sealing_failed = Counter(
            "idp_adapter_sealing_failed", "Runs that could not seal, or found the audit chain cut.", ("reason",),
            registry=registry,
        )  # fmt: skip
        self._outcomes = Counter("idp_adapter_outcomes", "Outcomes reported.", ("type", "result"), registry=registry)
        self._rolled_back = Counter(
            "idp_adapter_rolled_back", "What reported takeovers undid.", ("what",), registry=registry
        )
        self._abstained, self._took = cache(self._abstentions.labels), cache(self._latency.labels)  # closed sets
        self._refused = Counter(
            "idp_adapter_requests_refused", "Requests answered by a problem.", ("status", "code"), registry=registry
        )

    def decided(self, *, hook: str, level: str, answer: str, abstained: Sequence[str]) -> None:
        """One decision was made."""
        labels = (_one_of(_HOOKS, hook), _one_of(_LEVELS, level), _one_of(_ANSWERS, answer))
        self._decisions.labels(*labels).inc()
        for source in abstained:
            self._abstained(self._bounded("source", source)).inc()

    def break_glass_used(self, *, hook: str) -> None:
        """A break-glass account was answered."""
        self._break_glass.labels(_one_of(_HOOKS, hook)).inc()

    def shadowed(self, difference: str) -> None:
        """A candidate policy decided beside the live one."""
        self._shadow.labels(self._bounded("difference", difference)).inc()

    def sealed(self, count: int) -> None:
        """So many decisions and outcomes were sealed into the audit chain."""
        self._sealed.inc(count)

    def sealing_failed(self, reason: str) -> None:
        """A run could not seal (`error`), or the chain no longer holds what this host kept of it (`truncated`)."""
        self._sealing_failed.labels(reason).inc()

    def took(self, hook: str, seconds: float) -> None:
        """One evaluation was answered in so long."""
        self._took(_one_of(_HOOKS, hook)).observe(seconds)

    def telemetry_rejected(self, reason: str) -> None:
        """Telemetry could not be used, by name."""
        self._telemetry.labels(self._bounded("reason", reason)).inc()

    def posture_rejected(self, reason: str) -> None:
        """A posture assertion could not be used, by name."""
        self._posture.labels(self._bounded("posture", reason)).inc()

    def source_failed(self, source: str) -> None:
        """An evidence source raised."""
        self._source_failures.labels(self._bounded("source", source)).inc()

    def profile_damaged(self) -> None:
        """A stored profile could not be read and counts as absent."""
        self._damaged.inc()

    def dependency_unavailable(self, dependency: str) -> None:
        """A dependency did not answer."""
        self._unavailable.labels(self._bounded("dependency", dependency)).inc()

    def outcome(self, type_: OutcomeType, *, learnt: bool, duplicate: bool) -> None:
        """One outcome came in."""
        result = "duplicate" if duplicate else "learnt" if learnt else "stored"
        self._outcomes.labels(_one_of(_TYPES, type_), result).inc()

    def rolled_back(self, *, restored: int, erased: int, devices: int) -> None:
        """A takeover was undone."""
        self._rolled_back.labels("reports").inc()
        self._rolled_back.labels("templates_restored").inc(restored)
        self._rolled_back.labels("templates_erased").inc(erased)
        self._rolled_back.labels("devices_forgotten").inc(devices)

    def refused(self, status: int, code: str) -> None:
        """A request was answered by a problem."""
        self._refused.labels(str(status), self._bounded("code", code)).inc()

    def exposition(self) -> tuple[bytes, str]:
        """All metrics and their media type; of all worker processes where they share a folder."""
        registry = self._registry
        if self._shared_folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=self._shared_folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _bounded(self, label: str, value: str) -> str:
        values = self._names.setdefault(label, set())
        if value not in values:
            if len(values) >= MOST_VALUES:
                return "other"
            values.add(value)
        return value


def _one_of(allowed: frozenset[str], value: str) -> str:
    return value if value in allowed else "other"
