"""The least that the same work costs: bare loops that know neither Faust, nor rebalances, nor repetitions.

`python -m iss_agents.bench.bare last|store|acknowledge ...`, each in a process of its own.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, process_time

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

from iss_agents.archive.batch_size import LARGEST
from iss_agents.archive.documents import reading_document
from iss_agents.bench.acknowledger import serve
from iss_agents.bench.cost import WARM
from iss_agents.embedded.kafka import UNSECURED
from iss_agents.kafka_access import kafka_access
from iss_agents.records import Reading, decode_reading
from iss_agents.settings import Settings
from iss_agents.topics import RAW

Work = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


async def consume(kafka: str, count: int, work: Work, at_once: int | None = None) -> dict[str, float]:
    """Return what it costs to read `count` records from the beginning and `work` on each fetch."""
    consumer = AIOKafkaConsumer(**kafka_access(_unsecured(kafka)), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(RAW.name, number) for number in range(RAW.partitions)])
    done, warm, began, processor = 0, 0, 0.0, 0.0
    async with consumer:
        while done < count:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=at_once)).values():
                await work(records)
                done += len(records)
            if not warm and done > count * WARM:
                warm, began, processor = done, monotonic(), process_time()
    return {"count": done - warm, "seconds": monotonic() - began, "processor": process_time() - processor}


async def last(kafka: str, count: str) -> dict[str, float]:
    """Keep the newest reading of each item in a dict."""
    newest: dict[str, Reading] = {}

    async def keep(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            reading = decode_reading(record.value)
            held = newest.get(reading.item_id)
            if held is None or reading.sequence > held.sequence:
                newest[reading.item_id] = reading

    return await consume(kafka, int(count), keep)


async def store(kafka: str, count: str, mongo: str) -> dict[str, float]:
    """Insert each reading as the document that the archive makes of it."""
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(mongo)
    collection = client["bare"]["readings"]

    async def insert(records: Sequence[ConsumerRecord]) -> None:
        documents = [reading_document(record) for record in records]
        await collection.insert_many(documents, ordered=False)

    return await consume(kafka, int(count), insert, LARGEST)


async def acknowledge(port: str) -> dict[str, float]:
    """Be the database that acknowledges and keeps nothing, until the process is ended."""
    await serve(int(port))
    return {}


def _unsecured(kafka: str) -> Settings:
    return Settings().model_copy(update=UNSECURED | {"kafka_url": kafka})


PROGRAMS = {"last": last, "store": store, "acknowledge": acknowledge}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))))  # type: ignore[operator]  # noqa: T201
