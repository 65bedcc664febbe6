"""A walk finds what one sorted question would, however dense the readings are."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from iss_agents.archive import scan
from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Cursor, Database, Document, QueryTimeoutError, connect
from iss_agents.archive.reading_id import event_id_of, reading_id
from iss_agents.archive.retention import prepare
from iss_agents.archive.scan import Window, WindowScan, prefetched
from iss_agents.telemetry.records import new_reading
from tests.archive.kafka import NOON
from tests.factories import settings_for

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
async def database(mongo_url: str) -> AsyncIterator[Database]:
    settings = settings_for(mongo_url)
    database = connect(settings)
    await prepare(database, settings)
    yield database
    database.client.close()


def readings(item_id: str, *after: timedelta) -> list[Document]:
    """Return readings at these times after noon; neither ids nor offsets are in the order of time.

    The first third has no offsets, as what was stored before there were any. Every second one has a
    text as its id, as earlier versions stored it.
    """
    documents: list[Document] = [
        {
            "_id": identity(f"{number}-{item_id}", NOON + time, number),
            "item_id": item_id,
            "source_ts": NOON + time,
        }
        for number, time in enumerate(after)
    ]
    for number, document in enumerate(documents[len(documents) // 3 :]):
        document["offset"] = (number * 31) % 97
    return documents


def identity(name: str, time: datetime, number: int) -> str | bytes:
    digits = sha256(name.encode()).hexdigest()
    return reading_id(time, digits) if number % 2 else digits


async def walked(database: Database, *items: str, place: Position | None = None) -> list[list[Any]]:
    """Return the ids of every window from noon on for 30 days."""
    walk = WindowScan(database.readings, items, NOON + 30 * DAY)
    return [
        [document["_id"] for document in window.documents]
        async for window in walk.windows(place or Position(NOON))
    ]


def in_order(documents: list[Document], place: Position | None = None, time: str = "source_ts") -> list[Any]:
    places = sorted((Position.of(document, time), document["_id"]) for document in documents)
    return [found for one, found in places if place is None or one > place]


def flat(found: list[list[Any]]) -> list[Any]:
    return [name for window in found for name in window]


async def test_a_long_silence_takes_few_questions(database: Database) -> None:
    documents = readings("A", 29 * DAY)
    await database.readings.insert_many(documents)
    found = await walked(database, "A")

    assert flat(found) == in_order(documents)
    assert len(found) < 130


async def test_windows_hold_little_however_dense_the_readings(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 40)
    monkeypatch.setattr(scan, "TARGET_DOCUMENTS", 10)
    dense = [2 * DAY + number * 3 * MILLISECOND for number in range(500)]
    sparse = [2 * DAY + number * 3000 * SECOND for number in range(1, 100)]
    documents = readings("A", *dense, *sparse) + readings("B", *dense[::7])
    await database.readings.insert_many(documents)
    found = await walked(database, "A", "B")

    assert flat(found) == in_order(documents)
    assert max(map(len, found)) <= 40
    assert await flat_of(database) == in_order(documents)


async def flat_of(database: Database) -> list[Any]:
    """Return the ids of all items, in a shorter span, since windows of all items are shorter."""
    walk = WindowScan(database.readings, [], NOON + 6 * DAY)
    found = [window.documents async for window in walk.windows(Position(NOON + DAY))]
    return [document["_id"] for documents in found for document in documents]


async def test_more_readings_of_one_time_than_a_window_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 40)
    crowd = readings("A", SECOND, *[2 * SECOND] * 100, 3 * SECOND) + readings("B", *[2 * SECOND] * 50)
    await database.readings.insert_many(crowd)
    places = sorted(Position.of(document, "source_ts") for document in crowd)

    for items in (["A", "B"], []):
        walk = WindowScan(database.readings, items, NOON + 4 * SECOND)
        for place in (Position(NOON), places[20], places[70]):
            found = [window.documents async for window in walk.windows(place)]
            assert [document["_id"] for one in found for document in one] == in_order(crowd, place)
            assert max(map(len, found)) <= 40


async def test_readings_of_one_time_of_ingest_have_ids_with_several_times(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 40)
    crowd = [
        reading | {"ingest_ts": NOON} for reading in readings("A", *[n * SECOND for n in range(100, 0, -1)])
    ]
    await database.readings.insert_many(crowd)

    walk = WindowScan(database.readings, [], NOON + SECOND, "ingest_ts", fields=("_id", "ingest_ts", "offset"))
    found = [window.documents async for window in walk.windows(Position(NOON))]

    assert [document["_id"] for one in found for document in one] == in_order(crowd, time="ingest_ts")
    assert max(map(len, found)) <= 40


async def test_a_cursor_holds_when_its_reading_is_stored_in_the_other_form(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 4)
    readings = [new_reading("A", NOON, str(n), ingest_ts=NOON, source="isslive") for n in range(30)]
    names = sorted(reading.event_id for reading in readings)
    fields = {"item_id": "A", "source_ts": NOON, "source": "isslive", "offset": 7, "schema_version": 1}
    await database.readings.insert_many(
        [{"_id": reading_id(NOON, one.event_id), "value": one.value, **fields} for one in readings]
    )

    walk = WindowScan(database.readings, ["A"], NOON + SECOND)
    for reached in (9, 10):
        place = Position(NOON, 7, names[reached])
        found = [window.documents async for window in walk.windows(place)]
        assert [event_id_of(document) for one in found for document in one] == names[reached + 1 :]


async def test_a_window_that_takes_too_long_is_tried_narrower(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = readings("A", SECOND, 20 * DAY)
    await database.readings.insert_many(documents)
    ask, slow = WindowScan._next, 0

    async def next_window(self: WindowScan, place: Position, width: timedelta) -> Window:
        nonlocal slow
        if width > timedelta(minutes=30) and slow < 3:
            slow += 1
            raise QueryTimeoutError("too much")
        return await ask(self, place, width)

    monkeypatch.setattr(WindowScan, "_next", next_window)
    assert (flat(await walked(database, "A")), slow) == (in_order(documents), 3)


async def test_a_database_that_stands_still_for_some_seconds_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = readings("A", SECOND, 60 * SECOND)
    await database.readings.insert_many(documents)
    ask, widths = WindowScan._next, list[timedelta]()

    async def next_window(self: WindowScan, place: Position, width: timedelta) -> Window:
        widths.append(width)
        if len(widths) <= 3:
            raise QueryTimeoutError("busy")
        return await ask(self, place, width)

    monkeypatch.setattr(WindowScan, "_next", next_window)
    assert flat(await walked(database, "A")) == in_order(documents)
    assert widths[:3] == sorted(widths[:3], reverse=True)


async def test_a_narrow_window_that_takes_too_long_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def next_window(_: WindowScan, place: Position, width: timedelta) -> Window:
        raise QueryTimeoutError(f"{place} {width}")

    monkeypatch.setattr(WindowScan, "_next", next_window)
    with pytest.raises(QueryTimeoutError):
        await walked(database, "A")


async def test_an_error_ahead_comes_in_its_turn_and_the_walk_is_closed() -> None:
    closed: list[datetime] = []

    async def two_then_gone() -> AsyncGenerator[Window, None]:
        try:
            yield Window([{"_id": "a"}], Position(NOON))
            yield Window([], Position(NOON))
            raise QueryTimeoutError("gone")
        finally:
            closed.append(NOON)

    ahead = prefetched(two_then_gone())
    assert len((await anext(ahead)).documents) == 1
    assert len((await anext(ahead)).documents) == 0
    with pytest.raises(QueryTimeoutError):
        await anext(ahead)

    assert closed == [NOON]


async def test_a_crowded_instant_is_asked_for_by_its_index(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.archive.scan.MAX_DOCUMENTS", 40)
    crowd = [{**each, "ingest_ts": NOON} for each in readings("A", *[SECOND] * 100)]
    others = [{**each, "ingest_ts": NOON + SECOND} for each in readings("B", *[SECOND] * 2_000)]
    await database.readings.insert_many([*crowd, *others])
    await database.readings.create_index("ingest_ts")
    asked: list[Document] = []
    find = WindowScan._find

    def noted(self: WindowScan, match: Document, most: int) -> Cursor:
        asked.append(match)
        return find(self, match, most)

    monkeypatch.setattr(WindowScan, "_find", noted)
    walk = WindowScan(database.readings, [], NOON + timedelta(milliseconds=1), "ingest_ts")
    found = [document async for window in walk.windows(Position(NOON)) for document in window.documents]
    assert [document["_id"] for document in found] == in_order(crowd, time="ingest_ts")
    for match in asked:
        explained = await database.readings.find(match).explain()
        assert explained["executionStats"]["totalDocsExamined"] <= len(crowd)
