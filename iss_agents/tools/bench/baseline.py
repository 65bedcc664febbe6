"""Baseline: bare loops that do the same work without Faust, rebalances or retries.

`python -m iss_agents.tools.bench.baseline last|store|acknowledge ...`, each in a process of its own.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, process_time

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

from iss_agents.archive.consumer import LARGEST
from iss_agents.archive.documents import reading_document
from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config
from iss_agents.local_stack.kafka import UNSECURED
from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.cost import WARM
from iss_agents.tools.bench.null_mongo import serve

Work = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


async def consume(kafka: str, count: int, work: Work, at_once: int | None = None) -> dict[str, float]:
    """Return the cost of reading `count` records from the beginning, with `work` on each fetch."""
    consumer = AIOKafkaConsumer(**client_config(_unsecured(kafka)), auto_offset_reset="earliest")
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
    """Insert each reading as the archive's document."""
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(mongo)
    collection = client["bare"]["readings"]

    async def insert(records: Sequence[ConsumerRecord]) -> None:
        documents = [reading_document(record) for record in records]
        await collection.insert_many(documents, ordered=False)

    return await consume(kafka, int(count), insert, LARGEST)


async def acknowledge(port: str) -> dict[str, float]:
    """Serve as the database that only acknowledges, until the process is stopped."""
    await serve(int(port))
    return {}


def _unsecured(kafka: str) -> Settings:
    return Settings().model_copy(update=UNSECURED | {"kafka_url": kafka})


PROGRAMS = {"last": last, "store": store, "acknowledge": acknowledge}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))))  # type: ignore[operator]  # noqa: T201
