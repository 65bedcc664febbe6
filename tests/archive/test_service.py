from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import REGISTRY
from pydantic import SecretStr

from iss_agents import topics
from iss_agents.archive.database import Database, DatabaseAway, connect
from iss_agents.archive.hours import Marks
from iss_agents.archive.intake import Intake
from iss_agents.embedded.database import Database as Program
from iss_agents.embedded.place import free_port
from iss_agents.health import Health
from iss_agents.records import SCHEMA_VERSION, Gap, encode
from iss_agents.settings import Settings
from iss_agents.soak.failpoints import failing_writes
from tests.archive.bus import NOON, lag, numbered_readings, publish, running
from tests.waiting import until


def counted(topic: topics.Topic, outcome: str) -> float:
    labels = {"topic": topic.name, "outcome": outcome}
    return REGISTRY.get_sample_value("iss_archive_documents_total", labels) or 0.0


async def stored_values(database: Database) -> list[str]:
    documents = await database.readings.find().sort([("source_ts", 1), ("_id", 1)]).to_list(None)
    return [document["value"] for document in documents]


async def test_stores_each_reading_once_and_counts_the_repeats(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = numbered_readings(300)
    before = counted(topics.RAW, "stored"), counted(topics.RAW, "duplicate")
    await publish(producer, readings + readings[:100] + readings)

    async with running(settings):
        await until(lambda: caught_up(settings), 20)

    assert await stored_values(database) == [str(number) for number in range(300)]
    after = counted(topics.RAW, "stored"), counted(topics.RAW, "duplicate")
    assert (after[0] - before[0], after[1] - before[1]) == (300, 400)


async def test_a_restart_between_write_and_commit_stores_nothing_twice(
    settings: Settings, database: Database, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(producer, numbered_readings(50))
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "commit", AsyncMock())
        async with running(settings):
            await until(lambda: has_documents(database, 50), 20)
    assert await lag(settings) == 50

    before = counted(topics.RAW, "duplicate")
    async with running(settings):
        await until(lambda: caught_up(settings), 20)

    assert counted(topics.RAW, "duplicate") - before == 50
    assert await database.readings.count_documents({}) == 50


async def test_nothing_is_committed_before_its_hours_are_marked(
    settings: Settings, database: Database, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(producer, numbered_readings(50))
    with monkeypatch.context() as patched:
        patched.setattr(Marks, "write", AsyncMock(side_effect=DatabaseAway("gone")))
        async with running(settings):
            await until(lambda: has_documents(database, 50), 20)
    assert (await lag(settings), await database.summaries.count_documents({})) == (50, 0)

    async with running(settings):
        await until(lambda: caught_up(settings), 20)

    [hour] = await database.summaries.find().to_list(None)
    assert (hour["_id"], hour["stale"]) == ("NODE3000005|2026-08-11T12", True)


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
        await until(lambda: has_documents(database, 1), 20)
        program.program.stop()  # type: ignore[union-attr]
        await publish(producer, readings[1000:2000])
        await until(lambda: not health.parts["database"].ok, 20)
        await until(lambda: reported_lag() >= 1000)
        program.start().wait_until(program.ready)
        await publish(producer, readings[2000:])
        await until(lambda: caught_up(settings), 30)
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
    caplog.set_level("INFO", "iss_agents.health")

    async with running(settings, health):
        await until(lambda: "database" in health.parts)
        assert health.parts["database"].detail.startswith("MongoDB does not answer; start it or correct")
        program.start().wait_until(program.ready)
        await until(lambda: has_documents(database, 10), 20)
        await until(lambda: health.ok)

    told = [record.message.split(":")[0] for record in caplog.records if record.name == "iss_agents.health"]
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
        {"closeConnection": True},
        {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    ],
    ids=["not primary", "interrupted", "not allowed", "connection closed", "not acknowledged"],
)
async def test_tries_the_same_batch_again_until_the_database_takes_it(
    settings: Settings, database: Database, producer: AIOKafkaProducer, fault: dict[str, Any]
) -> None:
    health = Health()
    async with running(settings, health):
        await until(lambda: "archive" in health.parts, 20)
        async with failing_writes(database, fault):
            await publish(producer, numbered_readings(20))
            await until(lambda: not health.parts["archive"].ok)
            assert await lag(settings) == 20
        await until(lambda: caught_up(settings), 20)
        await until(lambda: health.ok)

    assert await database.readings.count_documents({}) == 20


async def test_one_refused_document_goes_to_the_invalid_topic_and_the_batch_goes_on(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await database.create_collection("readings", validator={"value": {"$ne": "7"}})
    readings = numbered_readings(10)
    await publish(producer, readings[:7])
    [sent] = await publish(producer, [readings[7]])  # alone: the records of a batch may differ by a millisecond
    await publish(producer, readings[8:])

    async with running(settings):
        await until(lambda: database.invalid.find_one({}), 20)
        await until(lambda: caught_up(settings), 20)

    assert await stored_values(database) == ["0", "1", "2", "3", "4", "5", "6", "8", "9"]
    [invalid] = await database.invalid.find().to_list(None)
    assert (invalid["stage"], invalid["reason"]) == ("archive", "refused")
    assert invalid["error"].startswith("121: ")
    assert invalid["payload"] == encode(readings[7])
    assert invalid["seen_at"] == datetime.fromtimestamp(sent.timestamp / 1000, UTC)


async def test_what_the_driver_cannot_encode_is_refused_alone(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = numbered_readings(3)
    too_large = encode(readings[1]).replace(b'"source":', b'"session":%d,"source":' % 2**70)
    await publish(producer, [readings[0]])
    await producer.send_and_wait(topics.RAW.name, too_large, partition=0)
    await publish(producer, [readings[2]])

    async with running(settings):
        await until(lambda: database.invalid.find_one({}), 20)
        await until(lambda: caught_up(settings), 20)

    assert await stored_values(database) == ["0", "2"]
    assert await database.invalid.distinct("reason") == ["refused"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff\x00", "undecodable"),
        (b"", "undecodable"),
        (b'{"schema_version": 1}', "undecodable"),
        (b'{"schema_version": 2, "other": "fields"}', "newer_schema"),
        (encode(numbered_readings(1)[0]).replace(b'"schema_version":1', b'"schema_version":2'), "newer_schema"),
        (b"x" * 900_000, "undecodable"),
    ],
    ids=["no text", "empty", "not a reading", "newer with other fields", "newer", "long"],
)
async def test_what_cannot_be_decoded_goes_to_the_invalid_topic(
    settings: Settings, database: Database, producer: AIOKafkaProducer, payload: bytes, reason: str
) -> None:
    sent = await producer.send_and_wait(topics.RAW.name, payload, partition=3)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}), 20)
        await until(lambda: caught_up(settings), 20)

    [invalid] = await database.invalid.find().to_list(None)
    assert (invalid["reason"], invalid["payload"]) == (reason, payload[: 512 * 1024])
    assert f"telemetry.raw.v1:3:{sent.offset}" in invalid["error"]
    assert await database.readings.count_documents({}) == 0


