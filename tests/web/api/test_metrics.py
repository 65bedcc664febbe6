"""What Prometheus reads of a worker."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.catalog import items
from tests.factories import last_seen, reading_of
from tests.web.conftest import Client
from web.api.metrics import newest_readings
from web.base.context import WorkerContext

MORNING = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
MILLISECONDS = 50.0
"""The longest that a scrape may take."""


@pytest.fixture
def changes(tmp_path: Path) -> dict[str, Any]:
    return {"home": tmp_path}


async def scraped(client: Client) -> dict[str, float]:
    """Return name -> value of the samples without labels."""
    text = await (await client.get("/metrics")).text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: sample.value for sample in samples if not sample.labels}


async def test_the_disk_of_the_home_folder_is_measured(client: Client, tmp_path: Path) -> None:
    metrics = await scraped(client)

    assert metrics["iss_home_size_bytes"] == shutil.disk_usage(tmp_path).total
    assert 0 < metrics["iss_home_free_bytes"] < metrics["iss_home_size_bytes"]


async def test_a_home_folder_that_is_gone_hides_nothing_else(client: Client, tmp_path: Path) -> None:
    await asyncio.to_thread(tmp_path.rmdir)

    assert (await scraped(client))["iss_tasks"] > 0


def test_the_newest_reading_counts_for_its_discipline(state: StateView) -> None:
    earlier = MORNING - timedelta(hours=1)
    readings = [
        reading_of("NODE3000005", "12", MORNING),
        reading_of("NODE3000004", "16", earlier),
        reading_of("P4000001", "7", earlier),
        reading_of("S4000001", "7", MORNING, source="test"),
    ]
    state.replica.apply(map(last_seen, readings))

    assert newest_readings(state.replica, "simulated") == {
        "ETHOS": MORNING.timestamp(),
        "SPARTAN": earlier.timestamp(),
    }


async def test_a_scrape_is_quick_when_every_item_is_known(client: Client, context: WorkerContext) -> None:
    assert context.state
    context.state.replica.apply(last_seen(reading_of(item_id, "1")) for item_id in items())

    took = []
    for _ in range(10):
        began = perf_counter()
        await client.get("/metrics")
        took.append((perf_counter() - began) * 1000)

    # The quickest: the machine may be busy with something else.
    assert min(took) < MILLISECONDS
    newest = REGISTRY.get_sample_value("iss_newest_reading_timestamp_seconds", {"discipline": "ETHOS"})
    assert newest
