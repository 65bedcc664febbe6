import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from iss_agents.archive.cursor import InvalidCursorError, Position
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, QueryTimeoutError
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.scan import Window, WindowScan
from iss_agents.config.settings import Settings
from iss_agents.telemetry.shards import Shard, shards_with
from iss_agents.telemetry.station_clock import milliseconds
from tests.archive.kafka import NOON

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
async def history(settings: Settings, database: Database) -> AsyncIterator[History]:
    await prepare(database, settings)
    history = History(settings)
    yield history
    history.close()


def reading(name: str, after: timedelta, item_id: str = "A") -> Document:
    return {"_id": name, "item_id": item_id, "source": "isslive", "source_ts": NOON + after}


def gap(name: str, start: timedelta, end: timedelta | None, **fields: str) -> Document:
    times = {"start": NOON + start, "end": None if end is None else NOON + end}
    return {"_id": name, "cause": "outage", "source": "isslive", **times, **fields}


async def ids_of_pages(history: History, limit: int, *items: str) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        page = await history.readings.page(items, NOON, NOON + HOUR, limit, cursor)
        pages.append([document["_id"] for document in page.documents])
        if (cursor := page.next_cursor) is None:
            return pages


async def test_pages_through_equal_times_without_loss_or_repetition(
    history: History, database: Database
) -> None:
    equal = [reading(f"{number}", SECOND) for number in range(7)]
    await database.readings.insert_many(
        [*reversed(equal), reading("first", 0 * SECOND), reading("a", HOUR / 2)]
    )

    assert await ids_of_pages(history, 3) == [["first", "0", "1"], ["2", "3", "4"], ["5", "6", "a"]]
    assert await ids_of_pages(history, 4) == [["first", "0", "1", "2"], ["3", "4", "5", "6"], ["a"]]


async def test_several_items_come_in_one_order_and_others_not_at_all(
    history: History, database: Database
) -> None:
    await database.readings.insert_many(
        [
            reading("b1", 1 * SECOND, "B"),
            reading("c", SECOND, "C"),
            reading("a2", 2 * SECOND),
            reading("b3", 3 * SECOND, "B"),
        ]
    )

    assert await ids_of_pages(history, 2, "A", "B") == [["b1", "a2"], ["b3"]]
    assert await ids_of_pages(history, 9, "D") == [[]]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (NOON, NOON + SECOND, ["at 0"]),
        (NOON, NOON + SECOND + timedelta(microseconds=1), ["at 0", "at 1"]),
        (NOON + timedelta(microseconds=1), NOON + 2 * SECOND, ["at 1"]),
        (NOON + SECOND, NOON + SECOND, []),
    ],
)
async def test_a_span_has_its_start_and_not_its_end(
    history: History, database: Database, start: datetime, end: datetime, found: list[str]
) -> None:
    await database.readings.insert_many([reading("at 0", 0 * SECOND), reading("at 1", SECOND)])

    page = await history.readings.page([], start, end, 10)

    assert [document["_id"] for document in page.documents] == found


async def test_gaps_are_those_that_overlap_the_span(history: History, database: Database) -> None:
    await database.gaps.insert_many(
        [
            gap("over before", -2 * SECOND, 0 * SECOND),
            gap("reaches in", -1 * SECOND, SECOND),
            gap("around", -3 * SECOND, 2 * HOUR),
            gap("lasts", -4 * SECOND, None),
            gap("a moment", 0 * SECOND, 0 * SECOND),
            gap("after", HOUR, 2 * HOUR),
        ]
    )

    first = await history.gaps(NOON, NOON + HOUR, 3)
    second = await history.gaps(NOON, NOON + HOUR, 3, first.next_cursor)

    assert [document["_id"] for document in first.documents] == ["lasts", "around", "reaches in"]
    assert ([document["_id"] for document in second.documents], second.next_cursor) == (["a moment"], None)


