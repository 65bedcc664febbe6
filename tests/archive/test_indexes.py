from datetime import timedelta

from iss_agents.archive.database import Database
from iss_agents.archive.indexes import prepare

DAY = 24 * 3600


async def test_makes_every_index_however_often_it_is_called(database: Database) -> None:
    await prepare(database, timedelta(days=30))
    await prepare(database, timedelta(days=30))

    keys = {name: list(index["key"]) for name, index in (await database.readings.index_information()).items()}
    assert keys == {
        "_id_": [("_id", 1)],
        "item_id_1_source_ts_1__id_1": [("item_id", 1), ("source_ts", 1), ("_id", 1)],
        "source_ts_1__id_1": [("source_ts", 1), ("_id", 1)],
        "ingest_ts_1": [("ingest_ts", 1)],
    }
    assert set(await database.gaps.index_information()) == {"_id_", "start_1__id_1"}
    assert set(await database.invalid.index_information()) == {"_id_", "seen_at_1"}


async def test_another_retention_changes_the_expiry_of_what_is_there(database: Database) -> None:
    await prepare(database, timedelta(days=30))
    before = (await expiry(database, "readings"), await expiry(database, "invalid"))

    await prepare(database, timedelta(days=90))

    assert before == (30 * DAY, 30 * DAY)
    assert (await expiry(database, "readings"), await expiry(database, "invalid")) == (90 * DAY, 90 * DAY)


async def expiry(database: Database, collection: str) -> int:
    indexes = await database[collection].index_information()
    [seconds] = [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index]
    return int(seconds)