async def test_older_records_are_taken(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    older = encode(numbered_readings(1)[0]).replace(b'"schema_version":1', b'"schema_version":0')
    await producer.send_and_wait(topics.RAW.name, older, partition=0)

    async with running(settings):
        await until(lambda: has_documents(database, 1), 20)

    assert await database.readings.distinct("schema_version") == [0]


async def test_an_undecodable_record_of_the_invalid_topic_is_stored_as_it_is(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    sent = await producer.send_and_wait(topics.INVALID.name, b"nonsense", partition=0)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}), 20)
        await until(lambda: caught_up(settings), 20)

    [invalid] = await database.invalid.find().to_list(None)
    assert (invalid["_id"], invalid["payload"]) == (f"telemetry.invalid.v1:0:{sent.offset}", b"nonsense")


async def test_a_refused_record_of_the_invalid_topic_does_not_go_round(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await database.create_collection("invalid", validator={"never": True})
    sent = await producer.send_and_wait(topics.INVALID.name, b"nonsense", partition=0)

    async with running(settings):
        await until(lambda: caught_up(settings), 20)

    following = await producer.send_and_wait(topics.INVALID.name, b"after", partition=0)
    assert following.offset == sent.offset + 1


async def test_a_gap_keeps_its_end_whatever_is_read_afterwards(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    begun = Gap(schema_version=SCHEMA_VERSION, gap_id="gap", cause="los", start=NOON)
    ended = Gap(
        schema_version=SCHEMA_VERSION, gap_id="gap", cause="los", start=NOON, end=NOON + timedelta(minutes=9)
    )
    async with running(settings):
        await producer.send_and_wait(topics.GAPS.name, encode(begun), partition=0)
        await until(lambda: database.gaps.find_one({"_id": "gap", "end": None}), 20)
        await producer.send_and_wait(topics.GAPS.name, encode(ended), partition=0)
        await until(lambda: database.gaps.find_one({"end": ended.end}), 20)
        await producer.send_and_wait(topics.GAPS.name, encode(begun), partition=0)
        await until(lambda: caught_up(settings), 20)

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
        await until(lambda: has_documents(database, 5), 20)
        await until(lambda: len(lags()) == topics.RAW.partitions and not any(lags()))
    assert lags() == []


async def test_two_archives_share_the_partitions_and_hand_over_without_a_loss(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = [reading for item in ("A", "B", "C", "D") for reading in numbered_readings(500, item)]
    async with running(settings):
        await publish(producer, readings[:500])
        async with running(settings):
            await publish(producer, readings[500:1500])
            await until(lambda: has_members(settings, 2), 20)
        await publish(producer, readings[1500:])
        await until(lambda: caught_up(settings), 30)

    assert await database.readings.count_documents({}) == len(readings)


async def caught_up(settings: Settings) -> bool:
    return await lag(settings) == 0


async def has_documents(database: Database, count: int) -> bool:
    return await database.readings.count_documents({}) >= count


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
