"""Readings as files: whole or broken off, never half."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import aiohttp
import msgspec
import pytest

from iss_agents.archive.cursor import Position
from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import DatabaseUnavailableError, Document
from iss_agents.archive.queries.history import History
from iss_agents.archive.scan import Window, WindowScan
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Reading, encode
from iss_agents.telemetry.topics import RAW
from tests.factories import reading_of
from tests.waiting import until
from tests.web.archived import ArchivedMessage, store
from tests.web.conftest import Client, problem
from web.api import exports
from web.base.context import WorkerContext

START = datetime(2026, 8, 11, 10, 0, tzinfo=UTC)
PATH = "/api/v1/telemetry?from=2026-08-11T10:00:00Z&to=2026-08-11T11:00:00Z"
HEADER = (
    "item_id,source_ts,value,number,state,status_class,suspect,source,snapshot,ingest_ts,event_id,"
    "name,discipline,unit"
)
TEXT = '=cmd|"calc",\r\né'
LEVEL = reading_of("NODE3000005", "37.5", START, ingest_ts=START + timedelta(seconds=6), suspect="frozen")
ODD = reading_of("NODE3000004", TEXT, START + timedelta(seconds=1), ingest_ts=START, status_class=None)
MANY = [reading_of("NODE3000009", str(number), START + timedelta(seconds=number)) for number in range(3000)]


@pytest.fixture(autouse=True)
async def history(settings: Settings, context: WorkerContext) -> AsyncIterator[History]:
    context.history = History(settings)
    yield context.history
    context.history.close()


async def text_of(client: Client, query: str) -> str:
    answer = await client.get(f"{PATH}&{query}")
    assert answer.status == 200
    return (await answer.read()).decode()


async def test_a_csv_file_has_every_column_and_quotes_what_needs_it(client: Client, settings: Settings) -> None:
    await store(settings, RAW, [LEVEL, ODD])
    text = await text_of(client, "format=csv")

    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        HEADER.split(","),
        [
            "NODE3000005",
            "2026-08-11T10:00:00.000Z",
            "37.5",
            "37.5",
            "",
            "24",
            "frozen",
            "simulated",
            "false",
            "2026-08-11T10:00:06.000Z",
            LEVEL.event_id,
            "Urine Tank Qty",
            "ETHOS",
            "%",
        ],
        [
            "NODE3000004",
            "2026-08-11T10:00:01.000Z",
            f"'{TEXT}",
            "",
            "",
            "",
            "",
            "simulated",
            "false",
            "2026-08-11T10:00:00.000Z",
            ODD.event_id,
            "Urine Processor State",
            "ETHOS",
            "",
        ],
    ]


async def test_an_ndjson_file_has_a_document_a_line(client: Client, settings: Settings) -> None:
    await store(settings, RAW, [ODD])
    text = await text_of(client, "format=ndjson")

    assert text.endswith("}\n")
    assert [msgspec.json.decode(line) for line in text.splitlines()] == [
        {
            "item_id": "NODE3000004",
            "source_ts": "2026-08-11T10:00:01.000Z",
            "value": TEXT,
            "number": None,
            "state": None,
            "status_class": None,
            "suspect": None,
            "source": "simulated",
            "snapshot": False,
            "ingest_ts": "2026-08-11T10:00:00.000Z",
            "event_id": ODD.event_id,
            "name": "Urine Processor State",
            "discipline": "ETHOS",
            "unit": "",
        }
    ]


@pytest.mark.parametrize(("form", "text"), [("csv", f"{HEADER}\r\n"), ("ndjson", "")])
async def test_a_span_without_readings_is_an_empty_file(client: Client, form: str, text: str) -> None:
    assert await text_of(client, f"format={form}") == text


async def test_a_file_holds_the_whole_span_or_what_was_asked_for(client: Client, settings: Settings) -> None:
    await store(settings, RAW, MANY)
    whole = (await text_of(client, "item=NODE3000009&format=csv")).splitlines()
    page = await (await client.get(f"{PATH}&item=NODE3000009&limit=5")).json()
    part = await text_of(client, f"item=NODE3000009&format=csv&limit=1500&cursor={page['next_cursor']}")

    assert whole == [HEADER, *(line for line in whole if line.startswith("NODE3000009,"))]
    assert len(whole) == 3001
    assert part.splitlines() == [HEADER, *whole[6:1506]]


async def test_a_file_is_offered_for_download_and_head_sends_none_of_it(client: Client) -> None:
    wanted = f"{PATH}&item=NODE3000009&format=csv"
    for answer in (await client.get(wanted), await client.head(wanted)):
        assert answer.headers["Content-Type"] == "text/csv"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="NODE3000009.csv"'
        assert answer.headers["Cache-Control"] == "no-store"

    assert await answer.read() == b""


async def test_a_failure_in_the_middle_breaks_the_connection(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(settings, RAW, MANY)
    fails_at(monkeypatch, 3)
    answer = await client.get(f"{PATH}&format=csv")

    assert answer.status == 200
    with pytest.raises(aiohttp.ClientError):
        await answer.read()


async def test_a_failure_before_the_first_byte_is_a_problem(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_at(monkeypatch, 1)
    answer = await client.get(f"{PATH}&format=csv")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_a_worker_that_ends_breaks_a_file_off(
    client: Client, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history.readings, "windows", without_end)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    # In HTTP/1.0, where the end of the connection is otherwise that of the file.
    writer.write(f"GET {PATH}&format=csv HTTP/1.0\r\n\r\n".encode())
    await reader.readline()
    ending = asyncio.create_task(client.server.close())

    with pytest.raises(ConnectionResetError), closing(writer):
        await asyncio.wait_for(reader.read(), 10)
    await asyncio.wait_for(ending, 10)


async def test_there_is_a_limit_of_files_at_once(
    client: Client, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_EXPORTS", 1)
    monkeypatch.setattr(history.readings, "windows", without_end)
    first = await client.get(f"{PATH}&format=csv")
    assert first.status == 200
    refused = await client.get(f"{PATH}&format=csv")
    first.close()

    assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    detail = "This worker makes 1 files just now; try again later"
    assert await refused.json() == problem(503, "Service Unavailable", detail)

    async def is_taken() -> bool:
        async with client.get(f"{PATH}&format=csv") as next_one:
            return next_one.status == HTTPStatus.OK

    await until(is_taken)


async def test_a_client_that_goes_away_ends_the_questions(
    client: Client, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def endless(*_arguments: object, **_named: object) -> AsyncGenerator[Window, None]:
        try:
            while True:
                yield Window([archived(ODD) for _ in range(1000)], Position(START))
        finally:
            ended.set()

    monkeypatch.setattr(history.readings, "windows", endless)
    answer = await client.get(f"{PATH}&format=csv")
    await answer.content.readline()
    answer.close()

    await until(ended.is_set)


async def test_a_client_that_goes_away_ends_a_search_that_finds_nothing(
    client: Client, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def silence(*_arguments: object, **_named: object) -> AsyncGenerator[Window, None]:
        try:
            while True:
                await asyncio.sleep(0.01)
                yield Window([], Position(START))
        finally:
            ended.set()

    monkeypatch.setattr(history.readings, "windows", silence)
    answer = await client.get(f"{PATH}&format=csv")
    assert answer.status == 200
    assert not ended.is_set()
    answer.close()

    await until(ended.is_set)


async def without_end(*_arguments: object, **_named: object) -> AsyncGenerator[Window, None]:
    """Yield windows for ever."""
    while True:
        await asyncio.sleep(0)
        yield Window([archived(ODD) for _ in range(1000)], Position(START))


def archived(reading: Reading) -> Document:
    """Return the document of a reading."""
    return reading_document(ArchivedMessage(RAW.name, 0, 0, 0, encode(reading)))


def fails_at(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Let the database be away from this window on. Return how many windows were asked for, as it grows."""
    asked, ask = [0], WindowScan._next

    async def counted(self: WindowScan, place: Position, width: timedelta) -> Window:
        asked[0] += 1
        if asked[0] >= number:
            raise DatabaseUnavailableError("gone")
        return await ask(self, place, width)

    monkeypatch.setattr(WindowScan, "_next", counted)
    return asked
