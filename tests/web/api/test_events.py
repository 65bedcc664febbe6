"""Events and decisions over HTTP, from a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from iss_agents.announcers.decision import Announcement, Decision
from iss_agents.archive.mongo import DatabaseUnavailableError
from iss_agents.archive.queries.event_counts import By, start_of
from iss_agents.archive.queries.history import History
from iss_agents.config.settings import Settings
from iss_agents.detection.events import UnobservedRise
from iss_agents.telemetry.topics import DECISIONS, EVENTS
from tests.factories import urination
from tests.web.archived import fetch, store
from tests.web.conftest import Client, problem
from web.base.context import WorkerContext
from web.base.parameters import EXPECTED_ZONE

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPAN = "from=2026-08-11T00:00:00Z&to=2026-08-13T00:00:00Z"
FIRST = urination("a1", detected_at=NOON)
SECOND = urination("b2", detected_at=NOON + HOUR / 2, level_after=44.5)
NEXT_DAY = urination("c3", detected_at=NOON + 24 * HOUR)
UNSEEN = UnobservedRise(
    schema_version=1,
    event_id="d4",
    start=NOON - HOUR,
    end=NOON - HOUR / 2,
    detected_at=NOON - HOUR / 2,
    level_before=30,
    level_after=41,
    delta_percent=11,
    processor_running=False,
    readings=2,
    source="isslive",
)
POSTED = Decision(
    schema_version=1,
    event_id="a1",
    decision="posted",
    decided_at=NOON + MINUTE,
    detected_at=NOON,
    text="Somebody went.",
    source="isslive",
    announcements=(Announcement(announcer="x", outcome="posted", attempts=1, post_id="17"),),
)


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"source": "isslive"}


@pytest.fixture(autouse=True)
async def history(settings: Settings, context: WorkerContext) -> AsyncIterator[History]:
    await store(settings, EVENTS, [FIRST, SECOND, NEXT_DAY, UNSEEN])
    await store(settings, DECISIONS, [POSTED])
    context.history = History(settings)
    yield context.history
    context.history.close()


def ids(document: dict[str, Any]) -> list[str]:
    return [event["event_id"] for event in document["events"]]


async def test_events_are_shown_by_their_beginning_and_kind(client: Client) -> None:
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}")) == ["d4", "a1", "b2", "c3"]
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}&kind=use")) == ["a1", "b2", "c3"]
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}&kind=unobserved")) == ["d4"]


async def test_events_of_tests_are_answered_to_those_who_ask_for_them_alone(
    client: Client, settings: Settings
) -> None:
    now = datetime.now(UTC)
    tried, recent = (
        urination("t1", detected_at=NOON, source="test"),
        urination("t2", detected_at=now, source="test"),
    )
    paths = [f"/api/v1/{name}?{SPAN}" for name in ("events", "events/summary", "posts")]
    before = [await fetch(client, path) for path in paths]
    await store(settings, EVENTS, [tried, recent])
    await store(
        settings, DECISIONS, [structs.replace(POSTED, event_id="t1", decision="dry_run", source="test")]
    )

    assert [await fetch(client, path) for path in paths] == before
    events, summary, posts = [await fetch(client, f"{path}&source=test") for path in paths]
    assert ids(events) == ["t1"]
    assert [(bucket["uses"], bucket["unobserved"]) for bucket in summary["buckets"]] == [(1, 0)]
    assert [(post["event_id"], post["decision"]) for post in posts["posts"]] == [("t1", "dry_run")]
    atom = [await (await client.get(f"/api/v1/events.atom{query}")).text() for query in ("", "?source=test")]
    assert ["events/t2" in text for text in atom] == [False, True]
    assert (await fetch(client, "/api/v1/events/t1"))["source"] == "test"


async def test_pages_of_one_kind_follow_each_other(client: Client) -> None:
    path = f"/api/v1/events?{SPAN}&kind=use&limit=2"
    first = await fetch(client, path)
    second = await fetch(client, f"{path}&cursor={first['next_cursor']}")

    assert (ids(first), ids(second), second["next_cursor"]) == (["a1", "b2"], ["c3"], None)


async def test_an_event_is_shown_with_its_decision(client: Client) -> None:
    document = await fetch(client, "/api/v1/events/a1")
    without = await fetch(client, "/api/v1/events/d4")

    assert (document["kind"], document["level_after"], document["start"]) == (
        "use",
        45.0,
        "2026-08-11T11:59:00.000Z",
    )
    assert document["post"] == {
        "event_id": "a1",
        "schema_version": 1,
        "decision": "posted",
        "decided_at": "2026-08-11T12:01:00.000Z",
        "detected_at": "2026-08-11T12:00:00.000Z",
        "text": "Somebody went.",
        "source": "isslive",
        "announcements": [{"announcer": "x", "outcome": "posted", "attempts": 1, "post_id": "17"}],
    }
    assert (without["kind"], without["post"]) == ("unobserved", None)


@pytest.mark.parametrize("name", ["zz", "%00", "a" * 5000, "[$ne]", "%C3%A9"])
async def test_an_event_that_is_not_there_is_a_problem(client: Client, name: str) -> None:
    answer = await client.get(f"/api/v1/events/{name}")

    assert (answer.status, (await answer.json())["parameter"]) == (404, "event_id")


async def test_uses_are_counted_by_day(client: Client) -> None:
    assert await fetch(client, f"/api/v1/events/summary?{SPAN}") == {
        "from": "2026-08-11T00:00:00.000Z",
        "to": "2026-08-13T00:00:00.000Z",
        "by": "day",
        "tz": "UTC",
        "buckets": [
            {"start": "2026-08-11T00:00:00.000Z", "uses": 2, "unobserved": 1, "percent": 5.5},
            {"start": "2026-08-12T00:00:00.000Z", "uses": 1, "unobserved": 0, "percent": 3.0},
        ],
    }


async def test_days_are_those_of_the_reader(client: Client) -> None:
    rome = await fetch(client, f"/api/v1/events/summary?{SPAN}&tz=Europe/Rome")
    samoa = await fetch(client, f"/api/v1/events/summary?{SPAN}&tz=Pacific/Apia")

    assert rome["tz"] == "Europe/Rome"
    assert {one["start"][11:] for one in rome["buckets"]} == {"22:00:00.000Z"}
    assert {one["start"][11:] for one in samoa["buckets"]} == {"11:00:00.000Z"}
    assert sum(one["uses"] for one in rome["buckets"]) == sum(one["uses"] for one in samoa["buckets"]) == 3


@pytest.mark.parametrize(
    ("time", "by", "zone", "start"),
    [
        ("2026-08-11T22:30:00", "day", "Europe/Rome", "2026-08-11T22:00:00"),
        ("2026-08-11T21:30:00", "day", "Europe/Rome", "2026-08-10T22:00:00"),
        ("2026-10-25T23:30:00", "day", "Europe/Rome", "2026-10-25T23:00:00"),  # a day of 25 hours before
        ("2026-10-25T22:30:00", "day", "Europe/Rome", "2026-10-24T22:00:00"),
        ("2026-10-25T00:30:00", "hour", "Europe/Rome", "2026-10-25T00:00:00"),  # two hours with one name
        ("2026-10-25T01:30:00", "hour", "Europe/Rome", "2026-10-25T01:00:00"),
        ("2026-08-11T10:40:00", "hour", "Asia/Kolkata", "2026-08-11T10:30:00"),
        ("2026-08-11T10:40:00", "day", "UTC", "2026-08-11T00:00:00"),
    ],
)
def test_a_day_and_an_hour_begin_where_the_clocks_of_the_zone_say(
    time: str, by: By, zone: str, start: str
) -> None:
    begins = start_of(datetime.fromisoformat(f"{time}+00:00"), by, ZoneInfo(zone))

    assert begins == datetime.fromisoformat(f"{start}+00:00")


async def test_uses_are_counted_by_hour_within_the_span_only(client: Client) -> None:
    document = await fetch(
        client, "/api/v1/events/summary?by=hour&from=2026-08-11T11:00:00Z&to=2026-08-11T12:15:00Z"
    )

    assert document["buckets"] == [
        {"start": "2026-08-11T11:00:00.000Z", "uses": 1, "unobserved": 1, "percent": 3.0}
    ]


async def test_uses_of_the_last_30_days_are_the_default(client: Client) -> None:
    document = await fetch(client, "/api/v1/events/summary")
    start, end = (datetime.fromisoformat(document[name]) for name in ("from", "to"))

    assert end - start == timedelta(days=30)


async def test_a_use_of_all_of_the_history_is_counted(client: Client) -> None:
    document = await fetch(client, "/api/v1/events/summary?from=1970-01-01T00:00:00Z")

    assert sum(bucket["uses"] for bucket in document["buckets"]) == 3


@pytest.mark.parametrize(
    ("path", "parameter", "value", "expected"),
    [
        ("events?kind=rise", "kind", "rise", "one of use, unobserved"),
        ("events/summary?by=week", "by", "week", "one of day, hour"),
        ("events/summary?tz=Rome", "tz", "Rome", EXPECTED_ZONE),
        ("events/summary?tz=../etc/passwd", "tz", "../etc/passwd", EXPECTED_ZONE),
        ("events/summary?tz=", "tz", "", EXPECTED_ZONE),
        ("events/summary?from=-1h&to=-2h", "from", "-1h", "a time not after the parameter to"),
        (
            "events?limit=99999999999999999999",
            "limit",
            "99999999999999999999",
            "a whole number from 1 to 10000",
        ),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: Client, path: str, parameter: str, value: str, expected: str
) -> None:
    answer = await client.get(f"/api/v1/{path}")

    assert await answer.json() == problem(
        400,
        "Bad Request",
        f"{parameter} is {value!r}; expected {expected}",
        parameter=parameter,
        value=value,
        expected=expected,
    )


async def test_a_cursor_of_another_collection_is_refused(client: Client) -> None:
    page = await fetch(client, f"/api/v1/events?{SPAN}&limit=1")
    answer = await client.get(f"/api/v1/telemetry?{SPAN}&cursor={page['next_cursor']}")

    assert (answer.status, (await answer.json())["parameter"]) == (400, "cursor")


async def test_the_history_disconnects(history: History) -> None:
    await history.event("a1")
    history.close()
    History(Settings(_env_file=None)).close()  # no query has connected it

    with pytest.raises(DatabaseUnavailableError, match="after close"):
        await history.event("a1")
