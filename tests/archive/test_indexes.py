from iss_agents.archive.database import Database
from iss_agents.archive.indexes import prepare
from iss_agents.settings import Settings

DAY = 24 * 3600


async def test_makes_every_index_however_often_it_is_called(database: Database, settings: Settings) -> None:
    await prepare(database, settings)
    await prepare(database, settings)

    keys = {name: list(index["key"]) for name, index in (await database.readings.index_information()).items()}
    assert keys == {
        "_id_": [("_id", 1)],
        "item_id_1_source_ts_1__id_1": [("item_id", 1), ("source_ts", 1), ("_id", 1)],
        "source_ts_1__id_1": [("source_ts", 1), ("_id", 1)],
        "ingest_ts_1": [("ingest_ts", 1)],
    }
    assert set(await database.gaps.index_information()) == {"_id_", "start_1__id_1"}
    assert set(await database.invalid.index_information()) == {"_id_", "seen_at_1"}


async def test_other_settings_change_the_expiry_of_what_is_there(
    database: Database, settings: Settings
) -> None:
    collections = ("readings", "invalid", "summaries")
    await prepare(database, settings.model_copy(update={"retention_days": 30, "summary_days": 3650}))
    before = [await expiry(database, name) for name in collections]

    await prepare(database, settings.model_copy(update={"retention_days": 90, "summary_days": 365}))

    assert before == [30 * DAY, 30 * DAY, 3650 * DAY]
    assert [await expiry(database, name) for name in collections] == [90 * DAY, 90 * DAY, 365 * DAY]


async def test_without_a_retention_nothing_expires_until_there_is_one_again(
    database: Database, settings: Settings
) -> None:
    found = []
    for days in (30, 0, 0, 90):
        await prepare(database, settings.model_copy(update={"retention_days": days}))
        indexes = await database.readings.index_information()
        found.append(indexes["ingest_ts_1"].get("expireAfterSeconds"))

    assert found == [30 * DAY, None, None, 90 * DAY]


async def expiry(database: Database, collection: str) -> int:
    indexes = await database[collection].index_information()
    [seconds] = [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index]
    return int(seconds)