async def test_a_gap_of_a_killed_worker_was_over_where_the_next_feed_began(
    history: History, database: Database
) -> None:
    restart = {"cause": "restart", "source": "isslive"}
    await database.gaps.insert_many(
        [
            gap("over before", -4 * HOUR, None),
            gap("reaches in", -1 * HOUR, None),
            gap("of another source", -1 * HOUR, None, source="test"),
            gap("restart before", -2 * HOUR, -2 * HOUR, **restart),
            gap("restart", 0 * HOUR, 2 * SECOND, **restart),
            gap("lasts", 5 * SECOND, None),
        ]
    )

    page = await history.gaps(NOON, NOON + HOUR, 10)
    tests = await history.gaps(NOON, NOON + HOUR, 10, source="test")

    assert [(document["_id"], document["end"]) for document in tests.documents] == [("of another source", None)]
    assert {document["_id"]: document["end"] for document in page.documents} == {
        "reaches in": NOON + 2 * SECOND,
        "restart": NOON + 2 * SECOND,
        "lasts": None,
    }


@pytest.mark.parametrize(
    ("left", "restarted", "over"),
    [
        ("1/2", "1/2", True),
        ("1/2", "2/2", False),
        ("1/2", None, True),
        (None, "2/3", True),
        ("1/2", "1/3", True),
    ],
)
async def test_only_a_feed_that_takes_up_its_items_ends_a_gap(
    history: History, database: Database, left: str | None, restarted: str | None, *, over: bool
) -> None:
    restart = gap("restart", SECOND, 2 * SECOND, cause="restart", **named(restarted))
    await database.gaps.insert_many([gap("left", 0 * SECOND, None, **named(left)), restart])

    page = await history.gaps(NOON, NOON + HOUR, 10)

    assert page.documents[0]["end"] == (NOON + 2 * SECOND if over else None)


def named(shard: str | None) -> Document:
    return {"shard": shard} if shard else {}


async def test_gaps_of_an_item_are_those_of_its_shards_and_every_loss_of_signal(
    history: History, database: Database
) -> None:
    mine = {str(shard) for shard in shards_with("NODE3000005")}
    shards = [shard for count in (2, 3, 12) for shard in Shard(1, count).siblings]
    await database.gaps.insert_many(
        [
            gap("whole", 0 * SECOND, SECOND),
            gap("of the item", 0 * SECOND, SECOND, item_id="NODE3000005"),
            gap("of another", 0 * SECOND, SECOND, item_id="NODE3000004"),
            *(gap(f"outage of {shard}", 0 * SECOND, SECOND, **named(str(shard))) for shard in shards),
            *(gap(f"los by {shard}", 0 * SECOND, SECOND, cause="los", **named(str(shard))) for shard in shards),
        ]
    )

    page = await history.gaps(NOON, NOON + HOUR, 100, item_id="NODE3000005")

    expected = {f"outage of {shard}" for shard in shards if str(shard) in mine}
    assert len(expected) == 3
    assert {document["_id"] for document in page.documents} == {
        "whole",
        "of the item",
        *expected,
        *(f"los by {shard}" for shard in shards),
    }


@pytest.mark.parametrize(
    "cursor", ["x", "!", "é", "eyJ0IjoxfQ==", "WzEsMl0=", "Wzk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd"]
)
async def test_a_cursor_of_another_make_is_refused(history: History, cursor: str) -> None:
    with pytest.raises(InvalidCursorError, match="start again without one"):
        await history.readings.page([], NOON, NOON + HOUR, 10, cursor)


async def test_a_cursor_goes_on_with_its_own_question_alone(history: History, database: Database) -> None:
    await database.readings.insert_many([reading(f"{number}", number * SECOND) for number in range(9)])
    cursor = (await history.readings.page(["A", "B"], NOON, NOON + HOUR, 3)).next_cursor

    for others in ([], ["A"], ["A", "B", "C"], ["A,B"], ["A|B"]):
        with pytest.raises(
            InvalidCursorError, match=r"belongs to other items, another kind or another source; start again"
        ):
            await history.readings.page(others, NOON, NOON + HOUR, 3, cursor)
    with pytest.raises(InvalidCursorError, match=r"belongs to a later span; start again"):
        await history.readings.page(["A", "B"], NOON - HOUR, NOON, 3, cursor)
    # The order of items, the size of a page, and a span that ends now are no other question.
    page = await history.readings.page(["B", "A", "A"], NOON + SECOND, NOON + 2 * HOUR, 4, cursor)
    assert [document["_id"] for document in page.documents] == ["3", "4", "5", "6"]


