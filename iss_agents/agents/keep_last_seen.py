"""Keep the newest reading of every item, and hand the tank's readings on."""

from asyncio import TaskGroup
from collections.abc import Iterable, Sequence
from typing import Any

from faust.types import EventT, StreamT

from iss_agents.agents.intake import readings_of
from iss_agents.agents.lanes import Lanes
from iss_agents.agents.lists import lists_of, run_list
from iss_agents.agents.newer import fold
from iss_agents.application import app
from iss_agents.catalog import TANK_ITEMS
from iss_agents.metrics import LAST_SEEN
from iss_agents.outputs import Output
from iss_agents.records import Reading, encode
from iss_agents.station_clock import milliseconds
from iss_agents.topics import LAST_SEEN_CHANGELOG, RAW, WATER
from tables.last_seen import last_seen

raw_topic = app.topic(RAW.name, value_serializer="raw", partitions=RAW.partitions)


@app.agent(raw_topic, name="keep_last_seen")
async def keep_last_seen(batches: StreamT[Any]) -> None:
    """Keep the newest reading of every item in `last_seen`; one event is one list of records."""
    async with TaskGroup() as group:
        lanes = Lanes(group, lambda event: run_list(app, event, keep_list))
        async for event in lists_of(batches):
            await lanes.run(event)


async def keep_list(event: EventT[Any]) -> None:
    """Keep what a list of records of one partition brings."""
    await keep(await readings_of(event.value, app.outputs), event.message.partition)


async def keep(readings: Sequence[Reading], partition: int) -> None:
    """Derived records first, then the Table, then the ack: a crash between them repeats and never loses."""
    await app.outputs.send(WATER, 0, tank_outputs(readings))
    news = fold(readings, last_seen)
    await last_seen.write(LAST_SEEN_CHANGELOG, partition, news.changed)
    for outcome, count in news.outcomes.items():
        LAST_SEEN.labels(outcome).inc(count)


def tank_outputs(readings: Iterable[Reading]) -> list[Output]:
    """Return the records of the tank's items, new or not: the consumer knows what it has."""
    return [
        Output(b"tank", encode(reading), milliseconds(reading.ingest_ts))
        for reading in readings
        if reading.item_id in TANK_ITEMS
    ]
