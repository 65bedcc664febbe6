"""Events and decisions over HTTP, from a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.announcers.decision import Announcement, Decision
from iss_agents.archive.queries import History
from iss_agents.detection.events import UnobservedRise
from iss_agents.parts import Parts
from iss_agents.settings import Settings
from iss_agents.topics import DECISIONS, EVENTS
from tests.announcers.factory import urination
from tests.web.archived import fetch, store
from tests.web.conftest import Client, problem

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
def settings(mongo_url: str) -> Settings:
    return Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"web{uuid4().hex}")


@pytest.fixture(autouse=True)
async def history(settings: Settings, parts: Parts) -> AsyncIterator[History]:
    await store(settings, EVENTS, [FIRST, SECOND, NEXT_DAY, UNSEEN])
    await store(settings, DECISIONS, [POSTED])
    parts.history = History(settings)
    yield parts.history
    parts.history.close()


def ids(document: dict[str, Any]) -> list[str]:
    return [event["event_id"] for event in document["events"]]


async def test_events_are_shown_by_their_beginning_and_kind(client: Client) -> None:
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}")) == ["d4", "a1", "b2", "c3"]
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}&kind=use")) == ["a1", "b2", "c3"]
    assert ids(await fetch(client, f"/api/v1/events?{SPAN}&kind=unobserved")) == ["d4"]


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
        "buckets": [
            {"start": "2026-08-11T00:00:00.000Z", "uses": 2, "unobserved": 1, "percent": 5.5},
            {"start": "2026-08-12T00:00:00.000Z", "uses": 1, "unobserved": 0, "percent": 3.0},
        ],
    }


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
    History(Settings(_env_file=None)).close()