async def test_a_cursor_of_events_or_gaps_goes_on_with_its_own_question_alone(
    history: History, database: Database
) -> None:
    await database.events.insert_many(
        [
            {"_id": f"{number}", "kind": "use", "source": "isslive", "start": NOON + number * SECOND}
            for number in range(4)
        ]
    )
    await database.gaps.insert_many([gap(f"{number}", number * SECOND, HOUR) for number in range(4)])
    span = NOON, NOON + HOUR, 2
    of_events, of_gaps = (await history.events(*span)).next_cursor, (await history.gaps(*span)).next_cursor

    with pytest.raises(InvalidCursorError, match="another kind"):
        await history.events(*span, of_events, kind="use")
    with pytest.raises(InvalidCursorError, match="other items"):
        await history.gaps(*span, of_gaps, item_id="NODE3000005")
    pages = [await history.events(*span, of_events), await history.gaps(*span, of_gaps)]
    assert [[document["_id"] for document in page.documents] for page in pages] == [["2", "3"], ["2", "3"]]


async def test_a_cursor_from_before_they_were_bound_to_a_question_goes_on(
    history: History, database: Database
) -> None:
    await database.readings.insert_many([reading(f"{number}", number * SECOND) for number in range(4)])
    earlier = base64.urlsafe_b64encode(f'["readings",{milliseconds(NOON + SECOND)},"1"]'.encode()).decode()

    page = await history.readings.page(["A"], NOON, NOON + HOUR, 9, earlier)

    assert [document["_id"] for document in page.documents] == ["2", "3"]


async def test_says_that_the_database_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"mongo_url": SecretStr("mongodb://127.0.0.1:1/?directConnection=true")})

    history = History(away)

    with pytest.raises(
        DatabaseUnavailableError, match="MongoDB does not answer; start it or correct ISS_MONGO_URL"
    ):
        await history.readings.page([], NOON, NOON + HOUR, 10)
    history.close()


async def test_a_query_that_takes_too_long_is_cut_off(history: History, database: Database) -> None:
    await database.readings.insert_one(reading("a", SECOND))
    admin = database.client.admin
    # As often as it is asked again, with narrower windows.
    fault = {"failCommands": ["find"], "errorCode": 50}
    await admin.command({"configureFailPoint": "failCommand", "mode": {"times": 4}, "data": fault})

    with pytest.raises(DatabaseUnavailableError, match="took too long; ask for a shorter span"):
        await history.readings.page([], NOON, NOON + HOUR, 10)


async def test_what_was_found_before_a_query_took_too_long_is_a_page(
    history: History, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.readings.insert_many([reading("a", SECOND), reading("b", HOUR / 2)])
    ask = WindowScan._next

    async def slow_later(self: WindowScan, place: Position, width: timedelta) -> Window:
        if place.time > NOON:
            raise QueryTimeoutError("took too long")
        return await ask(self, place, width)

    with monkeypatch.context() as patched:
        patched.setattr(WindowScan, "_next", slow_later)
        first = await history.readings.page(["A"], NOON, NOON + HOUR, 10)
    second = await history.readings.page(["A"], NOON, NOON + HOUR, 10, first.next_cursor)

    assert [[one["_id"] for one in page.documents] for page in (first, second)] == [["a"], ["b"]]
    assert second.next_cursor is None


async def test_a_gap_written_by_hand_without_an_end_is_open(history: History, database: Database) -> None:
    by_hand = gap("by hand", 0 * SECOND, None)
    del by_hand["end"]
    restart = gap("restart", 5 * SECOND, None, cause="restart")
    del restart["end"]
    await database.gaps.insert_many([by_hand, restart])

    page = await history.gaps(NOON, NOON + HOUR, 10)
    summary = await history.summary("A", NOON, NOON + HOUR, 10, NOON + HOUR)

    assert [(one["_id"], one["end"]) for one in page.documents] == [("by hand", None), ("restart", None)]
    assert {bucket.last for bucket in summary.buckets} == {None}
