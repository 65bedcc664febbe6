"""What a restore holds in memory, and what it leaves alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from iss_agents.archive import retention
from iss_agents.archive.indexes import EXPIRIES
from iss_agents.archive.mongo import Database
from iss_agents.archive.reading_id import event_id_of
from iss_agents.config.settings import Settings
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.file_format import COLLECTIONS, Record
from iss_agents.tools.backup.restore import MOST_BYTES, MOST_DOCUMENTS, batches, restore
from tests.versions.examples import documents


def records(collection: str, count: int, size: int = 0) -> list[Record]:
    return [Record(collection, RawBSONDocument(bson.encode({"bytes": bytes(size)}))) for _ in range(count)]


def sizes(given: list[Record]) -> list[tuple[str, int]]:
    return [(collection, len(documents)) for collection, documents in batches(given)]


def test_a_batch_is_of_one_collection_and_of_so_many_documents() -> None:
    given = [*records("a", 2 * MOST_DOCUMENTS + 1), *records("b", MOST_DOCUMENTS), *records("c", 1)]

    assert sizes(given) == [
        ("a", MOST_DOCUMENTS),
        ("a", MOST_DOCUMENTS),
        ("a", 1),
        ("b", MOST_DOCUMENTS),
        ("c", 1),
    ]


def test_large_documents_are_fewer_at_once() -> None:
    assert sizes(records("a", 10, MOST_BYTES // 3)) == [("a", 3), ("a", 3), ("a", 3), ("a", 1)]
    assert sizes(records("a", 2, 2 * MOST_BYTES)) == [("a", 1), ("a", 1)]


@pytest.mark.parametrize("days", [None, 0, 90, 4000])
async def test_a_restore_changes_no_retention_and_says_what_the_settings_ask_for(
    settings: Settings,
    elsewhere: Settings,
    database: Database,
    restored: Database,
    tmp_path: Path,
    days: int | None,
) -> None:
    then = datetime.now(UTC) - timedelta(days=89)
    for collection, field in EXPIRIES.items():
        await database[collection].insert_one({"_id": "old", field: then})
    if days is not None:
        lasting = dict.fromkeys(("retention_days", "summary_days", "history_days"), days)
        in_force = elsewhere.model_copy(update=lasting)
        await retention.prepare(restored, in_force)
    await backup(settings, tmp_path / "file", force=False)

    asked = dict.fromkeys(("retention_days", "summary_days", "history_days"), 30)
    asking = elsewhere.model_copy(update=asked)
    done = await restore(asking, tmp_path / "file")

    expected = timedelta(days=days) if days else retention.FOR_EVER
    found = await retention.retentions(restored, asking)
    assert [(each.in_force, each.is_indexed) for each in found] == [(expected, True)] * len(EXPIRIES)
    assert done.kept_longer == [each.difference for each in found]
    assert sum(done.restored.values()) == len(EXPIRIES.keys() & set(COLLECTIONS))


async def test_it_is_said_how_many_readings_expire_at_once(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    ages = {"young": timedelta(days=1), "old": timedelta(days=31), "older": timedelta(days=40)}
    now = datetime.now(UTC)
    await database.readings.insert_many([{"_id": name, "ingest_ts": now - age} for name, age in ages.items()])
    await retention.prepare(restored, elsewhere.model_copy(update={"retention_days": 30}))
    await backup(settings, tmp_path / "file", force=False)

    assert (await restore(elsewhere, tmp_path / "file")).expiring == 2


async def test_readings_of_a_backup_of_an_earlier_version_get_ids_of_today_and_none_is_there_twice(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    kinds = documents()
    readings = [kinds["reading"], kinds["reading-plain"]]
    old = [{**reading, "_id": event_id_of(reading)} for reading in readings]
    foreign = {**old[0], "_id": "17"}
    await database.readings.insert_many([*old, foreign, {"_id": "no time"}])
    await backup(settings, tmp_path / "iss.backup", force=False)
    # The other database still has one of them under its text id.
    await restored.readings.insert_one(old[0])

    first = await restore(elsewhere, tmp_path / "iss.backup")
    second = await restore(elsewhere, tmp_path / "iss.backup")

    there = {str(event_id_of(each)): each["_id"] async for each in restored.readings.find()}
    assert there.keys() == {old[0]["_id"], old[1]["_id"], "17", "no time"}
    assert (there[old[0]["_id"]], there[old[1]["_id"]]) == (old[0]["_id"], readings[1]["_id"])
    assert isinstance(there["17"], bytes)
    assert await restored.readings.count_documents({}) == 4
    assert (first.restored["readings"], first.kept["readings"]) == (3, 1)
    assert (second.restored["readings"], second.kept["readings"]) == (0, 4)
