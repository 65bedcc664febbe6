"""A backup holds each reading once, and a restore brings all of them back as they were."""

import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from iss_agents.archive import retention
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.packed.backfill import by_series
from iss_agents.archive.packed.hours import PACKED_HOURS, add_readings
from iss_agents.archive.queries.history import History
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.hours import Hour
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import new_reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.backup import packed_copies
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.file_format import RAW
from iss_agents.tools.backup.restore import restore
from tests.archive.expiry import let_readings_expire
from tests.archive.packed.stored import recorded_hour, stored
from tests.tools.backup.contents import contents

ITEMS = ("NODE3000005", "USLAB000058", "AIRLOCK000049")
ONE_HOUR, DAY, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "iss.backup"


@pytest.fixture
def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def readings(hour: datetime, count: int = 30) -> list[Document]:
    """Return documents of all items in turn, of which several have the same time and come in later."""
    times = [hour + timedelta(seconds=number // 5) for number in range(count)]
    return [
        stored(
            new_reading(
                ITEMS[number % 3], time, f"{number}", ingest_ts=time + timedelta(seconds=1), source="simulated"
            ),
            offset,
        )
        for number, (offset, time) in enumerate(zip(range(count, 0, -1), times, strict=True))
    ]


async def pack(database: Database, documents: Sequence[Document], hour: datetime) -> None:
    for series, some in by_series(documents).items():
        await add_readings(database, Hour(series, milliseconds(hour)), some)


async def store_and_pack(database: Database, hour: datetime) -> list[Document]:
    """Store the readings of an hour, and pack them; return them."""
    documents = readings(hour)
    await database.readings.insert_many(documents)
    await pack(database, documents, hour)
    return documents


async def pages(settings: Settings, start: datetime) -> list[Document]:
    """Return the readings of two hours in pages of 7."""
    async with opened(settings) as history:
        found, cursor = list[Document](), None
        while True:
            page = await history.readings.page(ITEMS, start, start + 2 * ONE_HOUR, 7, cursor, "simulated")
            found += page.documents
            cursor = page.next_cursor
            if cursor is None:
                return found


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[History]:
    history = History(settings)
    yield history
    history.close()


async def size_of(database: Database, collection: str) -> int:
    documents = await database[collection].find({}).to_list(None)
    return len(gzip.compress(b"".join(map(bson.encode, documents))))


async def test_a_file_is_as_large_as_packed_hours_and_the_documents_in_none(
    settings: Settings, database: Database, file: Path, this_hour: datetime
) -> None:
    hours = recorded_hour()[:2]
    start = hours[0][1][0]["source_ts"].replace(minute=0, second=0, microsecond=0)
    packed = list(chain.from_iterable(documents for _, documents in hours))
    await pack(database, packed, start)
    recent = readings(this_hour, 300)
    await database.readings.insert_many(recent)
    largest = 1.2 * (await size_of(database, PACKED_HOURS) + await size_of(database, "readings"))
    for begin in range(0, len(packed), 500):
        await database.readings.insert_many(packed[begin : begin + 500])

    made = await backup(settings, file, force=False)

    assert made.documents["readings"] == len(recent)
    assert made.size < largest


async def test_a_reading_that_arrived_long_after_it_was_measured_stays_a_document(
    settings: Settings,
    database: Database,
    restored: Database,
    elsewhere: Settings,
    file: Path,
    this_hour: datetime,
) -> None:
    await retention.prepare(database, settings)
    await let_readings_expire(database, MONTH)
    measured = this_hour - 2 * MONTH
    late = stored(new_reading(ITEMS[0], measured, "37", ingest_ts=datetime.now(UTC), source="simulated"), 1)
    await pack(database, [late], measured)
    await database.readings.insert_one(late)

    await backup(settings, file, force=False)
    await restore(elsewhere, file)

    assert await restored.readings.find_one({"_id": late["_id"]}) == await database.readings.find_one({})


async def test_a_document_with_a_date_that_python_has_not_has_no_copy(database: Database) -> None:
    edited = {"_id": "edited", "source_ts": DatetimeMS(2**50), "item_id": ITEMS[0], "value": "1"}
    document = RawBSONDocument(bson.encode(edited), RAW)
    copies = await packed_copies.PackedCopies.of(database, datetime.now(UTC), None)

    assert await copies.without([document]) == [document]


@pytest.mark.parametrize("lifetime", [None, MONTH], ids=["a new database", "one that lets readings expire"])
async def test_pages_and_documents_are_what_they_were(
    settings: Settings,
    elsewhere: Settings,
    database: Database,
    restored: Database,
    file: Path,
    this_hour: datetime,
    lifetime: timedelta | None,
) -> None:
    await retention.prepare(database, settings)
    await let_readings_expire(database, MONTH)
    if lifetime:
        await retention.prepare(restored, elsewhere)
        await let_readings_expire(restored, lifetime)
    long_ago, before = this_hour - 40 * DAY, this_hour - 3 * ONE_HOUR
    old, packed, recent = readings(long_ago), readings(before), readings(before + ONE_HOUR)
    await pack(database, old, long_ago)
    await pack(database, packed[:20], before)
    await database.readings.insert_many([*packed, *recent])

    made = await backup(settings, file, force=False)
    done = await restore(elsewhere, file)

    assert made.documents["readings"] == 10 + len(recent)
    assert (done.restored["readings"], done.expiring) == (len(packed) + len(recent), 0)
    assert (await contents(restored))["readings"] == (await contents(database))["readings"]
    for start, count in ((long_ago, len(old)), (before, len(packed) + len(recent))):
        found = await pages(elsewhere, start)
        assert found == await pages(settings, start)
        assert len(found) == count


async def test_a_document_that_somebody_has_corrected_comes_back_so(
    settings: Settings,
    elsewhere: Settings,
    database: Database,
    restored: Database,
    file: Path,
    this_hour: datetime,
) -> None:
    documents = await store_and_pack(database, this_hour - DAY)
    await database.readings.update_one({"_id": documents[4]["_id"]}, {"$set": {"value": "corrected"}})

    made = await backup(settings, file, force=False)
    await restore(elsewhere, file)

    assert made.documents["readings"] == 1
    assert (await contents(restored))["readings"] == (await contents(database))["readings"]


async def test_of_a_damaged_hour_the_documents_are_in_the_file(
    settings: Settings, database: Database, file: Path, this_hour: datetime
) -> None:
    await store_and_pack(database, this_hour - DAY)
    await database[PACKED_HOURS].update_one({"item_id": ITEMS[0]}, {"$set": {"readings": b"damaged"}})

    made = await backup(settings, file, force=False)

    assert made.documents["readings"] == 10


async def test_of_hours_that_may_expire_meanwhile_the_documents_are_in_the_file(
    settings: Settings, database: Database, file: Path, this_hour: datetime
) -> None:
    await retention.prepare(database, settings.model_copy(update={"history_days": 2}))
    for hour in (this_hour - 2 * ONE_HOUR, this_hour - 1.5 * DAY):
        await store_and_pack(database, hour.replace(minute=0))

    made = await backup(settings, file, force=False)

    assert made.documents["readings"] == 30


async def test_readings_of_an_earlier_version_are_known_to_be_packed(
    settings: Settings,
    elsewhere: Settings,
    database: Database,
    restored: Database,
    file: Path,
    this_hour: datetime,
) -> None:
    documents = readings(this_hour - DAY)
    await database.readings.insert_many([{**each, "_id": event_id_of(each)} for each in documents])
    await pack(database, await database.readings.find({}).to_list(None), this_hour - DAY)

    made = await backup(settings, file, force=False)
    await restore(elsewhere, file)

    assert made.documents["readings"] == 0
    assert {each["_id"] for each in documents} == (await contents(restored))["readings"].keys()


async def test_hours_that_are_no_longer_held_are_read_again(
    settings: Settings, database: Database, file: Path, this_hour: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_copies, "HELD", 1)
    monkeypatch.setattr("iss_agents.tools.backup.backup.AT_ONCE", 4)
    await store_and_pack(database, this_hour - DAY)

    made = await backup(settings, file, force=False)

    assert made.documents["readings"] == 0


@pytest.mark.parametrize(("number", "count"), [(1, 2), (2, 5)])
async def test_files_of_earlier_formats_are_restored(
    elsewhere: Settings, restored: Database, number: int, count: int
) -> None:
    done = await restore(
        elsewhere, Path(__file__).parents[2] / "fixtures" / "backups" / f"format-{number}.backup"
    )

    documents = await restored.readings.find({}).to_list(None)
    assert len(documents) == done.restored["readings"] == count
    assert all(isinstance(each["_id"], bytes) for each in documents)
    others = {name: done.restored[name] for name in ("gaps", "events", "posts", "invalid", "summaries")}
    assert others == dict.fromkeys(others, 1)
    assert done.restored[PACKED_HOURS] == number - 1
