"""What is no reading goes to the invalid topic and the collection `invalid`; everything else goes on."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from pymongo.collection import Collection

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.records import SCHEMA_VERSION, Gap, encode, new_reading
from iss_agents.telemetry.topics import (
    DECISIONS,
    EVENTS,
    GAPS,
    INVALID,
    LAST_SEEN_CHANGELOG,
    RAW,
    TANK_LEVELS_CHANGELOG,
    TWEET_COOLDOWNS_CHANGELOG,
    WATER,
    partition_for,
)
from tests.factories import decision_on
from tests.pipeline.bot import shows
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = pytest.mark.long

NOW = datetime.now(UTC).replace(microsecond=0)
GOOD = new_reading("NODE3000005", NOW, "37", ingest_ts=NOW, source="simulated")
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
        await until(lambda: invalid.count_documents({}) == ALL)
        await until(lambda: readings.count_documents({}) == 1)
        for stage in READ_BY:
            await until(lambda: has_met_all(worker, stage))  # noqa: B023 - awaited within its round
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


GAP = Gap(schema_version=1, gap_id="los-1", cause="los", start=NOW, end=NOW, source="test")
DECISION = decision_on("a1", "dry_run", source="test")


async def test_poison_on_the_topics_that_only_the_archive_reads_holds_up_nothing_behind_it(
    broker: Broker, readings: Collection[dict[str, Any]], environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    database, alien = readings.database, b"no record of ours"
    async with running(tmp_path / "home", **environment | {"ISS_ROLES": "archive,web"}) as worker:
        await until(worker.healthy, START_SECONDS)
        async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
            for topic, good in {GAPS: encode(GAP), DECISIONS: encode(DECISION), INVALID: alien}.items():
                for value in (*POISON.values(), encode(GOOD)):
                    await producer.send_and_wait(topic.name, value, b"key", partition=0)
                await producer.send_and_wait(topic.name, b"no date", partition=0, timestamp_ms=-(10**15))
                await producer.send_and_wait(topic.name, good, partition=0)
        await until(lambda: database["gaps"].count_documents({"_id": "los-1"}) == 1)
        await until(lambda: database["posts"].count_documents({"_id": "a1"}) == 1)
        await until(lambda: database["invalid"].count_documents({"payload": alien}) == 1)
        # A reading is wrong on each of them, and so is all on the topic of what is invalid; each is kept once.
        await until(lambda: database["invalid"].count_documents({}) == 3 * (ON_EACH + 1) + 1)
        assert await worker.healthy()

    assert database["gaps"].count_documents({}) == database["posts"].count_documents({}) == 1
    # Each is kept from now on: the database deletes what was seen long ago once a minute.
    assert database["invalid"].count_documents({"seen_at": {"$lt": NOW}}) == 0
    assert "Traceback" not in worker.log


LAST_SEEN, LEVELS, COOLDOWNS = LAST_SEEN_CHANGELOG, TANK_LEVELS_CHANGELOG, TWEET_COOLDOWNS_CHANGELOG
NO_VALUES = (b"\xff", b"[]", b"{}", b'{"sequence": "high"}', b'{"sequence": 1e400}', b'{"sequence": 7}')
WRONG_VALUES = {
    LAST_SEEN: [(b'"NODE3000005"', b'{"sequence": 7, "event_ids": 3, "reading": {"value": "37"}}')],
    LEVELS: [(b'"NODE3000005"', b'{"sequence": 7, "state": {"levels": [[1, 1e300, "isslive"]], "clock": -5}}')],
    COOLDOWNS: [(b'"isslive"', b'{"sequence": 7, "event_id": "a1", "until": "9999-01-01T00:00:00"}')],
}
GOOD_KEYS = {LAST_SEEN: b'"NODE3000005"', LEVELS: b'"NODE3000005"', COOLDOWNS: b'"isslive"'}


async def test_poison_in_the_changelogs_is_ignored_and_the_worker_starts_and_goes_on(
    broker: Broker, readings: Collection[dict[str, Any]], environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    await provision_topics(Settings(kafka_url=broker.url))
    partition = partition_for("NODE3000005")
    async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
        for topic, wrong in WRONG_VALUES.items():
            number = partition if topic is LAST_SEEN else 0
            for key, value in [*((GOOD_KEYS[topic], value) for value in NO_VALUES), *wrong, (b"\xff{", b"{}")]:
                await producer.send_and_wait(topic.name, value, key, partition=number)
    async with running(tmp_path / "home", **environment | {"ISS_ROLES": "agents,archive,web"}) as worker:
        await until(worker.healthy, START_SECONDS)
        async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
            await producer.send_and_wait(RAW.name, encode(GOOD), b"NODE3000005", partition=partition)
        await until(lambda: readings.count_documents({}) == 1)
        await until(partial(shows, worker, "NODE3000005", "37"))
        assert await worker.status("/api/v1/status") == 200
        assert await worker.status("/api/v1/tank") == 200
        assert await worker.healthy()
    assert "Traceback" not in worker.log
