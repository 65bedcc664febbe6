"""Kafka against MongoDB, a window of readings after another."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import Committed, Span, open_reader
from iss_agents.telemetry.records import Reading, encode, new_reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import RAW, partition_for
from iss_agents.tools.verification import mongo
from iss_agents.tools.verification.mongo import Comparison
from iss_agents.tools.verification.report import Difference, Report
from tests.tools.verification.spans import new_span
from tests.web.archived import store

COUNT = 300
WINDOW = 50
ITEMS = ("NODE3000005", "USLAB000058", "AIRLOCK000049")


@pytest.fixture
def span() -> Span:
    return new_span(COUNT)


@pytest.fixture
def readings(span: Span) -> list[Reading]:
    return [
        new_reading(
            ITEMS[n % 3], span.start, str(n), ingest_ts=span.start + timedelta(seconds=n), source="simulated"
        )
        for n in range(COUNT)
    ]


async def publish(producer: AIOKafkaProducer, readings: Sequence[Reading]) -> None:
    for reading in readings:
        place = {"partition": partition_for(reading.item_id), "timestamp_ms": milliseconds(reading.ingest_ts)}
        await producer.send(RAW.name, encode(reading), **place)
    await producer.flush()


async def compared(settings: Settings, database: Database, span: Span) -> Report:
    report = Report()
    async with open_reader(settings) as reader:
        everything = Committed(await reader.end_offsets(RAW))
        await Comparison(reader, database, span, everything, report).compare_readings()
    return report


async def test_what_came_late_or_twice_is_no_difference_and_what_lacks_or_is_too_much_is(
    settings: Settings,
    database: Database,
    producer: AIOKafkaProducer,
    span: Span,
    readings: list[Reading],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "WINDOW", WINDOW)
    monkeypatch.setattr(mongo, "WANTED", 10)
    late, once = readings[100:120], readings[:100] + readings[120:]
    await publish(producer, [*once, *late, *readings[300:310]])
    alien = new_reading("S4000001", span.start, "x", ingest_ts=span.start, source="simulated")
    await store(settings, RAW, [*readings[1:-1], alien])

    report = await compared(settings, database, span)

    lacking = (readings[0], readings[-1])
    expected = {Difference("missing", "readings", each.event_id) for each in lacking}
    assert report.differences == expected | {Difference("unexpected", "readings", alien.event_id)}
    # What comes twice in one fetch is counted once.
    assert COUNT <= report.checked["readings"] <= COUNT + 10


async def test_no_more_than_a_window_is_held(
    settings: Settings,
    database: Database,
    producer: AIOKafkaProducer,
    span: Span,
    readings: list[Reading],
    monkeypatch: pytest.MonkeyPatch,
    held: list[int],
) -> None:
    monkeypatch.setattr(mongo, "WINDOW", WINDOW)
    monkeypatch.setattr(mongo, "WANTED", 10)
    await publish(producer, readings)
    await store(settings, RAW, readings)
    report = await compared(settings, database, span)

    assert report.differences == set()
    # The last window may be of less; how many a question brings beyond is up to the database.
    assert len(held) > COUNT / WINDOW / 3
    assert max(held) < 3 * WINDOW


async def test_either_form_of_a_reading_will_do_and_both_are_one_too_many(
    settings: Settings, database: Database, producer: AIOKafkaProducer, span: Span, readings: list[Reading]
) -> None:
    await publish(producer, readings[:40])
    await store(settings, RAW, readings[:30])
    fields = {"item_id": ITEMS[0], "source_ts": span.start}
    # As a worker of an earlier version stores them, which still runs: 20 of them a second time.
    await database.readings.insert_many(
        [{"_id": one.event_id, "ingest_ts": one.ingest_ts, **fields} for one in readings[10:40]]
    )

    report = await compared(settings, database, span)

    expected = {Difference("unexpected", "readings", one.event_id) for one in readings[10:30]}
    assert report.differences == expected
