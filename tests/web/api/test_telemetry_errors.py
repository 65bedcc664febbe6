"""Queries of telemetry that cannot be answered: each says what is wrong and what was expected."""

import pytest
from pydantic import SecretStr

from iss_agents.archive.queries.history import History
from iss_agents.config.settings import Settings
from tests.web.api.test_telemetry import history
from tests.web.conftest import Client, problem
from web.base.context import WorkerContext

__all__ = ["history"]


EXPECTED_TIME = (
    "a time from 1970 to 2099 with its zone such as 2026-08-11T10:27:48Z (write + as %2B), "
    "a date, milliseconds since 1970, or one before now such as -90s or -2h"
)
EXPECTED_ITEM = "an item of the catalogue; GET /api/v1/items lists them"
LIMIT = "a whole number from 1 to 10000"


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "parameter", "value", "expected"),
    [
        ("from=yesterday", "from", "yesterday", EXPECTED_TIME),
        ("from=2026-08-11T10:00:00", "from", "2026-08-11T10:00:00", EXPECTED_TIME),
        ("from=-2y", "from", "-2y", EXPECTED_TIME),
        ("from=-999999d", "from", "-999999d", EXPECTED_TIME),
        ("to=", "to", "", EXPECTED_TIME),
        ("from=-1h&to=-2h", "from", "-1h", "a time not after the parameter to"),
        ("limit=0", "limit", "0", LIMIT),
        ("limit=10001", "limit", "10001", LIMIT),
        ("limit=many", "limit", "many", LIMIT),
        ("limit=1&limit=2", "limit", ["1", "2"], "one value"),
        ("cursor=nonsense", "cursor", "nonsense", "the next_cursor of an earlier page, or none"),
        ("item=", "item", "", EXPECTED_ITEM),
        ("cursor=%C3%A9", "cursor", "é", "the next_cursor of an earlier page, or none"),
        ("item=NODE3000005&item=NODE9", "item", "NODE9", EXPECTED_ITEM),
        (
            "itme=NODE3000005",
            "itme",
            "NODE3000005",
            "one of the names cursor, format, from, item, limit, source, to",
        ),
    ],
)
async def test_a_wrong_parameter_is_named_with_its_value_and_what_was_expected(
    client: Client, query: str, parameter: str, value: object, expected: str
) -> None:
    answer = await client.get(f"/api/v1/telemetry?{query}")

    assert await answer.json() == problem(
        400,
        "Bad Request",
        f"{parameter} is {value!r}; expected {expected}",
        parameter=parameter,
        value=value,
        expected=expected,
    )


@pytest.mark.parametrize("path", ["/api/v1/telemetry", "/api/v1/gaps"])
async def test_without_the_database_the_client_is_asked_to_come_back(
    client: Client, context: WorkerContext, settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("iss_agents.archive.mongo.SELECTION_MS", 100)
    away = settings.model_copy(update={"mongo_url": SecretStr("mongodb://127.0.0.1:1/?directConnection=true")})
    context.history = History(away)
    answer = await client.get(path)
    context.history.close()

    assert answer.headers["Retry-After"] == "5"
    assert await answer.json() == problem(
        503,
        "Service Unavailable",
        "The database does not answer now, or not in time: try again, or ask for a shorter span",
    )


@pytest.mark.parametrize("path", ["/api/v1/telemetry", "/api/v1/gaps"])
async def test_a_worker_without_the_archive_says_whom_to_ask(client: Client, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status, (await answer.json())["detail"]) == (
        503,
        "This worker does not run the role archive; ask a worker with archive in ISS_ROLES",
    )


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("item[$ne]=1", "item[$ne]"),
        ("item=%00", "item"),
        ("item=" + "A" * 5000, "item"),
        ("item[]=NODE3000005", "item[]"),
        ("from=1969-12-31T23:59:59Z", "from"),
        ("to=9999-12-31T23:59:59Z", "to"),
        ("limit=-1", "limit"),
        ("limit=1e3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 8001, "cursor"),
        ("format=xlsx", "format"),
        ("format=csv&cursor=nonsense", "cursor"),
        ("format=ndjson&limit=0", "limit"),
        ("&".join(["item=NODE3000005"] * 21), "item"),
    ],
)
async def test_what_could_harm_is_refused_by_name(client: Client, query: str, parameter: str) -> None:
    answer = await client.get(f"/api/v1/telemetry?{query}")

    assert (answer.status, (await answer.json())["parameter"]) == (400, parameter)
