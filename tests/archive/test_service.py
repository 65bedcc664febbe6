import asyncio
from datetime import UTC, datetime, timedelta
from os import cpu_count
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import REGISTRY
from pydantic import SecretStr

from iss_agents.archive import consumer
from iss_agents.archive.consumer import ArchiveConsumer
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, connect, connect_writer, disconnect
from iss_agents.archive.queries.history import History
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import DirtyHours
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database as Program
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.health import Health
from iss_agents.telemetry import topics
from iss_agents.telemetry.records import SCHEMA_VERSION, Gap, encode
from iss_agents.tools.testbed.fail_points import failing_writes
from tests.archive.answering import Command, answering
from tests.archive.kafka import NOON, ends, lag, numbered_readings, publish, publish_at_once, running, set_to
from tests.archive.stored import caught_up, counted, has_documents, stored_values
from tests.waiting import until


async def test_stores_each_reading_once_and_counts_the_repeats(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = numbered_readings(300)
    before = counted(topics.RAW, "stored"), counted(topics.RAW, "duplicate")
    await publish(producer, readings + readings[:100] + readings)

    async with running(settings):
        await until(lambda: caught_up(settings))

    assert await stored_values(database) == [str(number) for number in range(300)]
    after = counted(topics.RAW, "stored"), counted(topics.RAW, "duplicate")
    assert (after[0] - before[0], after[1] - before[1]) == (300, 400)


async def test_a_restart_between_write_and_commit_stores_nothing_twice(
    settings: Settings, database: Database, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(producer, numbered_readings(50))
    with monkeypatch.context() as patched:
        patched.setattr(ArchiveConsumer, "commit", AsyncMock())
        async with running(settings):
            await until(lambda: has_documents(database, 50))
    assert await lag(settings) == 50

    before = counted(topics.RAW, "duplicate")
    async with running(settings):
        await until(lambda: caught_up(settings))

    assert counted(topics.RAW, "duplicate") - before == 50
    assert await database.readings.count_documents({}) == 50


async def test_nothing_is_committed_before_its_hours_are_marked(
    settings: Settings, database: Database, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(producer, numbered_readings(50))
    with monkeypatch.context() as patched:
        patched.setattr(DirtyHours, "write", AsyncMock(side_effect=DatabaseUnavailableError("gone")))
        async with running(settings):
            await until(lambda: has_documents(database, 50))
    assert (await lag(settings), await database.summaries.count_documents({})) == (50, 0)

    async with running(settings):
        await until(lambda: caught_up(settings))

    [hour] = await database.summaries.find().to_list(None)
    assert (hour["_id"], hour["stale"]) == ("NODE3000005|2026-08-11T12", True)


async def test_reading_the_bus_again_makes_stale_only_what_may_lack_its_mark(
    settings: Settings, database: Database, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "UNMARKED", 10)
    hours = [numbered_readings(10, start=NOON + timedelta(hours=number)) for number in range(4)]
    beginning = await ends(settings)
    await publish(producer, [reading for hour in hours[:3] for reading in hour])
    async with running(settings):
        await until(lambda: caught_up(settings))
    for hour in await stale_hours(database, datetime.now(UTC) + timedelta(hours=1)):
        assert await compute_rollup(database, hour)

    await set_to(settings, beginning)
    await publish(producer, hours[3])
    async with running(settings):
        await until(lambda: caught_up(settings))

    found = await database.summaries.find({}).sort("hour", 1).to_list(None)
    assert [hour["stale"] for hour in found] == [True, False, False, True]
    assert await database.readings.count_documents({}) == 40


async def test_stores_while_more_queries_wait_than_the_driver_has_threads(
    settings: Settings, producer: AIOKafkaProducer
) -> None:
    threads = 5 * (cpu_count() or 1)
    held: list[asyncio.Future[None]] = []

    async def hold(command: Command) -> None:
        if command.name == "find" and len(held) < threads:
            held.append(asyncio.get_running_loop().create_future())
            await held[-1]

    async with answering(settings.mongo_url.get_secret_value(), hold) as url:
        history = History(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        queries = [history.events(NOON, NOON + timedelta(days=1), 10) for _ in range(threads + 10)]
        asked = asyncio.gather(*queries, return_exceptions=True)
        await until(lambda: len(held) == threads)
        await publish(producer, numbered_readings(50))
        database = connect_writer(settings)
        async with running(settings):
            await until(lambda: has_documents(database, 50))
            assert not any(future.done() for future in held)
        await disconnect(database)
        for future in held:
            future.get_loop().call_soon_threadsafe(future.set_result, None)
        await asked
        history.close()


@pytest.mark.long
async def test_waits_for_a_database_that_is_stopped_under_load(
    settings: Settings, producer: AIOKafkaProducer, tmp_path: Path
) -> None:
    program = Program(tmp_path, free_port())
    program.start().wait_until(program.ready)
    settings = settings.model_copy(update={"mongo_url": SecretStr(program.url)})
    database, health = connect(settings), Health()
    readings = numbered_readings(3000)

    async with running(settings, health):
        await publish(producer, readings[:1000])
        await until(lambda: has_documents(database, 1))
        program.program.stop()  # type: ignore[union-attr]
        await publish(producer, readings[1000:2000])
        await until(lambda: not health.parts["database"].ok)
        await until(lambda: reported_lag() >= 1000)
        program.start().wait_until(program.ready)
        await publish(producer, readings[2000:])
        await until(lambda: caught_up(settings))
        await until(lambda: health.ok)

        assert await database.readings.count_documents({}) == 3000
    assert await database.readings.count_documents({}) == len(await database.readings.distinct("value"))
    database.client.close()
    program.program.stop()  # type: ignore[union-attr]


async def test_waits_for_a_database_that_is_away_at_the_start(
    settings: Settings, producer: AIOKafkaProducer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = Program(tmp_path, free_port())
    settings = settings.model_copy(update={"mongo_url": SecretStr(program.url)})
    database, health = connect(settings), Health()
    await publish(producer, numbered_readings(10))
    caplog.set_level("INFO", "iss_agents.runtime.health")

    async with running(settings, health):
        await until(lambda: "database" in health.parts)
        assert health.parts["database"].detail.startswith("MongoDB does not answer; start it or correct")
        program.start().wait_until(program.ready)
        await until(lambda: has_documents(database, 10))
        await until(lambda: health.ok)

    told = [
        record.message.split(":")[0] for record in caplog.records if record.name == "iss_agents.runtime.health"
    ]
    assert told == ["database", "archive", "database is back", "archive is back"]
    database.client.close()
    program.program.stop()  # type: ignore[union-attr]


async def test_says_that_the_password_is_wrong(settings: Settings) -> None:
    wrong = settings.mongo_url.get_secret_value().replace("mongodb://", "mongodb://somebody:wrong@")
    health = Health()

    async with running(settings.model_copy(update={"mongo_url": SecretStr(wrong)}), health):
        await until(lambda: "database" in health.parts)

    assert health.parts["database"].detail.startswith("MongoDB refuses the user or the password; correct")
    assert "wrong" not in health.parts["database"].detail


@pytest.mark.parametrize(
    "fault",
    [
        {"errorCode": 10107},
        {"errorCode": 11602},
        {"errorCode": 13},
        {"errorCode": 371},
        {"errorCode": 9},
        {"closeConnection": True},
        {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    ],
    ids=[
        "not primary",
        "interrupted",
        "not allowed",
        "user writes blocked",
        "most refused",
        "connection closed",
        "not acknowledged",
    ],
)
async def test_tries_the_same_batch_again_until_the_database_takes_it(
    settings: Settings, database: Database, producer: AIOKafkaProducer, fault: dict[str, Any]
) -> None:
    health = Health()
    async with running(settings, health):
        await until(lambda: "archive" in health.parts)
        async with failing_writes(database, fault):
            await publish_at_once(producer, numbered_readings(20))
            await until(lambda: not health.parts["archive"].ok)
            assert await lag(settings) == 20
        await until(lambda: caught_up(settings))
        await until(lambda: health.ok)

    assert await database.readings.count_documents({}) == 20


async def test_a_gap_keeps_its_end_whatever_is_read_afterwards(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    begun = Gap(schema_version=SCHEMA_VERSION, gap_id="gap", cause="los", start=NOON)
    ended = Gap(
        schema_version=SCHEMA_VERSION, gap_id="gap", cause="los", start=NOON, end=NOON + timedelta(minutes=9)
    )
    async with running(settings):
        await producer.send_and_wait(topics.GAPS.name, encode(begun), partition=0)
        await until(lambda: database.gaps.find_one({"_id": "gap", "end": None}))
        await producer.send_and_wait(topics.GAPS.name, encode(ended), partition=0)
        await until(lambda: database.gaps.find_one({"end": ended.end}))
        await producer.send_and_wait(topics.GAPS.name, encode(begun), partition=0)
        await until(lambda: caught_up(settings))

    document = {
        "_id": "gap",
        "cause": "los",
        "start": NOON,
        "end": ended.end,
        "detail": "",
        "source": "isslive",
        "schema_version": SCHEMA_VERSION,
    }
    assert await database.gaps.find().to_list(None) == [document]


async def test_lag_falls_to_zero_on_every_partition(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    async with running(settings):
        await publish(producer, numbered_readings(5))
        await until(lambda: has_documents(database, 5))
        await until(lambda: len(lags()) == topics.RAW.partitions and not any(lags()))
    assert lags() == []


@pytest.mark.long
async def test_two_archives_share_the_partitions_and_hand_over_without_a_loss(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = [reading for item in ("A", "B", "C", "D") for reading in numbered_readings(500, item)]
    async with running(settings):
        await publish(producer, readings[:500])
        async with running(settings):
            await publish(producer, readings[500:1500])
            await until(lambda: has_members(settings, 2))
        await publish(producer, readings[1500:])
        await until(lambda: caught_up(settings))

    assert await database.readings.count_documents({}) == len(readings)


async def has_members(settings: Settings, count: int) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    [description] = await admin.describe_consumer_groups(["iss-archive"])
    await admin.close()
    [group] = description.to_object()["groups"]
    return group["state"] == "Stable" and len(group["members"]) == count


def lags() -> list[float]:
    [metric] = [metric for metric in REGISTRY.collect() if metric.name == "iss_consumer_lag"]
    mine = {"group": "iss-archive", "topic": topics.RAW.name}
    return [sample.value for sample in metric.samples if mine.items() <= sample.labels.items()]


def reported_lag() -> float:
    return sum(lags())
