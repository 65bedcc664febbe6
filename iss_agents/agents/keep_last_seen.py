"""Agent `keep_last_seen`: stores the newest reading of every item, and forwards the tank's readings."""

from asyncio import TaskGroup
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from faust.types import EventT, StreamT

from iss_agents.agents.last_value import fold
from iss_agents.application import app
from iss_agents.runtime.metrics import LAST_SEEN
from iss_agents.streaming.batches import PartitionExecutor, batches_of, run_batch
from iss_agents.streaming.decoding import readings_of
from iss_agents.streaming.outputs import Output
from iss_agents.telemetry.catalog import TANK_ITEMS
from iss_agents.telemetry.records import Reading, encode
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import RAW, WATER
from tables.last_seen import last_seen

raw_topic = app.topic(RAW.name, value_serializer="raw", partitions=RAW.partitions)


@app.agent(raw_topic, name="keep_last_seen")
async def keep_last_seen(batches: StreamT[Any]) -> None:
    """Store the newest reading of every item in `last_seen`; one event is one batch of records."""
    async with TaskGroup() as group:
        executor = PartitionExecutor(group, lambda event: run_batch(app, event, keep_batch))
        async for event in batches_of(batches):
            await executor.run(event)


async def keep_batch(event: EventT[Any]) -> None:
    """Process a batch of records of one partition."""
    await keep(await readings_of(event.value, app.outputs), event.value[-1])


async def keep(readings: Sequence[Reading], last: ConsumerRecord) -> None:
    """Write derived records first, then the Table, then the ack: a crash in between repeats and never loses."""
    await app.outputs.send(WATER, 0, tank_outputs(readings))
    # Not through the Table, whose lookups take 0.9 us a reading.
    changes = fold(readings, last_seen.data)
    await last_seen.write(changes.changed, after=last)
    for outcome, count in changes.outcomes.items():
        LAST_SEEN.labels(outcome).inc(count)


def tank_outputs(readings: Iterable[Reading]) -> list[Output]:
    """Return the records of the tank's items, new or not: their consumer deduplicates."""
    return [
        Output(b"tank", encode(reading), milliseconds(reading.ingest_ts))
        for reading in readings
        if reading.item_id in TANK_ITEMS
    ]
