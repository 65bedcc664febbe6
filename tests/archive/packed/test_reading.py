"""Pages of readings have no seam where documents have expired: each reading once, and in order."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from iss_agents.archive import retention, scan
from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Database, Document, RejectedError
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.packed.reader import PackedReader
from iss_agents.archive.queries.history import History
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, SECOND
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.expiry import let_readings_expire
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    TODAY,
    reading,
    some_readings,
    store,
    summarise_all,
)

START, END = from_milliseconds(FIRST), from_milliseconds(TODAY + HOUR)
OTHER = "USLAB000058"
MONTH = timedelta(days=30)
QUESTIONS: list[tuple[tuple[str, ...], Source | None]] = [
    ((ITEM,), None),
    ((), None),
    ((OTHER, ITEM), None),
    ((ITEM,), "test"),
    ((), "test"),
]
"""Items, or all, and a source."""


@pytest.fixture
async def database(database: Database) -> Database:
    await backfill.begin(database, NOW)
    return database


@pytest.fixture
async def history(settings: Settings) -> AsyncIterator[History]:
    history = History(settings)
    yield history
    history.close()


def in_order(documents: list[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: Position.of(document, "source_ts"))


def of_two_items(chance: random.Random, count: int) -> list[Document]:
    """Return readings of two items, some of which are test readings."""
    return [
        {**each, "item_id": chance.choice([ITEM, OTHER]), "source": chance.choice(["simulated"] * 4 + ["test"])}
        for each in some_readings(chance, count)
    ]


async def in_pages(
    history: History, limit: int, *items: str, source: Source | None = None, since: int = FIRST - HOUR
) -> list[Document]:
    documents: list[Document] = []
    cursor: str | None = None
    while True:
        page = await history.readings.page(items, from_milliseconds(since), END, limit, cursor, source)
        assert len(page.documents) <= limit
        documents += page.documents
        if (cursor := page.next_cursor) is None:
            return documents


@pytest.mark.parametrize("expired", [0.0, 0.5, 1.0], ids=["none", "half of them", "all"])
async def test_each_reading_comes_once_and_in_order_however_many_have_expired(
    database: Database, history: History, expired: float
) -> None:
    chance = random.Random(5)
    # All in closed hours: the database itself may delete them meanwhile.
    documents = [each for each in of_two_items(chance, 150) if each["sequence"] < TODAY // HOUR * HOUR]
    await store(database, documents)
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    gone = chance.sample([each["_id"] for each in documents], int(expired * len(documents)))
    await database.readings.delete_many({"_id": {"$in": gone}})

    ordered = in_order(documents)
    for items, source in QUESTIONS:
        wanted = [
            each
            for each in ordered
            if each["source"] == (source or "simulated") and (not items or each["item_id"] in items)
        ]
        assert await in_pages(history, chance.randrange(20, 60), *items, source=source) == wanted


async def test_more_readings_of_one_instant_than_a_window_holds_come_in_order_of_arrival(
    database: Database, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 7)
    documents = [reading(FIRST + 5, f"{number}", f"{99 - number}", offset=number) for number in range(30)]
    await store(database, documents)
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    await database.readings.delete_many({"offset": {"$mod": [3, 0]}})

    assert await in_pages(history, 4, ITEM) == documents


async def test_what_was_packed_years_ago_is_found_at_once(database: Database, history: History) -> None:
    long_ago = [reading(FIRST - 3000 * DAY + second, "1", f"old {second}") for second in range(3)]
    await store(database, long_ago)
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    await database.readings.delete_many({})

    assert await in_pages(history, 10, ITEM, since=0) == long_ago
    assert await in_pages(history, 10, since=0) == long_ago


async def test_a_longer_retention_does_not_hide_what_had_expired_before(
    database: Database, history: History, settings: Settings
) -> None:
    documents = [reading(FIRST + second * SECOND, "1", f"{second:02}") for second in range(20)]
    await store(database, documents)
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    await database.readings.delete_many({})
    await retention.prepare(database, settings.model_copy(update={"retention_days": 0}))

    assert await in_pages(history, 9, ITEM) == documents


async def test_a_plot_of_seconds_and_the_value_before_it_are_those_of_expired_readings(
    database: Database, history: History
) -> None:
    documents = [reading(FIRST + second * SECOND, f"{second}", f"{second:04}") for second in range(0, 3600, 7)]
    await store(database, documents)
    await summarise_all(database)
    start, end = from_milliseconds(FIRST + 90 * SECOND), from_milliseconds(FIRST + 1207 * SECOND)
    before = await history.summary(ITEM, start, end, 2000, known_until=END)
    await let_readings_expire(database, MONTH)
    await database.readings.delete_many({})

    after = await history.summary(ITEM, start, end, 15, known_until=END)
    assert sum(bucket.count for bucket in after.buckets) == sum(bucket.count for bucket in before.buckets) > 100
    assert after.before == before.before
    [(_, held)] = await history.values_before([ITEM], end)
    assert held.value == "1204"


async def test_a_damaged_hour_is_told_and_not_left_out(database: Database, history: History) -> None:
    await store(database, [reading(FIRST, "1", "a"), reading(FIRST + HOUR, "2", "b")])
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    await database[PACKED_HOURS].update_one({"hour": START}, {"$set": {"readings": b"\x01damaged"}})

    with pytest.raises(RejectedError, match=r"packed hour .* is damaged: .* restore it from a backup"):
        await in_pages(history, 10, ITEM)
    assert [each["_id"] for each in await in_pages(history, 10, ITEM, since=FIRST + HOUR)] == ["b"]


async def test_no_more_than_the_hours_of_one_window_are_held(database: Database) -> None:
    await store(database, [reading(FIRST + number * HOUR, "1", f"{number}") for number in range(5)])
    await summarise_all(database)
    await let_readings_expire(database, MONTH)
    packed = PackedReader(database, [], None)

    found = [
        len(await packed.between(START + timedelta(hours=number), START + timedelta(hours=number + 1)))
        for number in range(5)
    ]

    assert found == [1] * 5
    assert len(packed._hours) == 1
