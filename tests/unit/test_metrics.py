"""Names and labels of the metrics, and what is read off owners."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet.metrics import Metrics


def _values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text, kind = metrics.expose()
    assert kind.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_cluster_verb_and_class_of_status() -> None:
    metrics = Metrics()
    observe = metrics.observer("eu")
    for status in (200, 201, 409, 0):
        observe("PATCH", status, 0.01)
    observe("WATCH", 200, 600.0)
    found = _values(metrics)
    count = "fleethub_api_requests_total"
    patched = (("cluster", "eu"), ("status", "2xx"), ("verb", "PATCH"))
    assert found[count, patched] == 2
    assert found[count, (("cluster", "eu"), ("status", "4xx"), ("verb", "PATCH"))] == 1
    assert found[count, (("cluster", "eu"), ("status", "none"), ("verb", "PATCH"))] == 1
    assert found["fleethub_api_request_duration_seconds_count", (("verb", "PATCH"),)] == 4
    assert ("fleethub_api_request_duration_seconds_sum", (("verb", "WATCH"),)) not in {
        key for key, value in found.items() if value
    }


def test_the_hub_s_own_counts_have_the_names_that_dashboards_use() -> None:
    metrics = Metrics()
    metrics.passed(0.5, well=True)
    metrics.passed(0.5, well=False)
    metrics.fetched(0.1, fetched=True, well=True)
    metrics.healed()
    metrics.drifted()
    metrics.status_writes(lambda: 1.0)
    metrics.webhook("accepted")
    found = _values(metrics)
    assert found["fleethub_sync_total", (("result", "success"),)] == 1
    assert found["fleethub_sync_duration_seconds_count", ()] == 2
    assert found["fleethub_git_fetch_total", (("result", "success"), ("what", "fetch"))] == 1
    for name in ("fleethub_heal_total", "fleethub_drift_total", "fleethub_status_writes_total"):
        assert found[name, ()] == 1
    assert found["fleethub_webhook_total", (("result", "accepted"),)] == 1


def test_what_an_owner_knows_is_read_off_it_at_each_scrape() -> None:
    metrics = Metrics()
    health = ["Healthy"]
    built = [1.0]
    metrics.applications(lambda: [(("fleethub", "web", "default", "Synced", health[0]), 1.0)])
    metrics.clusters(lambda: [(("eu",), 1.0), (("us",), 0.0)])
    metrics.queues(lambda: [(("URGENT",), 3.0)])
    metrics.renders(lambda: [(("built",), built[0])])
    metrics.lag(lambda: 0.25)
    before = _values(metrics)
    labels = (
        ("health", "Healthy"),
        ("name", "web"),
        ("namespace", "fleethub"),
        ("project", "default"),
        ("sync", "Synced"),
    )
    assert before["fleethub_application_info", labels] == 1
    assert before["fleethub_cluster_connection_status", (("cluster", "us"),)] == 0
    assert before["fleethub_queue_depth", (("lane", "URGENT"),)] == 3
    assert before["fleethub_render_total", (("result", "built"),)] == 1
    assert before["fleethub_loop_lag_seconds", ()] == 0.25
    health[0], built[0] = "Degraded", 2.0
    after = _values(metrics)
    assert ("fleethub_application_info", labels) not in after
    assert after["fleethub_render_total", (("result", "built"),)] == 2


def test_registering_reads_nothing() -> None:
    Metrics().applications(lambda: pytest.fail("read before a scrape"))


def test_each_object_has_a_registry_of_its_own() -> None:
    first, second = Metrics(), Metrics()
    first.healed()
    assert _values(second)["fleethub_heal_total", ()] == 0
