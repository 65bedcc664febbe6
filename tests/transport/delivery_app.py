"""A worker that writes down what it is given: a line `partition first last early` for each finished list.

`early` are the records before which the Table does not hold the one before them of the same key: they come out
of order, or the worker that had the partition before has written what is not there yet.
`DELIVERY_BY=faust` runs it on Faust's own consumer, which gives one record at a time.
"""

import asyncio
import os
from collections.abc import Sequence
from random import random
from types import SimpleNamespace
from typing import Any, NamedTuple

import faust
from faust.types import StreamT
from yarl import URL

from iss_agents.agents.lanes import Lanes
from iss_agents.agents.lists import lists_of, run_list
from iss_agents.transport.transport import Transport

PARTITIONS = 4
TOPIC = os.environ["DELIVERY_TOPIC"]
BY_FAUST = os.environ.get("DELIVERY_BY") == "faust"
LONGEST_WORK_SECONDS = 0.01

app = faust.App(
    os.environ["DELIVERY_GROUP"],
    broker=URL(f"kafka://{os.environ['DELIVERY_KAFKA']}"),
    datadir=os.environ["DELIVERY_DATA"],
    web_enabled=False,
    store="memory://",
    topic_allow_declare=True,
    topic_disable_leader=True,
    topic_replication_factor=1,
    table_standby_replicas=0,
    stream_buffer_maxsize=16,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.0,
    broker_commit_interval=0.25,
    producer_linger=0.02,
)
if not BY_FAUST:
    app.transport = Transport(app.conf.broker_consumer, app)
counts = app.Table("counts", partitions=PARTITIONS, default=int)  # key -> how many of its records are finished
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


def keep(records: Sequence[Numbered]) -> int:
    """Keep the count of each key; return how many records come early."""
    early = 0
    newest: dict[str, int] = {}
    for _, key, number in records:
        early += number > newest.get(key, counts[key])
        newest[key] = max(number + 1, newest.get(key, counts[key]))
    for key, count in newest.items():
        counts[key] = count
    return early


def write_down(event: Any) -> None:
    """Write down what an event holds, and keep the count of each key."""
    records = records_of(event)
    early = keep(records)
    finished.write(f"{event.message.partition} {records[0].offset} {records[-1].offset} {early}\n")


async def take_time(event: Any) -> None:
    """Write a list down after a while, so that lists of several partitions overlap."""
    await asyncio.sleep(random() * LONGEST_WORK_SECONDS)
    write_down(event)


@app.agent(numbers_topic)
async def as_our_agents(numbers: StreamT[Any]) -> None:
    """Run every list as the agents of iss_agents do, or take Faust's records as they come."""
    if BY_FAUST:
        async for event in numbers.events():
            write_down(event)
        return
    surroundings: Any = SimpleNamespace(lists=app.consumer, guard=SimpleNamespace(check=lambda: None))
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, lambda event: run_list(surroundings, event, take_time))
        async for event in lists_of(numbers):
            await lanes.run(event)
