"""Packed hours that a backup and the database both have hold the readings of both in the end."""

import gzip
from datetime import timedelta
from pathlib import Path

import bson
import pytest

from iss_agents.archive import retention
from iss_agents.archive.checksum import with_checksum
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.packed import backfill, codec
from iss_agents.archive.packed.hours import PACKED_HOURS, expired_before, unpacked
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.telemetry.station_clock import EPOCH
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.restore import restore
from tests.archive.expiry import let_readings_expire
from tests.archive.kafka import NOON
from tests.tools.backup.test_merge_rollups import hour_in, readings, store, summarise_all


async def packed_in(database: Database) -> list[str]:
    """Return the ids of the packed readings."""
    [hour] = await database[PACKED_HOURS].find({"hour": {"$exists": True}}).to_list(None)
    return [document["_id"] for document in unpacked(hour).documents()]


async def pack_all(database: Database) -> None:
    while due := await backfill.next_hours(database, NOON):
        for hour in due.rollups:
            await backfill.pack(database, hour)
        await backfill.reached(database, due.rollups[0]["hour"] + backfill.ONE_HOUR, due.end)


def ids(documents: list[Document]) -> list[str]:
    return [document["_id"] for document in documents]


async def test_readings_of_both_sides_are_packed_also_where_no_document_is_left(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database.readings.delete_many({})
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(10, 30))
    await restored.readings.delete_many({})

    for _ in range(2):
        await restore(elsewhere, tmp_path / "file")
        await summarise_all(restored)

        assert await packed_in(restored) == ids(readings(0, 40))
        hour = await hour_in(restored)
        assert (hour["stale"], hour["count"], hour["sum"]) == (False, 40, sum(range(40)))


async def test_a_damaged_hour_is_repaired_by_a_backup(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await backup(settings, tmp_path / "file", force=False)
    await database[PACKED_HOURS].update_many({"hour": NOON}, {"$set": {"readings": b"damaged"}})
    await restore(settings, tmp_path / "file")

    assert await packed_in(database) == ids(readings(0, 20))


async def test_a_restored_database_knows_which_readings_are_only_packed(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await let_readings_expire(database, timedelta(days=30))
    await backup(settings, tmp_path / "file", force=False)
    await retention.prepare(restored, elsewhere)
    before = await expired_before(restored)
    await restore(elsewhere, tmp_path / "file")

    assert before == EPOCH
    assert await expired_before(restored) > NOON


async def test_readings_of_a_backup_from_before_there_were_packed_hours_are_packed(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database[PACKED_HOURS].delete_many({})
    await backup(settings, tmp_path / "file", force=False)
    _as_of_before(tmp_path / "file")
    await retention.prepare(restored, elsewhere)
    await backfill.begin(restored, NOON)
    await restore(elsewhere, tmp_path / "file")

    await pack_all(restored)
    assert await packed_in(restored) == ids(readings(0, 20))


def _as_of_before(file: Path) -> None:
    """Leave out of a backup what an older version did not write."""
    header, *records, end = bson.decode_all(gzip.decompress(file.read_bytes()))
    del header["expired_before"], header["expected"][PACKED_HOURS], end["end"][PACKED_HOURS]
    left = [header, *(record for record in records if PACKED_HOURS not in record), end]
    file.write_bytes(gzip.compress(b"".join(map(bson.encode, left))))


async def test_hours_that_a_backup_has_rolled_up_and_not_packed_are_packed_when_it_is_restored(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database[PACKED_HOURS].delete_many({"hour": {"$exists": True}})
    await backup(settings, tmp_path / "file", force=False)
    await retention.prepare(restored, elsewhere)
    await backfill.begin(restored, NOON)
    assert await backfill.next_hours(restored, NOON) is None
    await restore(elsewhere, tmp_path / "file")

    await pack_all(restored)
    assert await packed_in(restored) == ids(readings(0, 20))


async def test_a_damaged_hour_of_a_backup_is_left_out_and_ends_nothing(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await database[PACKED_HOURS].update_many({"hour": NOON}, {"$set": {"readings": b"damaged"}})
    await backup(settings, tmp_path / "file", force=False)
    await store(restored, elsewhere, readings(10, 30))
    await restore(elsewhere, tmp_path / "file")

    assert await packed_in(restored) == ids(readings(10, 30))


async def test_an_hour_of_a_newer_version_is_not_replaced(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    await store(database, settings, readings(0, 20))
    await backup(settings, tmp_path / "file", force=False)
    content = b"what only a newer version reads"
    newer = {"readings": bytes([codec.VERSION + 1]) + with_checksum(content)}
    await database[PACKED_HOURS].update_many({"hour": NOON}, {"$set": newer})
    with pytest.raises(UserError, match=r"hour \S+ was written by a newer version .*: upgrade this one"):
        await restore(settings, tmp_path / "file")

    assert await database[PACKED_HOURS].count_documents(newer) == 1
