"""Metrics count what happens under bounded labels."""

from __future__ import annotations

import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from idp_adapter.adapters.metrics import MOST_VALUES, Metrics
from idp_adapter.core.types import OutcomeType
from tests.adapters.face import make_face, question


def samples(metrics):
    text = metrics.exposition()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return samples(metrics).get((name, tuple(sorted(labels.items()))), 0.0)


def test_a_decision_moves_its_counter_its_histogram_and_the_abstentions(tmp_path):
    face = make_face(tmp_path)
    face.ask(question())
    assert value(face.metrics, "idp_adapter_decisions_total", action="login", level="LOW", answer="permit") == 1
    assert value(face.metrics, "idp_adapter_decision_seconds_count", action="login") == 1
    assert value(face.metrics, "idp_adapter_abstentions_total", source="keystroke") == 1
    assert face.client.get("/metrics").content_type.startswith("text/plain")
    face.store.close()


def test_each_event_has_its_counter():
    metrics = Metrics()
    metrics.telemetry_rejected("oversized")
    metrics.source_failed("travel")
    metrics.dependency_unavailable("database")
    metrics.profile_damaged()
    metrics.refused(401, "caller_unauthenticated")
    metrics.outcome(OutcomeType.LOGIN_SUCCEEDED, learnt=True, duplicate=False)
    metrics.outcome(OutcomeType.LOGIN_FAILED, learnt=False, duplicate=False)
    metrics.outcome(OutcomeType.LOGIN_FAILED, learnt=False, duplicate=True)
    metrics.rolled_back(restored=2, erased=1, devices=3)
    what = ("reports", "templates_restored", "templates_erased", "devices_forgotten")
    assert [value(metrics, "idp_adapter_rolled_back_total", what=name) for name in what] == [1, 2, 1, 3]
    assert value(metrics, "idp_adapter_telemetry_rejected_total", reason="oversized") == 1
    assert value(metrics, "idp_adapter_source_failures_total", source="travel") == 1
    assert value(metrics, "idp_adapter_dependency_unavailable_total", dependency="database") == 1
    assert value(metrics, "idp_adapter_profiles_damaged_total") == 1
    assert value(metrics, "idp_adapter_requests_refused_total", status="401", code="caller_unauthenticated") == 1
    for type_, result in (("login_succeeded", "learnt"), ("login_failed", "stored"), ("login_failed", "duplicate")):
        assert value(metrics, "idp_adapter_outcomes_total", type=type_, result=result) == 1


def test_label_values_stay_bounded():
    metrics = Metrics()
    for number in range(1000):
        metrics.decided(hook=f"h{number}", level=f"l{number}", answer=f"a{number}", abstained=[f"s{number}"])
        metrics.took(f"h{number}", 0.001)
        metrics.telemetry_rejected(f"r{number}")
    found = samples(metrics)
    assert len([1 for name, _ in found if name == "idp_adapter_decisions_total"]) == 1
    assert len([1 for name, _ in found if name == "idp_adapter_abstentions_total"]) == MOST_VALUES + 1
    assert len([1 for name, _ in found if name == "idp_adapter_telemetry_rejected_total"]) == MOST_VALUES + 1


def test_workers_share_their_counters(tmp_path):
    count = (
        "import sys; from idp_adapter import config; config.share_metrics(sys.argv[1]);"
        "from idp_adapter.adapters.metrics import Metrics; metrics = Metrics(shared_folder=sys.argv[1]);"
        "metrics.telemetry_rejected('oversized'); print(metrics.exposition()[0].decode())"
    )
    for expected in ("1.0", "2.0"):
        ran = subprocess.run(
            [sys.executable, "-c", count, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
        )
        assert f'telemetry_rejected_total{{reason="oversized"}} {expected}' in ran.stdout
