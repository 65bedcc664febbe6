"""What is invalid is listed once, and sent again after a fix, as often as anyone likes."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from click.testing import CliRunner

from iss_agents.archive.sink import DeadLetters, Rejection
from iss_agents.cli.main import commands
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.feed.dead_letters import invalid_update
from iss_agents.feed.decode import InvalidUpdateError
from iss_agents.feed.producer_record import outgoing_invalid
from iss_agents.kafka import clients
from iss_agents.kafka.reader import Span
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.streaming.decoding import readings_of
from iss_agents.streaming.outputs import Outputs
from iss_agents.telemetry.dead_letter import RETRIED, dead_letter_id
from iss_agents.telemetry.records import SCHEMA_VERSION, Reading, encode
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.telemetry.topics import INVALID, RAW, partition_for
from iss_agents.tools.dead_letters.service import Inspected, inspect
from tests.factories import reading_of
from tests.feed.factory import update

ITEM = "NODE3000005"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def settings(kafka_url: str) -> Settings:
    await provision_topics(Settings(kafka_url=kafka_url))
    return Settings(kafka_url=kafka_url)


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers) as producer:
        yield producer


@pytest.fixture
def span() -> Span:
    """From now on: other tests use the same topic."""
    return Span(datetime.now(UTC))


def reading(value: str) -> Reading:
    return reading_of(ITEM, value, NOW, ingest_ts=NOW, source="test")


async def broken(settings: Settings, producer: AIOKafkaProducer, value: bytes) -> Any:
    """Send a broken message, let both stages meet it, and return it."""
    sent = await producer.send_and_wait(RAW.name, value, partition=3)
    message = await at(settings, 3, sent.offset)
    outputs, dead_letters = Outputs(settings), DeadLetters(settings)
    await dead_letters.start()
    async with outputs:
        assert await readings_of([message], outputs) == []
        await dead_letters.send(Rejection(message, "undecodable", "broken"))
    await dead_letters.stop()
    return message


async def at(settings: Settings, partition: int, offset: int) -> Any:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers)
    tp = TopicPartition(RAW.name, partition)
    consumer.assign([tp])
    async with consumer:
        consumer.seek(tp, offset)
        return await consumer.getone()


async def newest(settings: Settings) -> Any:
    """Return the newest raw message of the item."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers)
    tp = TopicPartition(RAW.name, partition_for(ITEM))
    consumer.assign([tp])
    async with consumer:
        ends = await consumer.end_offsets([tp])
        consumer.seek(tp, ends[tp] - 1)
        return await consumer.getone()


async def look(settings: Settings, span: Span, *, retry: bool = False) -> list[Inspected]:
    return [one async for one in inspect(settings, span, retry=retry)]


async def test_what_two_stages_meet_is_listed_once_with_its_place_and_payload(
    settings: Settings, producer: AIOKafkaProducer, span: Span
) -> None:
    message = await broken(settings, producer, b"\xff no reading")

    [one] = await look(settings, span)
    assert one.dead_letter.invalid_id == dead_letter_id(message)
    assert one.dead_letter.place == f"telemetry.raw.v1:3:{message.offset}"
    assert (one.dead_letter.stage, one.dead_letter.reason) == ("agents", "undecodable")
    assert (one.dead_letter.payload, one.outcome) == (b"\xff no reading", "kept")


async def test_what_is_still_invalid_is_not_sent_and_says_why(
    settings: Settings, producer: AIOKafkaProducer, span: Span
) -> None:
    newer = msgspec.structs.replace(reading("1"), schema_version=SCHEMA_VERSION + 1)
    await broken(settings, producer, b"{}")
    await broken(settings, producer, encode(newer))
    before = await newest_offset(settings)

    outcomes = [(one.outcome, one.why) for one in await look(settings, span, retry=True)]
    assert outcomes == [
        ("still invalid", "Object missing required field `schema_version`"),
        ("still invalid", f"schema_version is {SCHEMA_VERSION + 1}, at most {SCHEMA_VERSION} is known"),
    ]
    assert await newest_offset(settings) == before


async def newest_offset(settings: Settings) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers)
    tp = TopicPartition(RAW.name, partition_for(ITEM))
    async with consumer:
        return int((await consumer.end_offsets([tp]))[tp])


@pytest.mark.parametrize("version", [SCHEMA_VERSION, SCHEMA_VERSION - 1])
async def test_a_reading_that_the_database_refused_is_sent_again_to_its_partition_with_its_id(
    settings: Settings, producer: AIOKafkaProducer, span: Span, version: int
) -> None:
    whole = msgspec.structs.replace(reading("2"), schema_version=version)
    sent = await producer.send_and_wait(RAW.name, encode(whole), partition=partition_for(ITEM))
    message = await at(settings, partition_for(ITEM), sent.offset)
    dead_letters = DeadLetters(settings)
    await dead_letters.start()
    await dead_letters.send(Rejection(message, "refused", "121: Document failed validation"))

    [one] = await look(settings, span, retry=True)
    again = await newest(settings)
    assert (one.outcome, again.offset) == ("sent again", sent.offset + 1)
    assert (again.key, again.value) == (ITEM.encode(), encode(whole))
    assert again.headers == ((RETRIED, dead_letter_id(message).encode()),)

    # Refused once more it is the same thing, and sent again once.
    await dead_letters.send(Rejection(again, "refused", "121: Document failed validation"))
    await dead_letters.stop()
    [once_more] = await look(settings, span, retry=True)
    assert once_more.dead_letter.invalid_id == one.dead_letter.invalid_id
    assert (await newest(settings)).offset == sent.offset + 2


