"""Files are the same byte for byte whether their readings are documents or packed."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.packed.codec import pack, unpack
from iss_agents.archive.packed.reader import PackedReader, PackedReadings
from iss_agents.archive.queries.export_tables import of_documents, of_packed, tables
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.scan import TARGET_DOCUMENTS, TARGET_PACKED, Window
from iss_agents.config.settings import Settings
from iss_agents.telemetry.export_rows import csv_lines, json_lines
from tests.archive.expiry import close, let_readings_expire
from tests.archive.packed.stored import stored
from tests.archive.packed.strategies import HOUR, ITEM, edited, readings_from, scalars
from tests.archive.rollups.two_days import NOW, store, summarise_all
from tests.factories import reading_of, settings_for

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

edits = st.dictionaries(st.sampled_from(["session", "snapshot", "suspect"]), scalars).map(
    lambda changes: (changes, set[str]())
)
"""Edits after which the columns still tell a reading alone."""

bounds = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted)


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(edited, readings_from("simulated"), edits),
        max_size=6,
        unique_by=lambda reading: reading["_id"],
    ),
    bounds,
)
def test_documents_and_columns_give_the_same_rows(readings: list[Document], bounds: list[int]) -> None:
    hour = unpack(ITEM, pack(ITEM, readings))
    rows = range(len(readings))[slice(*bounds)]

    assert hour.is_all_of("simulated")
    columns, documents = of_packed(hour, rows), of_documents(list(hour.documents(rows)))
    assert csv_lines(columns) == csv_lines(documents)
    assert json_lines(columns) == json_lines(documents)


@pytest.fixture
def configured(mongo_url: str) -> Settings:
    return settings_for(mongo_url)


@pytest.fixture
async def database(configured: Settings) -> AsyncIterator[Database]:
    database = connect(configured)
    await prepare(database, configured)
    await backfill.begin(database, NOW)
    yield database
    await close(database)


@pytest.fixture
async def history(configured: Settings) -> AsyncIterator[History]:
    history = History(configured)
    yield history
    history.close()


async def windows_of(history: History) -> list[Window]:
    start, end = HOUR - timedelta(hours=1), HOUR + timedelta(hours=4)
    return [window async for window in history.readings.windows([ITEM], start, end, page=100)]


def file(windows: list[Window]) -> str:
    return "".join(csv_lines(table) for window in windows for table in tables(window.documents))


async def test_a_file_has_no_seam_where_documents_have_expired(database: Database, history: History) -> None:
    chance = random.Random(3)
    times = sorted(HOUR + timedelta(milliseconds=chance.randrange(10_000_000)) for _ in range(400))
    documents = [
        stored(reading_of(ITEM, f"{number % 7}", time, ingest_ts=time), number)
        for number, time in enumerate(times)
    ]
    await store(database, documents)
    await summarise_all(database, NOW + timedelta(hours=4))
    stored_file = file(await windows_of(history))
    await let_readings_expire(database, timedelta(days=30))
    files = list[str]()
    for share in (0.5, 1.0):
        gone = chance.sample([each["_id"] for each in documents], int(share * len(documents)))
        await database.readings.delete_many({"_id": {"$in": gone}})
        windows = await windows_of(history)
        files.append(file(windows))

    assert stored_file.count("\r\n") == 400
    assert files == [stored_file, stored_file]
    assert all(isinstance(window.documents, PackedReadings) for window in windows if window.documents)


async def test_a_file_takes_more_packed_readings_at_once_than_a_page(
    database: Database, history: History
) -> None:
    times = [HOUR + timedelta(seconds=number) for number in range(2_000)]
    await store(
        database, [stored(reading_of(ITEM, f"{number}", time), number) for number, time in enumerate(times)]
    )
    await summarise_all(database, NOW + timedelta(hours=4))
    await let_readings_expire(database, timedelta(days=30))
    await database.readings.delete_many({"item_id": ITEM})

    pages, whole = [
        [each async for each in history.readings.windows([ITEM], HOUR, HOUR + timedelta(hours=1), page=page)]
        for page in (5_000, None)
    ]

    longest_of_pages, longest = (max(len(window.documents) for window in each) for each in (pages, whole))
    assert longest_of_pages <= TARGET_DOCUMENTS < longest <= TARGET_PACKED
    assert file(whole) == file(pages)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 5), (0, 140), (70, 200), (139, 141), (0, 500)])
async def test_a_part_of_packed_readings_is_still_packed(database: Database, start: int, end: int) -> None:
    times = [HOUR + timedelta(minutes=number) for number in range(200)]
    await store(
        database,
        [stored(reading_of(ITEM, f"{number}", time), number) for number, time in enumerate(times)],
    )
    await summarise_all(database, NOW + timedelta(hours=4))
    await let_readings_expire(database, timedelta(days=30))
    readings = await PackedReader(database, [ITEM], "simulated").between(HOUR, HOUR + timedelta(hours=4))

    part = readings[start:end]
    assert isinstance(part, PackedReadings)
    assert (len(readings), len(part)) == (200, len(times[start:end]))
    assert list(part) == list(readings)[start:end]
