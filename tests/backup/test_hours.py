"""Hours that a backup and the database both have hold the readings of both in the end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from iss_agents.archive import catch_up
from iss_agents.archive.database import Database, Document
from iss_agents.archive.hours import Hour, hours_of, mark, minutes_of
from iss_agents.archive.summariser import stale_hours, summarise
from iss_agents.backup.backup import backup
from iss_agents.backup.restore import restore
from iss_agents.settings import Settings
from iss_agents.station_clock import milliseconds
from tests.archive.bus import NOON
from tests.archive.lasting import prepare
from tests.backup.contents import contents

ITEM = "NODE3000005"
NAME = Hour(ITEM, milliseconds(NOON)).name


def readings(first_minute: int, count: int) -> list[Document]:
    """Return readings a minute apart, whose value is their minute."""
    return [
        {
            "_id": f"{minute}",
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
    await catch_up.begin(database, NOON, timedelta(days=30))
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), NOON)
    await summarise_all(database)


async def summarise_all(database: Database) -> None:
    for hour in await stale_hours(database, datetime.now(UTC)):
        assert await summarise(database, hour)


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
    await catch_up.begin(database, NOON, timedelta(days=30))
    await backup(settings, tmp_path / "file", force=False)
    await catch_up.begin(restored, NOON + timedelta(days=1), timedelta(days=30))
    before = await contents(restored)

    await restore(elsewhere, tmp_path / "file")

    assert await contents(restored) == before
