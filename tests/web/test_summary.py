"""Buckets of readings over HTTP, from a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive.queries import History
from iss_agents.parts import Parts
from iss_agents.settings import Settings
from iss_agents.topics import RAW
from tests.web.archived import fetch, store
from tests.web.conftest import Client, problem, reading_of

START = datetime(2026, 8, 11, 10, 0, tzinfo=UTC)
PATH = "/api/v1/telemetry/summary"
SPAN = "from=2026-08-11T10:00:00Z&to=2026-08-11T11:00:00Z"
LEVELS = [reading_of("NODE3000005", str(30 + minute), START + timedelta(minutes=minute)) for minute in range(5)]
BURST = reading_of("NODE3000005", "0", START + timedelta(minutes=3, seconds=1), suspect="zero_burst")
TEXT = reading_of("NODE3000004", "PUMPING", START + timedelta(minutes=2, seconds=30))


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    return Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"web{uuid4().hex}")


@pytest.fixture
async def history(settings: Settings, parts: Parts) -> AsyncIterator[History]:
    await store(settings, RAW, [*LEVELS, BURST, TEXT])
    parts.history = History(settings)
    yield parts.history
    parts.history.close()


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
        "buckets": [
            {"start": "2026-08-11T10:00:00.000Z", "count": 2, "min": 30, "max": 31, "mean": 30.5, "last": "31"},
            {"start": "2026-08-11T10:02:00.000Z", "count": 2, "min": 32, "max": 33, "mean": 32.5, "last": "33"},
            {"start": "2026-08-11T10:04:00.000Z", "count": 1, "min": 34, "max": 34, "mean": 34, "last": "34"},
        ],
    }


@pytest.mark.usefixtures("history")
async def test_texts_have_no_mean(client: Client) -> None:
    document = await fetch(client, f"{PATH}?item=NODE3000004&{SPAN}&points=1")

    assert document["states"]["32"] == "STANDBY"
    assert document["buckets"] == [
        {
            "start": "2026-08-11T10:00:00.000Z",
            "count": 1,
            "min": None,
            "max": None,
            "mean": None,
            "last": "PUMPING",
        }
    ]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "parameter", "value", "expected"),
    [
        ("", "item", None, "a value"),
        ("item=A", "item", "A", "an item of the catalogue; GET /api/v1/items lists them"),
        ("item=NODE3000005&item=NODE3000004", "item", ["NODE3000005", "NODE3000004"], "one value"),
        ("item=NODE3000005&item[$ne]=1", "item[$ne]", "1", "one of the names from, item, points, to"),
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
