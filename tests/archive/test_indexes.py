from iss_agents.archive.indexes import drop_obsolete, obsolete
from iss_agents.archive.mongo import Database
from iss_agents.archive.retention import prepare
from iss_agents.config.settings import Settings


async def test_makes_every_index_however_often_it_is_called(database: Database, settings: Settings) -> None:
    await prepare(database, settings)
    await prepare(database, settings)

    keys = {name: list(index["key"]) for name, index in (await database.readings.index_information()).items()}
    assert keys == {
        "_id_": [("_id", 1)],
        "item_id_1_source_ts_1": [("item_id", 1), ("source_ts", 1)],
        "source_ts_1": [("source_ts", 1)],
        "ingest_ts_1": [("ingest_ts", 1)],
    }
    gaps = {"_id_", "start_1__id_1", "end_1", "cause_1_start_1"}
    assert set(await database.gaps.index_information()) == gaps
    assert set(await database.invalid.index_information()) == {"_id_", "seen_at_1"}


OLD = ([("item_id", 1), ("source_ts", 1), ("_id", 1)], [("source_ts", 1), ("_id", 1)])
"""Indexes of earlier versions."""


async def names(database: Database) -> set[str]:
    return set(await database.readings.index_information())


async def test_an_index_is_dropped_once_its_replacement_exists_and_never_before(
    database: Database, settings: Settings
) -> None:
    for keys in OLD:
        await database.readings.create_index(keys)
    await drop_obsolete(database)
    before = await names(database)
    # A builder that is killed between building and dropping leaves both.
    await database.readings.create_index([("source_ts", 1)])
    half = await obsolete(database)
    await drop_obsolete(database)
    after_one = await names(database)
    await prepare(database, settings)
    both = await obsolete(database)
    await drop_obsolete(database)
    await drop_obsolete(database)

    assert before == {"_id_", "item_id_1_source_ts_1__id_1", "source_ts_1__id_1"}
    assert half == ["readings on source_ts, _id"]
    assert after_one == {"_id_", "item_id_1_source_ts_1__id_1", "source_ts_1"}
    assert both == ["readings on item_id, source_ts, _id"]
    assert await names(database) == {"_id_", "item_id_1_source_ts_1", "source_ts_1", "ingest_ts_1"}
