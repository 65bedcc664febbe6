"""Six hours of real telemetry, played as fast as the Lightstreamer client takes it."""

from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection

from iss_agents.simulator.playback import whole_recording
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import TIME_STAMP, VALUE
from iss_agents.telemetry.catalog import as_number
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds, source_time
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, running
from tests.waiting import until

PLAY_SECONDS = 600
"""The client takes 2,000 updates/s and more, the embedded database 700 to 3,000 documents/s."""


@pytest.mark.long
@pytest.mark.timeout(PLAY_SECONDS + 300)
async def test_every_row_of_the_recording_is_stored_once_in_order_and_the_last_is_last_seen(
    broker: Broker,
    station: Station,
    readings: Collection[dict[str, Any]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    broker.start()
    now = datetime.now(UTC)
    updates = whole_recording(now)
    rows: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for update in updates:
        at = source_time(float(update.fields[TIME_STAMP] or ""), now)
        rows[update.item_id].append((milliseconds(at), update.fields[VALUE] or ""))

    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        await until(worker.healthy, START_SECONDS)
        await station.play(updates)
        # Item by item, which an index answers: the embedded database counts by walking through all documents.
        for item, expected in rows.items():
            await until(partial(is_stored, readings, item, expected[-1][0]), PLAY_SECONDS)
        await until(lambda: readings.estimated_document_count() >= len(updates))
        last_seen = (await worker.get("/api/v1/tables/last_seen"))["entries"]
        invalid = await worker.metric("iss_invalid_total")

    assert readings.count_documents({}) == len(updates) == 131_065
    assert invalid == 0
    assert set(last_seen) == set(rows)
    stored: dict[str, list[tuple[int, str]]] = defaultdict(list)
    # In the order in which they were written: the order of an item is kept all the way.
    for document in readings.find().sort("$natural", 1):
        stored[document["item_id"]].append((document["sequence"], document["value"]))
    for item, expected in rows.items():
        assert stored[item] == expected, item
        assert (last_seen[item]["sequence"], last_seen[item]["reading"]["value"]) == expected[-1]
    one = readings.find_one({"item_id": "S0000003"})
    assert one
    assert one["number"] == as_number(one["value"])


def is_stored(readings: Collection[dict[str, Any]], item_id: str, sequence: int) -> bool:
    return readings.find_one({"item_id": item_id, "source_ts": from_milliseconds(sequence)}) is not None
