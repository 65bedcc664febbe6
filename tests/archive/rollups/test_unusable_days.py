"""A day that somebody has edited, that is damaged, or that is of an earlier version."""

import cramjam
import msgspec
import pytest

from iss_agents.archive.checksum import without_checksum
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.day_hours import encoded
from iss_agents.archive.rollups.days import DAYS
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.rollups.five_days import DAYS_THERE, FIRST, answers, counts, three_readings_a_day, used_days
from tests.archive.rollups.two_days import ITEM, reading, store, summarise_all


@pytest.mark.parametrize("edit", [{"integral": 5}, {"last": None, "gaps": "none"}, {"lost": True}])
async def test_the_hours_answer_for_a_day_that_somebody_has_edited(database: Database, edit: Document) -> None:
    question = await three_readings_a_day(database)
    await database[DAYS].update_one({"day": from_milliseconds(FIRST)}, {"$set": edit})

    assert await used_days(database, question) == DAYS_THERE - 1
    assert await counts(database, question) == [3] * DAYS_THERE


@pytest.mark.parametrize("hours", [b"damaged", "none", None, encoded([], 1)])
async def test_the_hours_answer_for_a_day_whose_hours_cannot_be_read(database: Database, hours: object) -> None:
    question = (await three_readings_a_day(database))._replace(width=HOUR)
    await database[DAYS].update_one({"day": from_milliseconds(FIRST)}, {"$set": {"hours": hours}})

    assert await used_days(database, question) == DAYS_THERE - 1
    assert sum(await counts(database, question)) == 3 * DAYS_THERE


async def test_hours_that_an_earlier_version_stored_as_fields_answer_too(database: Database) -> None:
    question = (await three_readings_a_day(database))._replace(width=HOUR)
    with_binaries = await answers(database, [question])
    async for day in database[DAYS].find({"item_id": ITEM}):
        fields = msgspec.msgpack.decode(cramjam.zstd.decompress(without_checksum(day["hours"])))
        await database[DAYS].update_one({"_id": day["_id"]}, {"$set": {"hours": fields}})

    assert await used_days(database, question) == DAYS_THERE
    assert await answers(database, [question]) == with_binaries


async def test_a_day_that_cannot_be_marked_is_removed(database: Database) -> None:
    question = await three_readings_a_day(database)
    await database[DAYS].update_one({"day": from_milliseconds(FIRST)}, {"$set": {"marks": "many"}})
    await store(database, [reading(FIRST + 1, "2", "late")])
    await summarise_all(database)

    assert await counts(database, question) == [4, *[3] * (DAYS_THERE - 1)]
    assert await database[DAYS].count_documents({"item_id": ITEM}) == DAYS_THERE - 1
