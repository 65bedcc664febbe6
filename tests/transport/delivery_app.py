"""A worker that writes down what it is given: a line `partition first last` for each finished list."""

import os
from typing import Any

import faust
from faust.types import StreamT
from yarl import URL

from iss_agents.transport import Transport

PARTITIONS = 4
TOPIC = os.environ["DELIVERY_TOPIC"]

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
    broker_commit_interval=1.0,
    producer_linger=0.02,
)
if os.environ.get("DELIVERY_BY") != "faust":
    app.transport = Transport(app.conf.broker_consumer, app)
counts = app.Table("counts", partitions=PARTITIONS, default=int)
numbers_topic = app.topic(TOPIC, value_serializer="raw", partitions=PARTITIONS)
finished = open(os.environ["DELIVERY_LOG"], "a", buffering=1, encoding="ascii")  # noqa: PTH123, SIM115


@app.agent(numbers_topic)
async def write_down(numbers: StreamT[Any]) -> None:
    """Write down every list, and keep the last number of each key."""
    async for event in numbers.events():
        records = event.value
        for key, number in {record.key.decode(): int(record.value) for record in records}.items():
            counts[key] = number
        finished.write(f"{event.message.partition} {records[0].offset} {records[-1].offset}\n")
