"""Metrics for Prometheus; some gauges are measured at scrape time."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from aiohttp.web import Request
from faust.web import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from iss_agents.runtime.metrics import HOME_FREE, HOME_SIZE, NEWEST_READING, TASKS
from iss_agents.state_view.replica import Replica
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.records import Source
from web.base.context import WorkerContext
from web.base.view import NO_STORE, WorkerView, context_of

blueprint = Blueprint("metrics")


@blueprint.route("/metrics", name="metrics")
class MetricsView(WorkerView):
    """Every metric of this worker in Prometheus' text format."""

    async def get(self, request: Request) -> Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST, **NO_STORE}
        measure(context_of(request))
        return self.bytes(generate_latest(), headers=headers)


def measure(context: WorkerContext) -> None:
    """Set the gauges that are measured at scrape time."""
    TASKS.set(len(asyncio.all_tasks()))
    # A missing disk must not hide all other metrics.
    with suppress(OSError):
        _measure_disk(context.settings.home)
    if context.state:
        for discipline, newest in newest_readings(context.state.replica, context.settings.feed_source).items():
            NEWEST_READING.labels(discipline).set(newest)


def _measure_disk(home: Path) -> None:
    disk = shutil.disk_usage(home)
    HOME_FREE.set(disk.free)
    HOME_SIZE.set(disk.total)


def newest_readings(replica: Replica, source: Source) -> dict[str, float]:
    """Return discipline -> Unix time of its newest reading from a source, as the station took it."""
    newest: dict[str, float] = {}
    for item in items().values():
        if reading := replica.reading(item.item_id, source):
            taken = reading.source_ts.timestamp()
            newest[item.discipline] = max(taken, newest.get(item.discipline, taken))
    return newest
