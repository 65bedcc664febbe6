"""Readings of earlier versions and of today in one collection: each is there once, and seen alike."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.archive.bulk_write import write
from iss_agents.archive.compression import create_readings
from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.queries.history import History
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.hours import SUMMARIES, hours_of, mark
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.value_before import value_before
from iss_agents.archive.text_ids import MARK, OVERLAP, not_stored, note_text_ids, text_ids_until
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Reading, encode
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import RAW
from tests.archive.answering import Command
from tests.archive.kafka import NOON, lag, numbered_readings, publish, running
from tests.archive.stored import counted
from tests.archive.test_index_builder import behind
from tests.waiting import until
from tests.web.archived import ArchivedMessage

ITEM = "NODE3000005"


def today(reading: Reading, offset: int = 0) -> Document:
    """Return the document of this version."""
    return READINGS.document(ArchivedMessage(RAW.name, 0, offset, 0, encode(reading)))


def with_text_id(reading: Reading, offset: int = 0) -> Document:
    return {**today(reading, offset), "_id": reading.event_id}


async def mixed(database: Database, readings: list[Reading]) -> None:
    """Store every second reading as earlier versions did, and the others as today."""
    forms = (with_text_id, today)
    documents = [forms[number % 2](reading, number) for number, reading in enumerate(readings)]
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), NOON)


async def stored(database: Database) -> list[str]:
    return [event_id_of(document) async for document in database.readings.find()]


async def test_what_an_earlier_version_stored_is_not_stored_again_when_it_is_read_again(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    readings = numbered_readings(250)
    await database.readings.insert_many([with_text_id(reading) for reading in readings[:200]])
    before = counted(RAW, "stored"), counted(RAW, "duplicate")
    await publish(producer, [*readings, *readings[:10]])

    async with running(settings):
        await until(lambda: _caught_up(settings))

    names = await stored(database)
    assert sorted(names) == sorted(reading.event_id for reading in readings)
    assert await database.readings.count_documents({"_id": {"$type": "string"}}) == 200
    after = counted(RAW, "stored"), counted(RAW, "duplicate")
    assert (after[0] - before[0], after[1] - before[1]) == (50, 210)


async def _caught_up(settings: Settings) -> bool:
    return await lag(settings) == 0


async def test_a_worker_of_an_earlier_version_that_still_runs_stores_nothing_that_is_then_stored_twice(
    database: Database,
) -> None:
    readings = numbered_readings(3)
    await database.readings.insert_one(with_text_id(readings[0]))
    since = await note_text_ids(database, datetime.now(UTC))
    await database.readings.insert_one(with_text_id(readings[1]))
    documents = [today(reading) for reading in readings]

    left = await not_stored(database, documents, since)
    await write(database, "readings", [documents[index] for index in left], READINGS.operation)

    assert left == [2]
    assert sorted(await stored(database)) == sorted(reading.event_id for reading in readings)


async def test_only_readings_that_an_earlier_version_may_have_stored_are_looked_up(database: Database) -> None:
    reading = numbered_readings(1)[0]
    document, later = today(reading), reading.ingest_ts + timedelta(milliseconds=1)
    await database.readings.insert_one(with_text_id(reading))

    assert await not_stored(database, [document], None) == [0]
    assert await not_stored(database, [document], reading.ingest_ts) == [0]
    assert await not_stored(database, [document, document], later) == []
    assert await not_stored(database, [{**document, "ingest_ts": "?"}], later) == []


async def test_when_a_database_first_met_this_version_is_noted_once_and_only_if_it_has_old_readings(
    database: Database,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    readings = numbered_readings(2)

    assert await note_text_ids(database, now) is None
    await database.readings.insert_one(today(readings[0]))
    assert await note_text_ids(database, now) is None
    await database.readings.delete_many({})
    await database.readings.insert_one(with_text_id(readings[0]))
    assert await text_ids_until(database) is None
    assert await note_text_ids(database, now) == now + OVERLAP
    assert await note_text_ids(database, now + OVERLAP) == now + OVERLAP
    await database.readings.delete_many({})
    assert await text_ids_until(database) == now + OVERLAP
    assert await database[SUMMARIES].count_documents({"_id": MARK}) == 1


async def test_pages_and_their_cursors_lead_through_both_forms_without_a_seam(
    settings: Settings, database: Database
) -> None:
    readings = numbered_readings(60)
    await mixed(database, readings)
    history = History(settings.model_copy(update={"source": "simulated"}))
    try:
        names, cursor = list[str](), None
        while True:
            page = await history.readings.page([ITEM], NOON, NOON + timedelta(hours=1), 7, cursor, "simulated")
            names += map(event_id_of, page.documents)
            cursor = page.next_cursor
            if cursor is None:
                break
    finally:
        history.close()

    assert names == [reading.event_id for reading in readings]


async def test_a_rollup_of_both_forms_counts_each_reading_once_also_after_they_were_restored_in_the_other(
    database: Database,
) -> None:
    readings = numbered_readings(120)
    await mixed(database, readings)
    await rolled_up(database)
    first = await hour_of(database)
    # Half of them have expired, and the other half was restored under new ids.
    await database.readings.delete_many({})
    await database.readings.insert_many([today(reading) for reading in readings[:60]])
    await mark(database, hours_of([today(readings[0])]), NOON)
    await rolled_up(database)

    again = await hour_of(database)
    assert (first["count"], again["count"]) == (120, 120)
    assert again["sum"] == first["sum"] == sum(range(120))


async def test_the_checksums_that_earlier_versions_stored_are_those_of_today(database: Database) -> None:
    readings = numbered_readings(60)
    # Hours that are packed for ever store no checksums.
    await database.packed_hours.create_index("hour", expireAfterSeconds=30 * 86_400)
    await database.readings.insert_many([with_text_id(reading) for reading in readings])
    await mark(database, hours_of([today(readings[0])]), NOON)
    await rolled_up(database)
    old = await hour_of(database)
    await database.readings.delete_many({})
    await database.readings.insert_many([today(reading) for reading in readings])
    await mark(database, hours_of([today(readings[0])]), NOON)
    await rolled_up(database)

    assert sorted((await hour_of(database))["minutes"]["ids"]) == sorted(old["minutes"]["ids"])


async def rolled_up(database: Database) -> None:
    assert await compute_rollup(database, await hour_of(database))


async def hour_of(database: Database) -> Document:
    hour = await database[SUMMARIES].find_one({"item_id": ITEM})
    assert hour
    return hour


@pytest.mark.parametrize("last_is_old", [True, False])
async def test_the_value_before_is_that_of_the_last_reading_in_either_form(
    database: Database, *, last_is_old: bool
) -> None:
    readings = numbered_readings(5 if last_is_old else 4)
    await mixed(database, readings)

    held = await value_before(database, ITEM, "simulated", milliseconds(NOON) + 30_000, 5_000)

    assert held
    assert held.value == readings[-1].value


async def test_new_readings_are_stored_with_zstd(database: Database) -> None:
    await create_readings(database)
    await create_readings(database)

    [found] = await (await database.list_collections()).to_list(None)
    assert "zstd" in str(found["options"]["storageEngine"])


async def test_a_server_that_refuses_zstd_is_stored_in_too(
    settings: Settings, database: Database, producer: AIOKafkaProducer, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[str] = []

    async def answer(command: Command) -> dict[str, Any] | None:
        if command.name == "create":
            refused.append(command.fields["create"])
            return {"ok": 0.0, "errmsg": "unknown compressor", "code": 2, "codeName": "BadValue"}
        return None

    caplog.set_level(logging.WARNING, "iss_agents")
    async with behind(settings, answer) as proxied, running(proxied):
        await publish(producer, numbered_readings(5))
        await until(lambda: _caught_up(settings))

    assert refused == ["readings"]
    assert caplog.text == ""
    assert await database.readings.count_documents({}) == 5
    assert "source_ts_1" in await database.readings.index_information()
