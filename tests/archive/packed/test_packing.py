"""Every reading of a closed hour is packed before its rollup counts it, and nothing packed is forgotten."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, connect
from iss_agents.archive.packed import backfill as packing
from iss_agents.archive.packed.hours import PACKED_HOURS, add_readings, unpacked
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import Hour
from iss_agents.archive.rollups.job import compute_or_postpone, compute_rollup
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.answering import Command, answering
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    TODAY,
    asked,
    folded,
    reading,
    rounded,
    some_readings,
    store,
    summarise_all,
)


async def packed(database: Database) -> list[Document]:
    """Return every packed reading, hour by hour."""
    hours = await database[PACKED_HOURS].find({"hour": {"$exists": True}}).sort("_id", 1).to_list(None)
    assert [hour["count"] for hour in hours] == [len(unpacked(hour)) for hour in hours]
    return [document for hour in hours for document in unpacked(hour).documents()]


def in_order(documents: Sequence[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: Position.of(document, "source_ts"))


async def counts(database: Database) -> list[int]:
    return [hour["count"] for hour in await database.summaries.find({}).sort("hour", 1).to_list(None)]


async def test_every_reading_of_a_closed_hour_is_packed_in_order(database: Database) -> None:
    documents = some_readings(random.Random(1), 200)
    await store(database, documents)
    await summarise_all(database)

    closed = [each for each in documents if each["sequence"] < TODAY // HOUR * HOUR]
    assert await packed(database) == in_order(closed)


async def test_readings_that_come_when_all_others_have_expired_are_added_and_none_is_forgotten(
    database: Database,
) -> None:
    documents = [reading(FIRST + second * 1000, "10", f"{second:03}", offset=second) for second in range(60)]
    late = [reading(FIRST + second * 1000 + 1, "99", f"late {second}") for second in range(61)]
    await store(database, documents)
    await summarise_all(database)
    await database.readings.delete_many({})

    # Some of the late ones are those that are there already.
    for some in (late[:30], [*late[30:], *documents[:5]]):
        await store(database, some)
        await summarise_all(database)
        await database.readings.delete_many({})

    assert await packed(database) == in_order([*documents, *late])
    found = await asked(database, FIRST, FIRST + HOUR, MINUTE)
    assert rounded(found) == rounded(folded([*documents, *late], FIRST, FIRST + HOUR, MINUTE))


async def test_a_reading_that_is_corrected_replaces_the_packed_one(database: Database) -> None:
    await store(database, [reading(FIRST, "1", "a"), reading(FIRST + 1, "99", "b")])
    await summarise_all(database)
    await database.readings.delete_many({})
    await store(database, [reading(FIRST + 1, "99", "b", suspect="frozen")])
    await summarise_all(database)

    assert [each.get("suspect") for each in await packed(database)] == [None, "frozen"]
    assert await counts(database) == [1]


@pytest.mark.parametrize("write", [("insert", PACKED_HOURS), ("update", "summaries")], ids=["pack", "roll up"])
async def test_a_job_that_ends_at_any_step_is_done_again_without_loss_or_repetition(
    database: Database, settings: Settings, write: tuple[str, str]
) -> None:
    name, collection = write

    async def answer(command: Command) -> Document | None:
        if command.fields.get(name) != collection:
            return None
        return {
            "ok": 0.0,
            "errmsg": "interrupted at shutdown",
            "code": 11600,
            "codeName": "InterruptedAtShutdown",
        }

    documents = some_readings(random.Random(2), 40)
    await store(database, documents)
    [first, *_] = await stale_hours(database, NOW)
    async with answering(settings.mongo_url.get_secret_value(), answer) as url:
        proxied = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        with pytest.raises(DatabaseUnavailableError):
            await compute_rollup(proxied, first)
        proxied.client.close()

    assert first["_id"] in {hour["_id"] for hour in await stale_hours(database, NOW)}
    await summarise_all(database)
    closed = [each for each in documents if each["sequence"] < TODAY // HOUR * HOUR]
    assert await packed(database) == in_order(closed)
    assert rounded(await asked(database, FIRST, TODAY, DAY)) == rounded(folded(documents, FIRST, TODAY, DAY))


async def test_jobs_that_pack_one_hour_at_once_lose_nothing(database: Database) -> None:
    documents = [reading(FIRST + second, f"{second}", f"{second:03}") for second in range(40)]
    hour = Hour(ITEM, FIRST)

    await asyncio.gather(
        *(add_readings(database, hour, documents[begin : begin + 10]) for begin in range(0, 40, 5))
    )

    assert await packed(database) == documents


async def test_test_readings_are_packed_apart(database: Database) -> None:
    feed, test = reading(FIRST, "1", "a"), reading(FIRST, "2", "b", source="test")
    await store(database, [feed, test])
    await summarise_all(database)

    hours = (
        await database[PACKED_HOURS].find({"hour": from_milliseconds(FIRST)}).sort("item_id", 1).to_list(None)
    )
    assert [[*unpacked(hour).documents()] for hour in hours] == [[feed], [test]]
    assert [hour["item_id"] for hour in hours] == [ITEM, f"test|{ITEM}"]


async def test_damaged_bytes_are_told_and_hold_up_no_other_hour(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    documents = [reading(FIRST + number * HOUR, "1", f"{number}") for number in range(3)]
    await store(database, documents)
    await summarise_all(database)
    await database[PACKED_HOURS].update_one(
        {"hour": from_milliseconds(FIRST)}, {"$set": {"readings": b"\x01 nothing that was ever packed"}}
    )
    await store(database, [reading(FIRST + number * HOUR + 1, "2", f"late {number}") for number in range(3)])

    done = [await compute_or_postpone(database, hour) for hour in await stale_hours(database, NOW)]

    assert sorted(done) == [False, True, True]
    assert "is damaged: its bytes are not those that were stored: restore it from a backup" in caplog.text


async def test_hours_that_were_rolled_up_before_are_packed_and_not_marked(database: Database) -> None:
    documents = some_readings(random.Random(3), 60)
    documents += [reading(FIRST - 40 * DAY + second, "7", f"late {second}") for second in range(3)]
    test = reading(FIRST, "2", "test", source="test")
    await store(database, [*documents, test])
    await summarise_all(database)
    await database[PACKED_HOURS].delete_many({})
    before = await database.summaries.find({}).sort("_id", 1).to_list(None)

    await packing.begin(database, NOW)
    while due := await packing.next_hours(database, NOW):
        # A job that ends before it has noted how far it came packs the hour again.
        for hour in due.rollups * 2:
            await packing.pack(database, hour)
        await packing.reached(database, due.rollups[0]["hour"] + timedelta(hours=1), due.end)

    closed = [each for each in documents if each["sequence"] < TODAY // HOUR * HOUR]
    assert in_order(await packed(database)) == in_order([*closed, test])
    assert await database.summaries.find({}).sort("_id", 1).to_list(None) == before
    revisions = await database[PACKED_HOURS].distinct("revision")
    assert revisions == [1]


async def pack_all(database: Database, now: datetime) -> None:
    while due := await packing.next_hours(database, now):
        for hour in due.rollups:
            await packing.pack(database, hour)
        await packing.reached(database, due.rollups[0]["hour"] + timedelta(hours=1), due.end)


async def test_what_an_earlier_version_rolls_up_after_the_backfill_is_packed_a_day_later(
    database: Database,
) -> None:
    documents = [reading(FIRST, "1", "a reading")]
    await packing.begin(database, from_milliseconds(FIRST))
    await pack_all(database, NOW)
    await store(database, documents)
    await summarise_all(database)
    await database[PACKED_HOURS].delete_many({"hour": {"$exists": True}})

    await pack_all(database, from_milliseconds(FIRST) + packing.OVERLAP / 2)
    assert await packed(database) == []
    for _ in range(3):
        await pack_all(database, from_milliseconds(FIRST) + packing.OVERLAP)
    assert in_order(await packed(database)) == documents
    assert await packing.next_hours(database, NOW + 2 * packing.OVERLAP) is None


async def test_a_backfill_that_begins_again_is_not_ended_by_the_one_before(database: Database) -> None:
    documents = [reading(FIRST + number * HOUR, "1", f"{number}") for number in range(2)]
    await store(database, documents)
    await summarise_all(database)
    await database[PACKED_HOURS].delete_many({})
    await packing.begin(database, NOW)
    before = await packing.next_hours(database, NOW)
    assert before

    await packing.begin_again(database, NOW + timedelta(seconds=1))
    await packing.reached(database, NOW, before.end)
    await pack_all(database, NOW)

    assert in_order(await packed(database)) == documents


async def test_a_rollup_with_minutes_that_are_not_packed_does_not_count_what_is(database: Database) -> None:
    early = [reading(FIRST + second, "1", f"{second}") for second in range(3)]
    await store(database, early)
    await summarise_all(database)
    await database.readings.delete_many({})
    await database[PACKED_HOURS].delete_many({"hour": {"$exists": True}})
    for number in range(4):
        await store(database, [reading(FIRST + MINUTE + number, "2", f"late {number}")])
        await summarise_all(database)

    assert await counts(database) == [7]
