"""Kafka against MongoDB where documents have expired: packed hours hold their readings."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.packed.hours import add_readings, note_expired
from iss_agents.archive.reading_id import forms_of
from iss_agents.archive.rollups.hours import hour_of
from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import Span
from iss_agents.telemetry.records import Reading, new_reading
from iss_agents.tools.verification import mongo
from iss_agents.tools.verification.report import Difference, Kind
from tests.archive.packed.stored import stored
from tests.tools.verification.spans import new_span
from tests.tools.verification.test_mongo import ITEMS, WINDOW, compared, publish

COUNT = 200

SECOND = timedelta(seconds=1)


def reading(span: Span, number: int, measured: timedelta | None = None) -> Reading:
    """Return a reading that comes in so many seconds after the start, half a second after it was measured."""
    came = span.start + number * SECOND
    time = came - SECOND / 2 if measured is None else span.start + measured
    return new_reading(ITEMS[number % 3], time, f"{number}", ingest_ts=came, source="simulated")


@pytest.fixture
def span() -> Span:
    return new_span(COUNT)


@pytest.fixture
def readings(span: Span) -> list[Reading]:
    return [reading(span, number) for number in range(COUNT)]


async def pack(database: Database, span: Span, readings: Sequence[Reading]) -> None:
    """Pack readings whose documents have expired."""
    hours = defaultdict[object, list[Document]](list)
    for offset, each in enumerate(readings):
        hours[hour_of(document := stored(each, offset))].append(document)
    for documents in hours.values():
        await add_readings(database, hour_of(documents[0]), documents)
    await note_expired(database, span.end)


async def insert(database: Database, readings: Sequence[Reading]) -> None:
    await database.readings.insert_many([stored(each, offset) for offset, each in enumerate(readings)])


def differences(kind: Kind, *readings: Reading) -> set[Difference]:
    return {Difference(kind, "readings", each.event_id) for each in readings}


async def test_expired_documents_are_packed_readings_and_what_is_nowhere_is_missing(
    settings: Settings, database: Database, producer: AIOKafkaProducer, span: Span, readings: list[Reading]
) -> None:
    chance = random.Random(3)
    early = reading(span, 150, measured=-timedelta(days=40))
    ahead = reading(span, 10, measured=150 * SECOND)
    lacking, *there = chance.sample([*readings, early, ahead], COUNT + 2)
    alien = new_reading("S4000001", span.start, "x", ingest_ts=span.start + SECOND, source="test")
    outside = reading(span, COUNT + 5, measured=SECOND)
    late, packed = there[:10], there[10:]
    await publish(producer, [*(each for each in [*readings, early, ahead] if each not in late), *late])
    # Some are both, and some are only documents.
    await pack(database, span, [*packed[50:], *late, alien, outside])
    await insert(database, packed[:120])

    report = await compared(settings, database, span)

    assert report.differences == differences("missing", lacking) | differences("unexpected", alien)
    assert report.checked["readings"] == COUNT + 2


async def test_no_more_than_a_window_of_packed_readings_is_held(
    settings: Settings,
    database: Database,
    producer: AIOKafkaProducer,
    span: Span,
    readings: list[Reading],
    monkeypatch: pytest.MonkeyPatch,
    held: list[int],
) -> None:
    monkeypatch.setattr(mongo, "WINDOW", WINDOW)
    await publish(producer, readings)
    await pack(database, span, readings)
    report = await compared(settings, database, span)

    assert report.differences == set()
    assert len(held) > COUNT / WINDOW / 3
    assert max(held) < 3 * WINDOW


async def test_a_packed_reading_and_its_document_of_either_form_are_one(
    settings: Settings, database: Database, producer: AIOKafkaProducer, span: Span, readings: list[Reading]
) -> None:
    some = readings[1:31]
    await publish(producer, some)
    await pack(database, span, some)
    old = [forms_of(each.source_ts, each.event_id)[1] for each in some[:20]]
    documents = [stored(each, offset) for offset, each in enumerate(some)]
    await database.readings.insert_many(
        [{**document, "_id": name} for document, name in zip(documents, old, strict=False)]
    )
    await database.readings.insert_many(documents[10:])

    report = await compared(settings, database, span)

    assert report.differences == differences("unexpected", *some[10:20])


async def test_readings_of_a_time_of_which_all_are_documents_must_be_documents(
    settings: Settings, database: Database, producer: AIOKafkaProducer, span: Span, readings: list[Reading]
) -> None:
    await publish(producer, readings[1:4])
    await pack(database, Span(span.start, readings[2].source_ts), readings[:4])

    report = await compared(settings, database, span)

    assert report.differences == differences("missing", *readings[2:4])
