"""Buckets of readings over HTTP, from a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.archive.mongo import RejectedError, connect
from iss_agents.archive.queries.history import History
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Gap
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.topics import GAPS, RAW
from tests.factories import reading_of
from tests.web.archived import fetch, store
from tests.web.conftest import Client, problem
from web.base.context import WorkerContext

START = datetime(2026, 8, 11, 10, 0, tzinfo=UTC)
PATH = "/api/v1/telemetry/summary"
SPAN = "from=2026-08-11T10:00:00Z&to=2026-08-11T11:00:00Z"
LEVELS = [reading_of("NODE3000005", str(30 + minute), START + timedelta(minutes=minute)) for minute in range(5)]
BURST = reading_of("NODE3000005", "0", START + timedelta(minutes=3, seconds=1), suspect="zero_burst")
TEXT = reading_of("NODE3000004", "PUMPING", START + timedelta(minutes=2, seconds=30))


@pytest.fixture
async def history(settings: Settings, context: WorkerContext) -> AsyncIterator[History]:
    await store(settings, RAW, [*LEVELS, BURST, TEXT])
    context.history = History(settings)
    yield context.history
    context.history.close()


@pytest.mark.usefixtures("history")
async def test_believed_readings_are_shown_in_buckets(client: Client) -> None:
    assert await fetch(client, f"{PATH}?item=NODE3000005&{SPAN}&points=30") == {
        "item_id": "NODE3000005",
        "name": "Urine Tank Qty",
        "unit": "%",
        "states": {},
        "from": "2026-08-11T10:00:00.000Z",
        "to": "2026-08-11T11:00:00.000Z",
        "bucket_seconds": 120,
        "count": 5,
        "before": None,
        "buckets": [
            bucket(0, 2, 30, 31, 30.5, "31"),
            bucket(2, 2, 32, 33, 32.5, "33"),
            bucket(4, 1, 34, 34, 34, "34"),
            *(bucket(minute, 0, 34, 34, 34, "34") for minute in range(6, 60, 2)),
        ],
    }


def bucket(
    minute: int, count: int, *values: object, shares: dict[str, float] | None = None
) -> dict[str, object]:
    """Return a bucket that begins some minutes after ten; values are min, max, mean and last."""
    named = dict(zip(("min", "max", "mean", "last"), values, strict=True))
    return {"start": f"2026-08-11T10:{minute:02}:00.000Z", "count": count, **named, "shares": shares}


@pytest.mark.usefixtures("history")
async def test_a_test_reading_is_neither_in_the_hour_nor_before_it(client: Client, settings: Settings) -> None:
    span, later = f"item=NODE3000005&{SPAN}&points=1", "from=2026-08-11T11:00:00Z&to=2026-08-11T12:00:00Z"
    before = [await fetch(client, f"{PATH}?{span}"), await fetch(client, f"{PATH}?item=NODE3000005&{later}")]
    tried = [
        reading_of("NODE3000005", "99", START + timedelta(minutes=30), source="test"),
        reading_of("NODE3000005", "98", START + timedelta(minutes=45), source="test"),
    ]
    await store(settings, RAW, tried)
    database = connect(settings)
    for _ in ("dirty", "rolled up"):
        assert [
            await fetch(client, f"{PATH}?{span}"),
            await fetch(client, f"{PATH}?item=NODE3000005&{later}"),
        ] == before
        (hour,) = (await fetch(client, f"{PATH}?{span}&source=test"))["buckets"]
        assert (hour["count"], hour["min"], hour["max"], hour["mean"]) == (2, 98, 99, 98.5)
        test_later = await fetch(client, f"{PATH}?item=NODE3000005&{later}&source=test&points=1")
        assert test_later["before"]["value"] == "98"
        assert (await fetch(client, f"{PATH}?{span}&source=isslive"))["count"] == 0
        for each in await stale_hours(database, datetime.now(UTC) + timedelta(hours=1)):
            assert await compute_rollup(database, each)
    hours = await database.summaries.find({"hour": START}).sort("_id", 1).to_list(None)
    database.client.close()

    assert [(hour["_id"], hour["max"]) for hour in hours if "NODE3000005" in hour["_id"]] == [
        ("NODE3000005|2026-08-11T10", 34),
        ("test|NODE3000005|2026-08-11T10", 99),
    ]


@pytest.mark.usefixtures("history")
async def test_a_question_that_the_database_will_never_answer_is_not_one_to_repeat(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def rejected(*_arguments: object) -> None:
        raise RejectedError("MongoDB rejects this, and will again (a reason)")

    monkeypatch.setattr(History, "summary", rejected)
    answer = await client.get(f"{PATH}?item=NODE3000005&{SPAN}&points=30")

    assert (answer.status, "Retry-After" in answer.headers) == (500, False)
    assert (await answer.json())["detail"].startswith("The database cannot answer this, whenever it is asked")
    assert "MongoDB rejects this, and will again (" in caplog.text


@pytest.mark.usefixtures("history")
async def test_what_somebody_has_edited_by_hand_does_not_count(client: Client, settings: Settings) -> None:
    database = connect(settings)
    await database.readings.update_one({"value": "31"}, {"$set": {"sequence": "a text"}})
    database.client.close()
    document = await fetch(client, f"{PATH}?item=NODE3000005&{SPAN}&points=30")

    assert document["count"] == 4


@pytest.mark.usefixtures("history")
async def test_texts_have_no_mean(client: Client) -> None:
    document = await fetch(client, f"{PATH}?item=NODE3000004&{SPAN}&points=1")

    assert document["states"]["32"] == "STANDBY"
    assert document["buckets"] == [bucket(0, 1, None, None, None, "PUMPING", shares={})]


@pytest.mark.usefixtures("history")
async def test_states_have_shares_of_time_and_no_mean(client: Client, settings: Settings) -> None:
    changes = [(10, "16"), (20, "32"), (25, "16"), (40, "32")]
    readings = [
        reading_of("NODE3000004", value, START + timedelta(minutes=minute)) for minute, value in changes
    ]
    await store(settings, RAW, readings)
    document = await fetch(
        client, f"{PATH}?item=NODE3000004&from=2026-08-11T10:10:00Z&to=2026-08-11T11:00:00Z&points=1"
    )
    [whole] = document["buckets"]

    assert (whole["mean"], whole["min"], whole["max"], whole["last"]) == (None, 16, 32, "32")
    assert whole["shares"] == {"16": 0.5, "32": 0.5}


@pytest.mark.usefixtures("history")
async def test_a_span_begins_with_the_value_that_held(client: Client) -> None:
    span = "from=2026-08-11T12:00:00Z&to=2026-08-11T12:02:00Z"
    document = await fetch(client, f"{PATH}?item=NODE3000005&{span}&points=2")

    assert document["count"] == 0
    assert document["before"] == {
        "item_id": "NODE3000005",
        "source_ts": "2026-08-11T10:04:00.000Z",
        "value": "34",
        "number": 34,
        "state": None,
    }
    assert [(one["count"], one["mean"], one["last"]) for one in document["buckets"]] == [(0, 34, "34")] * 2


@pytest.mark.usefixtures("history")
async def test_in_a_gap_nothing_is_known(client: Client, settings: Settings) -> None:
    lost = Gap(
        schema_version=1,
        gap_id="los-1",
        cause="los",
        start=START + timedelta(minutes=10),
        end=START + timedelta(minutes=20),
        source="simulated",
    )
    await store(settings, GAPS, [lost])
    document = await fetch(client, f"{PATH}?item=NODE3000005&{SPAN}&points=6")

    assert [one["mean"] for one in document["buckets"]] == [pytest.approx(33), None, 34, 34, 34, 34]
    assert document["buckets"][1] == bucket(10, 0, None, None, None, None)


async def test_nothing_is_known_of_the_time_to_come(
    client: Client, settings: Settings, context: WorkerContext
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    context.history = History(settings)
    await store(settings, RAW, [reading_of("NODE3000005", "40", now - timedelta(minutes=5))])
    span = f"from={rfc3339(now - timedelta(minutes=10))}&to={rfc3339(now + timedelta(minutes=10))}"
    document = await fetch(client, f"{PATH}?item=NODE3000005&{span}&points=20")
    context.history.close()

    assert 10 <= len(document["buckets"]) <= 12
    assert [one["mean"] for one in document["buckets"]][:6] == [None] * 5 + [40]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "parameter", "value", "expected"),
    [
        ("", "item", None, "a value"),
        ("item=A", "item", "A", "an item of the catalogue; GET /api/v1/items lists them"),
        ("item=NODE3000005&item=NODE3000004", "item", ["NODE3000005", "NODE3000004"], "one value"),
        ("item=NODE3000005&item[$ne]=1", "item[$ne]", "1", "one of the names from, item, points, source, to"),
        ("item=NODE3000005&points=0", "points", "0", "a whole number from 1 to 5000"),
        ("item=NODE3000005&points=5001", "points", "5001", "a whole number from 1 to 5000"),
        ("item=NODE3000005&from=-1h&to=-2h", "from", "-1h", "a time not after the parameter to"),
    ],
)
async def test_a_wrong_parameter_is_named_with_its_value_and_what_was_expected(
    client: Client, query: str, parameter: str, value: object, expected: str
) -> None:
    answer = await client.get(f"{PATH}?{query}")

    assert await answer.json() == problem(
        400,
        "Bad Request",
        f"{parameter} is {'missing' if value is None else repr(value)}; expected {expected}",
        parameter=parameter,
        value=value,
        expected=expected,
    )