async def test_an_update_of_the_feed_becomes_the_reading_that_it_should_have_been(
    settings: Settings, producer: AIOKafkaProducer, span: Span
) -> None:
    came = update(Value="41")
    out = outgoing_invalid(
        invalid_update(came, InvalidUpdateError("unknown_item", "not known then"), "simulated")
    )
    for _ in range(2):
        await producer.send_and_wait(out.topic, out.value, out.key, out.partition)

    [one] = await look(settings, span, retry=True)
    again = msgspec.json.decode((await newest(settings)).value, type=Reading)
    assert (one.dead_letter.place, one.outcome) == (f"the feed's {ITEM}", "sent again")
    assert (again.value, again.source, again.ingest_ts) == ("41", "simulated", came.arrival)


@pytest.mark.parametrize("error", [timedelta(days=3), timedelta(days=365), timedelta(days=-300)])
async def test_what_came_while_our_clock_was_wrong_gets_its_year_when_it_is_right(
    settings: Settings, producer: AIOKafkaProducer, span: Span, error: timedelta
) -> None:
    measured = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    came = update(TimeStamp=repr(station_hours(measured)), Value="41")._replace(arrival=measured + error)
    for each in (came, came._replace(snapshot=True)):
        reason = InvalidUpdateError("clocks_disagree", "the clocks disagree")
        out = outgoing_invalid(invalid_update(each, reason, "simulated"))
        await producer.send_and_wait(out.topic, out.value, out.key, out.partition)

    live, remembered = await look(settings, span, retry=True)
    again = msgspec.json.decode((await newest(settings)).value, type=Reading)
    assert (live.outcome, again.source_ts) == ("sent again", measured)
    assert remembered.outcome == "still invalid"


@pytest.mark.parametrize(
    ("value", "reason"), [(b"nonsense", "undecodable"), (b'{"schema_version": 2}', "newer_schema")]
)
async def test_what_is_no_record_of_the_invalid_topic_is_listed_as_it_is(
    settings: Settings, producer: AIOKafkaProducer, span: Span, value: bytes, reason: str
) -> None:
    sent = await producer.send_and_wait(INVALID.name, value, partition=0)

    [one] = await look(settings, span, retry=True)
    assert one.dead_letter.place == f"telemetry.invalid.v1:0:{sent.offset}"
    assert (one.dead_letter.reason, one.dead_letter.payload, one.outcome) == (reason, value, "still invalid")


async def test_the_command_counts_first_and_prints_json(
    settings: Settings, producer: AIOKafkaProducer, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISS_KAFKA_URL", settings.kafka_url)
    message = await broken(settings, producer, b"x" * 1000)
    start = ["invalid", "--from", span.start.isoformat()]
    told, as_json = [
        await asyncio.to_thread(CliRunner().invoke, commands, [*start, *more]) for more in ([], ["--json"])
    ]

    assert told.stdout.splitlines()[0].split() == ["1", "agents", "undecodable,", "kept"]
    assert f"telemetry.raw.v1:3:{message.offset}" in told.stdout
    document = json.loads(as_json.stdout)
    assert document["counts"] == [{"stage": "agents", "reason": "undecodable", "outcome": "kept", "count": 1}]
    [row] = document["invalid"]
    assert (row["payload"], row["bytes"]) == ("x" * 80 + "…", 1000)


def test_kafka_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_KAFKA_URL", "127.0.0.1:1")
    result = CliRunner().invoke(commands, ["invalid"])

    assert "Kafka cannot be used at 127.0.0.1:1" in str(result.exception)


async def test_nothing_is_listed_of_another_span(settings: Settings, producer: AIOKafkaProducer) -> None:
    await broken(settings, producer, b"now")

    assert await look(settings, Span(NOW - timedelta(hours=2), NOW - timedelta(hours=1))) == []


async def test_kafka_that_goes_away_midway_is_an_error_in_time(
    settings: Settings, producer: AIOKafkaProducer, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broken(settings, producer, b"never read")
    monkeypatch.setattr(clients, "ANSWER_SECONDS", 0.5)

    async def nothing(*_arguments: Any, **_options: Any) -> dict[Any, Any]:
        await asyncio.sleep(0.05)
        return {}

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", nothing)

    with pytest.raises(UserError, match=r"cannot be used at .* \(KafkaTimeoutError: no answer within 0\.5 s\)"):
        await look(settings, span)
