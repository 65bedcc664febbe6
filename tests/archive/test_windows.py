"""A walk finds what one sorted question would, however dense the readings are."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive import windows
from iss_agents.archive.database import Database, Document, TooSlow, connect
from iss_agents.archive.places import Place
from iss_agents.archive.windows import Walk, Window, one_ahead
from iss_agents.settings import Settings
from tests.archive.bus import NOON
from tests.archive.lasting import prepare

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
async def database(mongo_url: str) -> AsyncIterator[Database]:
    settings = Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"w{uuid4().hex}")
    database = connect(settings)
    await prepare(database, settings)
    yield database
    database.client.close()


def readings(item_id: str, *after: timedelta) -> list[Document]:
    """Return readings at these times after noon; their ids are not in the order of time."""
    return [
        {"_id": f"{(number * 7919) % 10007:05}-{item_id}", "item_id": item_id, "source_ts": NOON + time}
        for number, time in enumerate(after)
    ]


async def walked(database: Database, *items: str, place: Place | None = None) -> list[list[str]]:
    """Return the ids of every window from noon on for 30 days."""
    walk = Walk(database.readings, items, NOON + 30 * DAY)
    return [
        [document["_id"] for document in window.documents]
        async for window in walk.windows(place or Place(NOON))
    ]


def in_order(documents: list[Document], place: Place | None = None) -> list[str]:
    places = sorted((document["source_ts"], document["_id"]) for document in documents)
    return [name for time, name in places if place is None or (time, name) > place]


def flat(found: list[list[str]]) -> list[str]:
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
    monkeypatch.setattr(windows, "MOST", 40)
    monkeypatch.setattr(windows, "WANTED", 10)
    dense = [2 * DAY + number * 3 * MILLISECOND for number in range(500)]
    sparse = [2 * DAY + number * 3000 * SECOND for number in range(1, 100)]
    documents = readings("A", *dense, *sparse) + readings("B", *dense[::7])
    await database.readings.insert_many(documents)
    found = await walked(database, "A", "B")

    assert flat(found) == in_order(documents)
    assert max(map(len, found)) <= 40
    assert await flat_of(database) == in_order(documents)


async def flat_of(database: Database) -> list[str]:
    """Return the ids of all items, in a shorter span, since windows of all items are shorter."""
    walk = Walk(database.readings, [], NOON + 6 * DAY)
    found = [window.documents async for window in walk.windows(Place(NOON + DAY))]
    return [document["_id"] for documents in found for document in documents]


async def test_more_readings_of_one_time_than_a_window_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MOST", 40)
    crowd = readings("A", SECOND, *[2 * SECOND] * 100, 3 * SECOND) + readings("B", *[2 * SECOND] * 50)
    await database.readings.insert_many(crowd)
    in_the_crowd = Place(NOON + 2 * SECOND, in_order(crowd)[70])

    for items in (["A", "B"], []):
        walk = Walk(database.readings, items, NOON + 4 * SECOND)
        for place in (Place(NOON), in_the_crowd):
            found = [window.documents async for window in walk.windows(place)]
            assert [document["_id"] for one in found for document in one] == in_order(crowd, place)
            assert max(map(len, found)) <= 40


async def test_a_window_that_takes_too_long_is_tried_narrower(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = readings("A", SECOND, 20 * DAY)
    await database.readings.insert_many(documents)
    ask, slow = Walk._next, 0

    async def next_window(self: Walk, place: Place, width: timedelta) -> Window:
        nonlocal slow
        if width > timedelta(minutes=30) and slow < 3:
            slow += 1
            raise TooSlow("too much")
        return await ask(self, place, width)

    monkeypatch.setattr(Walk, "_next", next_window)
    assert (flat(await walked(database, "A")), slow) == (in_order(documents), 3)


async def test_a_narrow_window_that_takes_too_long_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def next_window(_: Walk, place: Place, width: timedelta) -> Window:
        raise TooSlow(f"{place} {width}")

    monkeypatch.setattr(Walk, "_next", next_window)
    with pytest.raises(TooSlow):
        await walked(database, "A")


async def test_an_error_ahead_comes_in_its_turn_and_the_walk_is_closed() -> None:
    closed: list[datetime] = []

    async def two_then_gone() -> AsyncGenerator[Window, None]:
        try:
            yield Window([{"_id": "a"}], Place(NOON))
            yield Window([], Place(NOON))
            raise TooSlow("gone")
        finally:
            closed.append(NOON)

    ahead = one_ahead(two_then_gone())
    assert len((await anext(ahead)).documents) == 1
    assert len((await anext(ahead)).documents) == 0
    with pytest.raises(TooSlow):
        await anext(ahead)

    assert closed == [NOON]
