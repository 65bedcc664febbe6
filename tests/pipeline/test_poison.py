"""What is no reading goes to the invalid topic and the collection `invalid`; everything else goes on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from pymongo.collection import Collection

from iss_agents.records import SCHEMA_VERSION, encode, new_reading
from iss_agents.topics import EVENTS, RAW, WATER
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

NOW = datetime.now(UTC).replace(microsecond=0)
GOOD = new_reading("NODE3000005", NOW, "37", ingest_ts=NOW, source="test")
NEWER = msgspec.structs.replace(GOOD, schema_version=SCHEMA_VERSION + 1)
POISON = {
    "not JSON": b"\xff\xfe poison",
    "another shape": b'{"schema_version": 1, "value": 37}',
    "no UTF-8 in a text": encode(GOOD).replace(b'"37"', b'"\xff"'),
    "nested": b'{"other": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "no date": encode(GOOD).replace(b'"sequence":', b'"sequence":1'),
    "far future": encode(GOOD).replace(b'"ingest_ts":"20', b'"ingest_ts":"99'),
    "long": encode(GOOD).replace(b'"37"', b'"' + b"x" * 500_000 + b'"'),
    "newer": encode(NEWER),
    "newer with other fields": b'{"schema_version": 2, "level": 37}',
    "huge": b"x" * 900_000,
    "nothing": None,
}
READ_BY = {"agents": (RAW, WATER, EVENTS), "archive": (RAW, EVENTS)}
ON_EACH = len(POISON) + 1
"""What is invalid on each topic, with the record whose time is no date."""

ALL = len(READ_BY["agents"]) * ON_EACH + 1
"""On the topic of events a reading is invalid, too."""


async def test_poison_on_the_topics_that_agents_read_is_kept_with_its_reason_and_the_worker_goes_on(
    broker: Broker, readings: Collection[dict[str, Any]], environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    variables = environment | {"ISS_ROLES": "agents,archive,web"}
    async with running(tmp_path / "home", **variables) as worker:
        await until(worker.healthy, START_SECONDS)
        async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
            for topic in READ_BY["agents"]:
                for value in (*POISON.values(), encode(GOOD)):
                    key = b"key" if value is None else None
                    await producer.send_and_wait(topic.name, value, key, partition=0)
                # Kafka takes a time that is no date.
                await producer.send_and_wait(topic.name, b"no date", partition=0, timestamp_ms=-(10**15))
        invalid = readings.database["invalid"]
        # The agents and the archive both meet what is on two of the topics, and keep it once.
        await until(lambda: invalid.count_documents({}) == ALL, 20)
        await until(lambda: readings.count_documents({}) == 1, 10)
        for stage in READ_BY:
            await until(lambda: has_met_all(worker, stage), 10)  # noqa: B023 - awaited within its round
        table = await worker.get("/api/v1/tables/tank_levels")
        assert await worker.healthy()

    assert "37" in str(table)
    assert invalid.count_documents({}) == ALL
    reasons = [document["reason"] for document in invalid.find()]
    assert sorted(reasons) == ["newer_schema"] * 6 + ["undecodable"] * (ALL - 6)
    assert "Traceback" not in worker.log


async def has_met_all(worker: Worker, stage: str) -> bool:
    """Whether a stage has met what is invalid on each topic that it reads."""
    return await worker.metric("iss_invalid_total", stage=stage) == len(READ_BY[stage]) * ON_EACH + 1
