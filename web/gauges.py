"""What is measured when Prometheus asks, and not before."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from iss_agents.catalog import items
from iss_agents.metrics import HOME_FREE, HOME_SIZE, NEWEST_READING, TASKS
from iss_agents.parts import Parts
from web.replica import Replica


def measure(parts: Parts) -> None:
    """Set the gauges of this worker that nobody keeps up to date."""
    TASKS.set(len(asyncio.all_tasks()))
    # A disk that is gone is no reason to hide everything else.
    with suppress(OSError):
        _measure_disk(parts.settings.home)
    if parts.state:
        for discipline, newest in newest_readings(parts.state.replica).items():
            NEWEST_READING.labels(discipline).set(newest)


def _measure_disk(home: Path) -> None:
    disk = shutil.disk_usage(home)
    HOME_FREE.set(disk.free)
    HOME_SIZE.set(disk.total)


def newest_readings(replica: Replica) -> dict[str, float]:
    """Return discipline -> Unix time at which the station took its newest reading, if it took any."""
    newest: dict[str, float] = {}
    for item in items().values():
        reading = replica.reading(item.item_id)
        if reading and reading.source != "test":
            taken = reading.source_ts.timestamp()
            newest[item.discipline] = max(taken, newest.get(item.discipline, taken))
    return newest
