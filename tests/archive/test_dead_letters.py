"""Records that cannot be stored: each goes to the invalid topic, and the others of its batch are stored."""

from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.telemetry import topics
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.station_clock import MILLISECOND
from tests.archive.kafka import numbered_readings, publish, running
from tests.archive.stored import caught_up, has_documents, stored_values
from tests.waiting import until


async def test_one_refused_document_goes_to_the_invalid_topic_and_the_batch_goes_on(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await database.create_collection("readings", validator={"value": {"$ne": "7"}})
    readings, now = numbered_readings(10), datetime.now(UTC)
    await publish(producer, readings)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}))
        await until(lambda: caught_up(settings))

    assert await stored_values(database) == ["0", "1", "2", "3", "4", "5", "6", "8", "9"]
    [invalid] = await database.invalid.find().to_list(None)
    assert (invalid["stage"], invalid["reason"]) == ("archive", "refused")
    assert invalid["error"].startswith("121: ")
    assert invalid["payload"] == encode(readings[7])
    assert now - MILLISECOND <= invalid["seen_at"] <= datetime.now(UTC)


@pytest.mark.parametrize("topic", [topics.RAW, topics.INVALID], ids=["readings", "dead letters"])
@pytest.mark.parametrize("sent_at", [-(10**15), 0, 1_600_000_000_000])
async def test_a_record_of_any_time_is_kept_from_when_it_was_seen(
    settings: Settings, database: Database, producer: AIOKafkaProducer, topic: topics.Topic, sent_at: int
) -> None:
    now = datetime.now(UTC)
    await producer.send_and_wait(topic.name, b"no date", partition=0, timestamp_ms=sent_at)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}))

    [invalid] = await database.invalid.find().to_list(None)
    assert now - MILLISECOND <= invalid["seen_at"] <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff\x00", "undecodable"),
        (b"", "undecodable"),
        (b'{"schema_version": 1}', "undecodable"),
        (b'{"schema_version": 2, "other": "fields"}', "newer_schema"),
        (encode(numbered_readings(1)[0]).replace(b'"schema_version":1', b'"schema_version":2'), "newer_schema"),
        (b"x" * 900_000, "undecodable"),
        (
            encode(numbered_readings(1)[0]).replace(b'"source":', b'"session":%d,"source":' % 2**70),
            "undecodable",
        ),
    ],
    ids=["no text", "empty", "not a reading", "newer with other fields", "newer", "long", "beyond 64 bits"],
)
async def test_what_cannot_be_decoded_goes_to_the_invalid_topic(
    settings: Settings, database: Database, producer: AIOKafkaProducer, payload: bytes, reason: str
) -> None:
    sent = await producer.send_and_wait(topics.RAW.name, payload, partition=3)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}))
        await until(lambda: caught_up(settings))

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
        await until(lambda: has_documents(database, 1))

    assert await database.readings.distinct("schema_version") == [0]


async def test_an_undecodable_record_of_the_invalid_topic_is_stored_as_it_is(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    sent = await producer.send_and_wait(topics.INVALID.name, b"nonsense", partition=0)

    async with running(settings):
        await until(lambda: database.invalid.find_one({}))
        await until(lambda: caught_up(settings))

    [invalid] = await database.invalid.find().to_list(None)
    assert (invalid["_id"], invalid["payload"]) == (f"telemetry.invalid.v1:0:{sent.offset}", b"nonsense")


async def test_a_refused_record_of_the_invalid_topic_does_not_go_round(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await database.create_collection("invalid", validator={"never": True})
    sent = await producer.send_and_wait(topics.INVALID.name, b"nonsense", partition=0)

    async with running(settings):
        await until(lambda: caught_up(settings))

    following = await producer.send_and_wait(topics.INVALID.name, b"after", partition=0)
    assert following.offset == sent.offset + 1
