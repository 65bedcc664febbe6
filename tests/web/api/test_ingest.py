import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from prometheus_client import REGISTRY

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.feed.publisher import Publisher
from iss_agents.telemetry.records import decode_reading, event_id
from tests.factories import TOKEN, reading_of
from tests.web.conftest import Client, Offers, problem
from web.base.context import WorkerContext

PATH = "/api/v1/ingest/test"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
MEASUREMENT = {
    "item_id": "NODE3000005",
    "value": "37",
    "source_ts": "2026-08-11T12:27:48.0009+02:00",
    "status_class": "24",
    "status_indicator": " ",
    "status_color": "white",
    "calibrated_data": "37",
}
REFUSED = "The header Authorization must be: Bearer, a space, and the token of ISS_INGEST_TOKEN"


def accepted() -> float:
    return REGISTRY.get_sample_value("iss_feed_received_total", {"source": "test"}) or 0


async def test_a_measurement_is_enqueued_as_a_test_reading(client: Client, offers: Offers) -> None:
    before = accepted()
    answer = await client.post(PATH, json=MEASUREMENT, headers=AUTHORIZED)
    source_ts = datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)
    name = event_id("NODE3000005", source_ts, "37", "24", " ", "white", "37", source="test")

    assert answer.status == 201
    assert await answer.json() == {"event_id": name, "status": "enqueued"}
    (record,) = offers.records
    reading = decode_reading(record.value)
    assert (record.topic, record.key) == ("telemetry.raw.v1", b"NODE3000005")
    assert (reading.event_id, reading.source, reading.source_ts) == (name, "test", source_ts)
    assert datetime.now(UTC) - reading.ingest_ts < timedelta(seconds=10)
    assert accepted() == before + 1


async def test_without_a_time_it_was_measured_now(client: Client, offers: Offers) -> None:
    answer = await client.post(PATH, json={"item_id": "NODE3000005", "value": "37"}, headers=AUTHORIZED)
    reading = decode_reading(offers.records[0].value)

    assert answer.status == 201
    assert reading.source_ts.microsecond % 1000 == 0
    assert timedelta(0) <= reading.ingest_ts - reading.source_ts < timedelta(milliseconds=1)
    assert reading.status_class is None


LATER = "2099-12-31T23:59:59Z"
EXPECTED_SPAN = "a time since the station's first launch, 1998-11-20, and at most 5 minutes ahead of now"
NAMES = "calibrated_data, item_id, source_ts, status_class, status_color, status_indicator, value"


@pytest.mark.parametrize(
    ("change", "parameter", "value", "expected"),
    [
        ({"item_id": None}, "item_id", None, "a text"),
        ({"item_id": "NODE9"}, "item_id", "NODE9", "an item of the catalogue; GET /api/v1/items lists them"),
        ({"value": 37}, "value", 37, "a text of 1 to 256 characters"),
        ({"value": ""}, "value", "", "a text of 1 to 256 characters"),
        ({"value": "3" * 257}, "value", "3" * 200 + "…", "a text of 1 to 256 characters"),
        ({"status_class": 24}, "status_class", 24, "a text of at most 256 characters"),
        ({"status_color": ["white"]}, "status_color", "['white']", "a text of at most 256 characters"),
        (
            {"calibrated_data": "x" * 257},
            "calibrated_data",
            "x" * 200 + "…",
            "a text of at most 256 characters",
        ),
        ({"source_ts": LATER}, "source_ts", LATER, EXPECTED_SPAN),
        ({"source_ts": "1969-07-20T20:17:40Z"}, "source_ts", "1969-07-20T20:17:40Z", EXPECTED_SPAN),
        (
            {"source_ts": "2026-08-11T10:27:48"},
            "source_ts",
            "2026-08-11T10:27:48",
            "a time from 1970 to 2099 with its zone such as 2026-08-11T10:27:48Z",
        ),
        ({"vlaue": "37"}, "vlaue", "37", f"one of the names {NAMES}"),
    ],
)
async def test_a_wrong_field_is_named_with_its_value_and_what_was_expected(
    client: Client, offers: Offers, change: dict[str, object], parameter: str, value: object, expected: str
) -> None:
    answer = await client.post(PATH, json=MEASUREMENT | change, headers=AUTHORIZED)

    assert await answer.json() == problem(
        400,
        "Bad Request",
        f"{parameter} is {'missing' if value is None else repr(value)}; expected {expected}",
        parameter=parameter,
        value=value,
        expected=expected,
    )
    assert offers.records == []


