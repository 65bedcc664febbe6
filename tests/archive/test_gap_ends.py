"""Gaps that killed workers left open are ended in the database, and a query reads only what it answers."""

from datetime import timedelta
from typing import Any

from iss_agents.archive.gap_ends import end_open_gaps
from iss_agents.archive.mongo import Database
from iss_agents.archive.queries.history import History
from iss_agents.archive.sink import DeadLetters, store
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import SCHEMA_VERSION, Gap, GapCause, encode
from iss_agents.telemetry.topics import GAPS
from tests.archive.packed.conftest import database, settings
from tests.factories import NOON
from tests.web.archived import ArchivedMessage

__all__ = ["database", "settings"]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def gap(
    name: str, start: timedelta, end: timedelta | None, cause: GapCause = "outage", shard: str | None = None
) -> Gap:
    over = None if end is None else NOON + end
    known: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "gap_id": name, "source": "simulated"}
    return Gap(cause=cause, start=NOON + start, end=over, shard=shard, **known)


async def arrive(database: Database, settings: Settings, *gaps: Gap) -> None:
    messages = [ArchivedMessage(GAPS.name, 0, offset, 0, encode(each)) for offset, each in enumerate(gaps)]
    await store(database, DeadLetters(settings), GAPS.name, messages)


async def ends(database: Database) -> dict[str, object]:
    return {each["_id"]: each["end"] for each in await database.gaps.find({"cause": "outage"}).to_list(None)}


async def test_an_open_gap_is_ended_when_the_restart_of_its_shard_arrives(
    database: Database, settings: Settings
) -> None:
    left = [gap("mine", 0 * SECOND, None, shard="1/2"), gap("of another", 0 * SECOND, None, shard="2/2")]
    restart = gap("restart", HOUR, 2 * HOUR, "restart", shard="1/2")
    await arrive(database, settings, *left)
    await arrive(database, settings, restart)
    assert await ends(database) == {"mine": NOON + 2 * HOUR, "of another": None}

    again = gap("restart again", 3 * HOUR, 4 * HOUR, "restart", shard="1/2")
    await arrive(database, settings, *left, restart, again)
    assert await ends(database) == {"mine": NOON + 2 * HOUR, "of another": None}
    await arrive(database, settings, gap("mine", 0 * SECOND, HOUR, shard="1/2"))
    assert await ends(database) == {"mine": NOON + HOUR, "of another": None}


async def test_gaps_of_before_are_ended_and_those_written_by_hand_are_left_alone(database: Database) -> None:
    restart = {"_id": "restart", "cause": "restart", "start": NOON + SECOND, "end": NOON + HOUR}
    by_hand: list[dict[str, Any]] = [
        {"start": "yesterday"},
        {},
        {"start": NOON, "shard": "most"},
        {"start": NOON},
    ]
    gaps = [{"_id": f"{number}", "cause": "outage", **each} for number, each in enumerate(by_hand)]
    await database.gaps.insert_many([restart, *gaps])

    for _ in range(2):
        await end_open_gaps(database, 5000)
        found = await database.gaps.find({"end": {"$ne": None}}).sort("_id", 1).to_list(None)
        assert [each["_id"] for each in found] == ["3", "restart"]


async def test_pages_of_gaps_are_full_and_read_what_ended_in_the_span_or_later(
    database: Database, settings: Settings
) -> None:
    days = [(day, -24 * day * HOUR) for day in range(1, 100)]
    left = [gap(f"left {day}", start, None) for day, start in days]
    restarts = [gap(f"new {day}", start, start + SECOND, "restart") for day, start in days]
    today = [gap(f"today {number:02}", number * SECOND, HOUR) for number in range(25)]
    await arrive(database, settings, *left, *restarts)
    await arrive(database, settings, *today)

    history, cursor, lengths = History(settings), None, []
    found: list[str] = []
    while not found or cursor:
        page = await history.gaps(NOON, NOON + HOUR, 10, cursor)
        found += [each["_id"] for each in page.documents]
        lengths.append(len(page.documents))
        cursor = page.next_cursor
    history.close()

    assert lengths == [10, 10, 5]
    assert found == [each.gap_id for each in today]
    command = {"find": "gaps", "filter": {"end": {"$gte": NOON}}}
    explained = await database.command({"explain": command, "verbosity": "executionStats"})
    assert explained["executionStats"]["totalDocsExamined"] == 25
