"""A worker that writes down what it is given: a line `partition first last early` for each finished list.

`early` are the records before which the Table does not hold the one before them of the same key: they come out
of order, or the worker that had the partition before has written what is not there yet.
`DELIVERY_BY=faust` runs it on Faust's own consumer, which gives one record at a time.
"""

import asyncio
import os
from collections.abc import Sequence
from random import random
from typing import Any, NamedTuple

import msgspec
from faust.transport.drivers.aiokafka import Transport
from faust.types import StreamT
from yarl import URL

from iss_agents.config.settings import Settings
from iss_agents.streaming.app import StreamingApp
from iss_agents.streaming.batches import PartitionExecutor, batches_of, run_batch
from iss_agents.streaming.tables import NewestTable, newest_table
from iss_agents.telemetry.topics import Topic

PARTITIONS = 4
TOPIC = os.environ["DELIVERY_TOPIC"]
GROUP = os.environ["DELIVERY_GROUP"]
BY_FAUST = os.environ.get("DELIVERY_BY") == "faust"
LONGEST_WORK_SECONDS = 0.01


class Application(StreamingApp):
    """The application, with what its batches need."""

    async def on_start(self) -> None:
        """Begin with the outputs and the guard against a standstill."""
        await self.add_runtime_dependency(self.fence)
        await self.add_runtime_dependency(self.outputs)


class Count(msgspec.Struct):
    """How many records of a key are finished."""

    count: int


app = Application(
    Settings(kafka_url=os.environ["DELIVERY_KAFKA"]),
    GROUP,
    session_seconds=6.0,
    heartbeat_seconds=1.0,
    broker=URL(f"kafka://{os.environ['DELIVERY_KAFKA']}"),
    datadir=os.environ["DELIVERY_DATA"],
    web_enabled=False,
    store="memory://",
    Table=NewestTable,
    topic_allow_declare=True,
    topic_disable_leader=True,
    topic_replication_factor=1,
    table_standby_replicas=0,
    stream_buffer_maxsize=16,
    broker_commit_interval=0.25,
    producer_linger=0.02,
)
if BY_FAUST:
    app.transport = Transport(app.conf.broker_consumer, app)
changelog = Topic(f"{GROUP}-counts-changelog", PARTITIONS, cleanup_policy="compact")
counts = newest_table(app, "counts", changelog, "How many records of a key are finished.", Count)
numbers_topic = app.topic(TOPIC, value_serializer="raw", partitions=PARTITIONS)
finished = open(os.environ["DELIVERY_LOG"], "a", buffering=1, encoding="ascii")  # noqa: PTH123, SIM115


class Numbered(NamedTuple):
    """A record of the topic. The numbers of a key are 0, 1, 2 and so on."""

    offset: int
    key: str
    number: int


def records_of(event: Any) -> list[Numbered]:
    """Return what an event holds: a list of records, or the one that Faust's own consumer gives."""
    if isinstance(event.value, list):
        return [Numbered(one.offset, one.key.decode(), int(one.value)) for one in event.value]
    return [Numbered(event.message.offset, event.key.decode(), int(event.value))]


async def keep(records: Sequence[Numbered], after: Any) -> int:
    """Keep the count of each key; return how many records come early."""
    early = 0
    newest: dict[str, int] = {}
    for _, key, number in records:
        held = newest.get(key, counts[key]["count"] if key in counts else 0)
        early += number > held
        newest[key] = max(number + 1, held)
    await counts.write({key: {"count": count, "sequence": count} for key, count in newest.items()}, after)
    return early


async def write_down(event: Any) -> None:
    """Write down what an event holds, and keep the count of each key."""
    records = records_of(event)
    early = await keep(records, event.message)
    finished.write(f"{event.message.partition} {records[0].offset} {records[-1].offset} {early}\n")


async def take_time(event: Any) -> None:
    """Write a list down after a while, so that lists of several partitions overlap."""
    await asyncio.sleep(random() * LONGEST_WORK_SECONDS)
    await write_down(event)


@app.agent(numbers_topic)
async def as_our_agents(numbers: StreamT[Any]) -> None:
    """Run every list as the agents of iss_agents do, or take Faust's records as they come."""
    if BY_FAUST:
        async for event in numbers.events():
            await write_down(event)
        return
    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, lambda event: run_batch(app, event, take_time))
        async for event in batches_of(numbers):
            await executor.run(event)