@pytest.mark.parametrize("source_ts", [1786444068, "yesterday", "5354.46", True])
async def test_a_time_is_rfc_3339(client: Client, source_ts: object) -> None:
    answer = await client.post(PATH, json=MEASUREMENT | {"source_ts": source_ts}, headers=AUTHORIZED)
    document = await answer.json()

    assert (answer.status, document["parameter"], document["value"]) == (400, "source_ts", source_ts)


async def test_a_missing_field_is_named(client: Client) -> None:
    answer = await client.post(PATH, json={"item_id": "NODE3000005"}, headers=AUTHORIZED)

    assert (await answer.json())["detail"] == "value is missing; expected a value"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"37"', b"\xff", b'{"value": "\\ud800"}', b"[" * 5000]
)
async def test_a_body_that_is_no_json_object_is_refused(client: Client, body: bytes) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    answer = await client.post(PATH, data=body, headers=headers)
    document = await answer.json()

    assert (answer.status, document["parameter"]) == (400, "body")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/html"])
async def test_another_content_type_is_refused(client: Client, content_type: str) -> None:
    headers = {**AUTHORIZED, "Content-Type": content_type}
    answer = await client.post(PATH, data=json.dumps(MEASUREMENT), headers=headers)

    assert await answer.json() == problem(
        415, "Unsupported Media Type", f"The body is {content_type}; application/json is expected"
    )


@pytest.mark.parametrize(
    "header",
    [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer \udce9"],
)
async def test_without_the_token_nothing_is_taken(client: Client, offers: Offers, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await client.post(PATH, json=MEASUREMENT, headers=headers)

    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="iss-agents"'
    assert await answer.json() == problem(401, "Unauthorized", REFUSED)
    assert offers.records == []


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_configured_token_it_is_off(
    client: Client, context: WorkerContext, token: str | None
) -> None:
    configured = context.settings.model_copy(update={"ingest_token": None})
    if token is not None:
        configured = type(configured).model_validate({"ingest_token": token})
    context.settings = configured
    answer = await client.post(PATH, json=MEASUREMENT, headers={"Authorization": "Bearer "})

    assert await answer.json() == problem(
        403, "Forbidden", "Test readings are off: ISS_INGEST_TOKEN is not set on this worker"
    )


async def _pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1024


async def test_a_body_that_is_too_large_is_refused_by_its_length_and_by_its_size(client: Client) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    bodies: list[Any] = [b" " * (64 * 1024 + 1), _pieces(65)]
    for body in bodies:
        answer = await client.post(PATH, data=body, headers=headers)

        assert await answer.json() == problem(
            413, HTTPStatus(413).phrase, "The body is larger than 65536 bytes", limit=65536
        )


async def test_a_body_of_just_the_largest_size_is_read(client: Client) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    body = json.dumps(MEASUREMENT).encode().ljust(64 * 1024)

    assert (await client.post(PATH, data=body, headers=headers)).status == 201


async def test_above_the_high_water_mark_the_client_has_to_wait(client: Client, offers: Offers) -> None:
    offers.above_high_water = True
    answer = await client.post(PATH, json=MEASUREMENT, headers=AUTHORIZED)

    assert answer.headers["Retry-After"] == "5"
    assert await answer.json() == problem(
        429, "Too Many Requests", "Too many readings wait for Kafka; try again later"
    )


async def test_a_worker_without_a_publisher_says_whom_to_ask(client: Client, context: WorkerContext) -> None:
    context.publisher = None
    answer = await client.post(PATH, json=MEASUREMENT, headers=AUTHORIZED)

    assert await answer.json() == problem(
        503,
        "Service Unavailable",
        "This worker does not run the role feed; ask a worker with feed in ISS_ROLES",
    )


async def test_the_publisher_takes_readings_up_to_its_high_water_mark(
    client: Client, context: WorkerContext
) -> None:
    # Not started, so that everything it is offered waits for Kafka.
    publisher = context.publisher = Publisher(context.settings, context.health)
    first = await client.post(PATH, json=MEASUREMENT, headers=AUTHORIZED)
    assert (first.status, publisher.pending) == (201, 1)

    while not publisher.above_high_water:
        publisher.offer([outgoing_reading(reading_of("NODE3000005", "37"))] * 1000)
    last = await client.post(PATH, json=MEASUREMENT, headers=AUTHORIZED)
    assert last.status == 429
