"""Hours that a backup and the database both have hold the readings of both in the end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.reading_id import reading_id
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.day_job import compute_day, stale_days
from iss_agents.archive.rollups.days import Day
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import Hour, hours_of, mark, minutes_of
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.weighting import NO_GAPS
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.restore import restore
from tests.archive.kafka import NOON
from tests.tools.backup.contents import contents

ITEM = "NODE3000005"
NAME = Hour(ITEM, milliseconds(NOON)).name


def identified(name: str, time: datetime) -> Document:
    return {"_id": reading_id(time, name), "event_id": name}


def readings(first_minute: int, count: int) -> list[Document]:
    """Return readings a minute apart, whose value is their minute."""
    return [
        {
            **identified(f"{minute}", NOON + timedelta(minutes=minute)),
            "item_id": ITEM,
            "source_ts": NOON + timedelta(minutes=minute),
            "ingest_ts": NOON + timedelta(minutes=minute),
            "sequence": milliseconds(NOON + timedelta(minutes=minute)),
            "value": f"{minute}",
            "number": float(minute),
        }
        for minute in range(first_minute, first_minute + count)
    ]


async def store(database: Database, settings: Settings, documents: list[Document]) -> None:
    """Store readings as an archive and a summariser would have long ago."""
    await prepare(database, settings)
    await backfill.begin(database, NOON)
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), NOON)
    await summarise_all(database)


async def summarise_all(database: Database) -> None:
    for hour in await stale_hours(database, datetime.now(UTC)):
        assert await compute_rollup(database, hour)


async def hour_in(database: Database) -> Document:
    found = await database.summaries.find_one({"_id": NAME})
    assert found
    return found


async def test_an_hour_with_readings_on_both_sides_is_made_anew(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(20, 30))

    await restore(elsewhere, tmp_path / "file")
    stale = await hour_in(restored)
    await summarise_all(restored)

    made = await hour_in(restored)
    assert (stale["stale"], made["stale"]) == (True, False)
    assert (made["count"], made["sum"], made["last"]) == (50, sum(range(50)), "49")


async def test_no_day_is_computed_of_which_hours_are_being_restored(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(60, 60))
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(0, 60))
    [day] = await stale_days(restored, datetime.now(UTC))
    assert await compute_day(restored, day, "isslive", NO_GAPS)

    await restore(elsewhere, tmp_path / "file")

    now = datetime.now(UTC)
    assert await stale_days(restored, now) == []
    [stale] = await stale_days(restored, now + timedelta(hours=1))
    assert stale["_id"] == Day(ITEM, milliseconds(NOON.replace(hour=0))).name


async def test_minutes_whose_readings_have_expired_come_back_into_it(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database.readings.delete_many({})
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(20, 30))

    await restore(elsewhere, tmp_path / "file")
    at_once = minutes_of(await hour_in(restored))
    await summarise_all(restored)

    made = await hour_in(restored)
    assert [minute.sum for minute in at_once] == list(range(50))
    assert (made["count"], made["sum"], made["stale"]) == (50, sum(range(50)), False)


async def test_an_hour_that_the_database_lacks_comes_as_it_was(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await backup(settings, tmp_path / "file", force=False)

    await restore(elsewhere, tmp_path / "file")

    assert await contents(restored) == await contents(database)
    assert await stale_hours(restored, datetime.now(UTC)) == []


async def test_what_says_how_far_hours_are_marked_is_no_hour(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await backfill.begin(database, NOON)
    await backup(settings, tmp_path / "file", force=False)
    await backfill.begin(restored, NOON + timedelta(days=1))
    before = await contents(restored)

    await restore(elsewhere, tmp_path / "file")

    assert await contents(restored) == before


async def test_an_hour_that_differs_only_in_what_was_forgotten_of_its_readings_stays(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await backup(settings, tmp_path / "file", force=False)
    await restore(elsewhere, tmp_path / "file")
    await restored.summaries.update_many({}, {"$unset": {"minutes.ids": "", "minutes.last_at": ""}})
    before = await contents(restored)

    await restore(elsewhere, tmp_path / "file")

    assert await contents(restored) == before


async def test_a_restored_hour_knows_its_readings(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database.readings.delete_many({})
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(20, 30))
    await restore(elsewhere, tmp_path / "file")

    late = [
        reading | identified(f"late {reading['event_id']}", reading["source_ts"]) for reading in readings(0, 5)
    ]
    await restored.readings.insert_many([*readings(0, 10), *late])
    await mark(restored, hours_of(late), NOON)
    await summarise_all(restored)

    made = await hour_in(restored)
    assert (made["count"], made["sum"]) == (55, sum(range(50)) + sum(range(5)))
