"""What a worker's /metrics say, and what that amounts to."""

from dataclasses import asdict

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.worker_metrics import Samples, WorkerViews, read_figures

HEALTH = {
    "feed": {"ok": True, "detail": "connected"},
    "archive": {"ok": False, "detail": "no report yet"},
    "database": {"ok": False, "detail": "does not answer"},
}
METRICS = """\
# TYPE iss_feed_received counter
iss_feed_received_total{source="simulated"} 100.0
iss_feed_received_total{source="test"} 2.0
# TYPE iss_feed_never_measured counter
iss_feed_never_measured_total 8.0
# TYPE iss_invalid counter
iss_invalid_total{stage="feed",reason="clock"} 3.0
iss_invalid_total{stage="archive",reason="write"} 1.0
# TYPE iss_published counter
iss_published_total{topic="telemetry.raw.v1"} 99.0
iss_published_total{topic="telemetry.gaps.v1"} 7.0
# TYPE iss_archive_documents counter
iss_archive_documents_total{topic="telemetry.raw.v1",outcome="stored"} 90.0
iss_archive_documents_total{topic="telemetry.raw.v1",outcome="duplicate"} 8.0
iss_archive_documents_total{topic="telemetry.raw.v1",outcome="invalid"} 1.0
iss_archive_documents_total{topic="telemetry.gaps.v1",outcome="stored"} 7.0
# TYPE iss_archive_reread counter
iss_archive_reread_total{topic="telemetry.raw.v1"} 6.0
iss_archive_reread_total{topic="telemetry.gaps.v1"} 1.0
# TYPE iss_events_detected counter
iss_events_detected_total{kind="use"} 2.0
iss_events_detected_total{kind="unobserved"} 1.0
# TYPE iss_publisher_pending gauge
iss_publisher_pending 4.0
# TYPE iss_spool_records gauge
iss_spool_records 5.0
# TYPE iss_consumer_lag gauge
iss_consumer_lag{group="iss-archive",topic="telemetry.raw.v1",partition="0"} 2.0
iss_consumer_lag{group="iss-archive",topic="telemetry.raw.v1",partition="1"} 1.0
iss_consumer_lag{group="iss-agents",topic="telemetry.raw.v1",partition="0"} 50.0
# TYPE iss_items_known gauge
iss_items_known 329.0
# TYPE iss_signal_acquired gauge
iss_signal_acquired 1.0
# TYPE iss_feed_last_update_timestamp_seconds gauge
iss_feed_last_update_timestamp_seconds 1.7e+09
"""


def test_the_figures_are_the_sums_of_the_raw_topic() -> None:
    figures = asdict(read_figures(METRICS))
    figures.pop("taken")

    assert figures == {
        "received": 102,
        "published": 99,
        "archived": 90,
        "duplicates": 8,
        "reread": 6,
        "invalid": 4,
        "never_measured": 8,
        "items": 329,
        "waiting": 9,
        "lag": 3,
        "slowest_seconds": 0.0,
        "signal_acquired": True,
        "last_update": 1.7e9,
        "uses": 2,
    }


def test_the_slowest_reading_is_known_to_the_edge_of_its_bucket() -> None:
    assert slowest() == 0.0
    assert slowest(0.01, 0.3) == 0.5
    assert slowest(0.5) == 0.5
    assert slowest(0.01, 4000.0) == 2.0


def slowest(*seconds: float) -> float:
    registry = CollectorRegistry()
    histogram = Histogram("trial", "Trial", buckets=(0.1, 0.5, 2.0), registry=registry)
    for each in seconds:
        histogram.observe(each)
    return Samples(generate_latest(registry).decode()).slowest("trial")


def test_a_worker_that_is_away_has_no_figures() -> None:
    views = WorkerViews(free_port())

    assert not views.answer()
    assert views.figures() is None
    assert views.troubles() == {}
    assert views.tank_level() is None
    assert views.newest_post() is None


def test_a_part_that_has_not_reported_is_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    views = WorkerViews(free_port())
    monkeypatch.setattr(views, "_document", lambda _path: {"parts": HEALTH})

    assert views.troubles() == {"archive": "starting", "database": "does not answer"}
