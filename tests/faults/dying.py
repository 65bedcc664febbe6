"""Moments between two steps that belong together, in which a worker kills itself when it is ordered to.

Its Python imports this before all else, as `sitecustomize`. An order is a file named after its moment.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iss_agents.agents import last_value
from iss_agents.agents.last_value import Fold, Seen
from iss_agents.archive.consumer import ArchiveConsumer, Batch
from iss_agents.runtime import metrics
from iss_agents.telemetry.catalog import TANK_ITEMS
from iss_agents.telemetry.records import Reading

STORED = "stored in MongoDB and not committed"
KEPT = "in the Table and not acknowledged"
FORWARDED = "forwarded and not in the Table"
MOMENTS = (STORED, KEPT, FORWARDED)


def die_when_ordered(orders: Path) -> None:
    """Have this process look for orders in a folder at each of the moments."""
    _before_commit(orders / STORED)
    _after_table(orders / KEPT)
    _before_table(orders / FORWARDED)


def _obey(order: Path) -> None:
    if order.exists():
        order.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def _before_commit(order: Path) -> None:
    commit = ArchiveConsumer.commit

    async def dying(self: ArchiveConsumer, batch: Batch) -> bool:
        if batch.commits:
            _obey(order)
        return await commit(self, batch)

    ArchiveConsumer.commit = dying  # type: ignore[method-assign]


def _after_table(order: Path) -> None:
    labels = metrics.LAST_SEEN.labels

    def dying(outcome: str) -> Any:
        _obey(order)  # keep_last_seen counts right after its Table
        return labels(outcome)

    metrics.LAST_SEEN.labels = dying  # type: ignore[assignment]


def _before_table(order: Path) -> None:
    fold = last_value.fold

    def dying(readings: Sequence[Reading], held: Mapping[str, Seen]) -> Fold:
        if any(reading.item_id in TANK_ITEMS for reading in readings):
            _obey(order)
        return fold(readings, held)

    last_value.fold = dying  # type: ignore[assignment]
