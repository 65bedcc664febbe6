"""Hours outlive their readings: nothing that was summarised is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, SECOND
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import Hour, hours_of, mark, summary_of
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.query import answer
from iss_agents.archive.rollups.reading_checksums import drop_ids
from iss_agents.archive.rollups.segments import Question
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from tests.archive.expiry import let_packed_hours_expire, let_readings_expire
from tests.archive.packed.conftest import database, settings
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    asked,
    folded,
    reading,
    rounded,
    store,
    summarise_all,
)

__all__ = ["database", "settings"]

ONE_DAY = timedelta(days=1)
MONTH = 30 * ONE_DAY
DOCUMENTS = [
    reading(FIRST + number * 20 * SECOND, f"{number}", f"{number:03}")
    for number in range(3 * HOUR // (20 * SECOND))
]
"""Readings of three hours, three a minute."""


@pytest.fixture(autouse=True)
async def hours_are_known(database: Database) -> None:
    await backfill.begin(database, NOW)


async def expire(database: Database, before: int) -> None:
    """Remove the readings before a time, as MongoDB does in its own time."""
    await database.readings.delete_many({"sequence": {"$lt": before}})


@pytest.mark.parametrize("expired", [30 * MINUTE, 90 * MINUTE, 3 * HOUR])
async def test_late_readings_add_to_what_has_expired_and_replace_nothing(
    database: Database, expired: int
) -> None:
    late = [reading(FIRST + minute * MINUTE + 1, "7", f"late {minute}") for minute in (185, 200)]
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + expired)
    await store(database, late)
    await mark(database, hours_of(DOCUMENTS), NOW - timedelta(days=1))

    for width in (MINUTE, 5 * MINUTE, HOUR, DAY):
        while_stale = await asked(database, FIRST, FIRST + DAY, width)
        assert rounded(while_stale) == rounded(folded(DOCUMENTS + late, FIRST, FIRST + DAY, width))
    await summarise_all(database)
    for width in (MINUTE, 5 * MINUTE, HOUR, DAY):
        summarised = await asked(database, FIRST, FIRST + DAY, width)
        assert rounded(summarised) == rounded(folded(DOCUMENTS + late, FIRST, FIRST + DAY, width))


async def test_a_late_reading_of_a_minute_that_is_there_counts(database: Database) -> None:
    late = [reading(FIRST + 100 * MINUTE + 1, "7", "late")]
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + HOUR)
    await store(database, late)
    await summarise_all(database)

    assert rounded(await asked(database, FIRST, FIRST + DAY, HOUR)) == rounded(
        folded(DOCUMENTS + late, FIRST, FIRST + DAY, HOUR)
    )


@pytest.mark.parametrize(
    ("expired", "late"),
    [
        # 1,800 readings of an hour, and 600 late ones between them
        ([2 * number * SECOND for number in range(1800)], [6 * number * SECOND + 500 for number in range(600)]),
        # 60 readings of a minute, and one more that is late
        ([number * SECOND for number in range(60)], [number * 900 + 1 for number in range(61)]),
        # the same times
        ([number * SECOND for number in range(60)], [number * SECOND for number in range(30)]),
    ],
)
@pytest.mark.parametrize("stay_packed", [True, False])
async def test_late_readings_of_minutes_that_have_expired_are_added_once(
    database: Database, *, stay_packed: bool, expired: list[int], late: list[int]
) -> None:
    if not stay_packed:
        await let_packed_hours_expire(database, MONTH)
    first = [reading(FIRST + offset, "10", f"first {offset}") for offset in expired]
    then = [reading(FIRST + offset, "99", f"then {offset}") for offset in late]
    half = len(then) // 2
    for come, expires in ((first, True), (then[:half], False), (then[half:], True), (first, True)):
        await store(database, come)
        await summarise_all(database)
        await mark(database, hours_of(come), NOW - timedelta(days=1))
        await summarise_all(database)
        if expires:
            await database.readings.delete_many({})
        if expires and not stay_packed:
            await database.packed_hours.delete_many({"hour": {"$exists": True}})

    for width in (MINUTE, HOUR):
        found = await asked(database, FIRST, FIRST + DAY, width)
        assert rounded(found) == rounded(folded(first + then, FIRST, FIRST + DAY, width))


async def test_an_hour_whose_readings_expired_before_it_was_summarised_is_lost_and_not_empty(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await store(database, DOCUMENTS)
    await expire(database, FIRST + 2 * HOUR)
    await summarise_all(database)
    lost = [hour.get("lost", False) for hour in await in_order(database)]
    late = reading(FIRST + 1, "7", "late")
    await store(database, [late])
    await summarise_all(database)

    assert lost == [True, True, False]
    assert caplog.text.count("expired before their rollup was computed") == 2
    assert [(hour.get("lost", False), hour["count"]) for hour in await in_order(database)] == [
        (True, 1),
        (True, 0),
        (False, 180),
    ]


async def test_an_hour_whose_readings_were_lost_is_a_gap_and_not_the_value_before_it(
    database: Database,
) -> None:
    lost_from = FIRST + HOUR
    await store(database, DOCUMENTS)
    await database.readings.delete_many({"sequence": {"$gte": lost_from, "$lt": lost_from + HOUR}})
    await summarise_all(database)

    for width in (MINUTE, HOUR):
        question = Question(ITEM, "simulated", FIRST, FIRST + 3 * HOUR, width, until=FIRST + 3 * HOUR)
        buckets = await answer(database, question, None, NOW, 5.0)
        lost = [one for one in buckets if lost_from <= one.start < lost_from + HOUR]
        assert {(one.count, one.min, one.mean, one.last) for one in lost} == {(0, None, None, None)}
        assert sum(one.count for one in buckets) == len(DOCUMENTS) - 180
        assert all(one.last is not None for one in buckets if one not in lost)


async def test_an_hour_some_of_whose_readings_may_have_expired_unsummarised_is_lost_too(
    database: Database,
) -> None:
    long_ago = milliseconds(datetime.now(UTC)) // HOUR * HOUR - 40 * DAY
    came = {"ingest_ts": datetime.now(UTC)}  # so that they do not expire in the midst of the test
    times = [long_ago + number * HOUR for number in (0, 1, 2)]
    await let_readings_expire(database, MONTH)
    await database.readings.insert_many([reading(time, "1", f"{time}") | came for time in times])
    await mark(database, [Hour(ITEM, times[0])], from_milliseconds(times[0] + 2 * HOUR))
    await mark(database, [Hour(ITEM, times[1])], datetime.now(UTC) - timedelta(minutes=1))
    await mark(database, [Hour(ITEM, times[2])], from_milliseconds(times[2] + 2 * HOUR))
    summarised = {"minutes": summary_of([], NOW)["minutes"]}
    await database.summaries.update_one({"hour": from_milliseconds(times[2])}, {"$set": summarised})
    await summarise_all(database, datetime.now(UTC))

    found = [(hour["count"], hour.get("lost", False)) for hour in await in_order(database)]
    assert found == [(1, True), (1, False), (1, False)]


async def test_an_hour_of_readings_that_are_not_believed_is_empty_and_not_lost(database: Database) -> None:
    await store(database, [reading(FIRST, "0", "burst", suspect="zero_burst")])
    await summarise_all(database)

    [hour] = await in_order(database)
    assert (hour["count"], "lost" in hour) == (0, False)


async def test_which_readings_an_hour_holds_is_forgotten_when_none_can_come_again(database: Database) -> None:
    now = milliseconds(datetime.now(UTC)) // HOUR * HOUR
    times = [now - days * DAY for days in (20, 37, 39, 44)]
    await let_readings_expire(database, MONTH)
    await let_packed_hours_expire(database, MONTH)
    came = {"ingest_ts": datetime.now(UTC)}
    await store(database, [reading(time, "1", f"{time}") | came for time in times])
    await summarise_all(database, datetime.now(UTC))
    await drop_ids(database, datetime.now(UTC))

    hours = await in_order(database)
    assert ["ids" in hour["minutes"] for hour in hours] == [False, False, True, True]
    assert [hour["minutes"]["count"] for hour in hours] == [[1]] * 4


@pytest.mark.parametrize(("kept", "needs_ids"), [(37 * ONE_DAY, True), (38 * ONE_DAY, False)])
async def test_an_hour_that_stays_packed_until_none_can_come_again_needs_not_say_which_it_holds(
    database: Database, kept: timedelta, *, needs_ids: bool
) -> None:
    await let_readings_expire(database, MONTH)
    await let_packed_hours_expire(database, kept)
    await store(database, [reading(milliseconds(datetime.now(UTC)) - 2 * HOUR, "1", "1")])
    await summarise_all(database, datetime.now(UTC))

    [hour] = await in_order(database)
    assert ("ids" in hour["minutes"]) == needs_ids


async def in_order(database: Database) -> list[Document]:
    return await database.summaries.find({"item_id": ITEM}).sort("hour", 1).to_list(None)


async def test_expired_readings_that_are_read_from_the_bus_again_change_nothing(database: Database) -> None:
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + 3 * HOUR)
    # Kafka gives some of them again, and they expire before their hours are summarised, or after it.
    for again in (DOCUMENTS[:100], []):
        await database.readings.insert_many(again) if again else None
        await mark(database, hours_of(DOCUMENTS), NOW - timedelta(days=1))
        await summarise_all(database)
        await expire(database, FIRST + 3 * HOUR)

    assert rounded(await asked(database, FIRST, FIRST + DAY, MINUTE)) == rounded(
        folded(DOCUMENTS, FIRST, FIRST + DAY, MINUTE)
    )


async def test_catching_up_again_keeps_what_has_expired(database: Database) -> None:
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + 90 * MINUTE)
    await database.summaries.delete_one({"_id": backfill.PROGRESS})
    await backfill.begin(database, NOW)
    while await backfill.mark_next_window(database):
        await summarise_all(database)

    assert await stale_hours(database, NOW + timedelta(minutes=2)) == []
    assert rounded(await asked(database, FIRST, FIRST + DAY, HOUR)) == rounded(
        folded(DOCUMENTS, FIRST, FIRST + DAY, HOUR)
    )


async def test_a_slower_summariser_does_not_replace_what_another_made_in_time(database: Database) -> None:
    await store(database, DOCUMENTS)
    hours = await stale_hours(database, NOW)
    await summarise_all(database)
    await expire(database, FIRST + 3 * HOUR)

    assert [await compute_rollup(database, hour) for hour in hours] == [False, False, False]
    assert sum(bucket.count for bucket in await asked(database, FIRST, FIRST + DAY, DAY)) == len(DOCUMENTS)
