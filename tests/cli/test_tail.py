"""`iss-agents tail`: changes as lines, through breaks, until nobody reads them."""

import asyncio
import json
import signal
from itertools import count

import pytest
from aiohttp.web import Request, StreamResponse

from iss_agents.cli.tail import Changes
from tests.cli.double import event, item, serving
from tests.cli.running import ended, start

LEVEL, PROCESSOR = "NODE3000005", "NODE3000004"
STATE = [item(LEVEL, "37", 1), item(PROCESSOR, "32", 2, state="NORMAL"), item("NODE3000008", None)]


class Stream:
    """One stream after another; an event is sent when the test puts it into `events`, None breaks off."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def answer(self, request: Request) -> StreamResponse:
        response = StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 1\n\n")
        while (chunk := await self.events.get()) is not None:
            await response.write(chunk)
        assert request.transport
        request.transport.abort()
        return response

    def put(self, *items: object) -> None:
        self.events.put_nowait(event("items", {"items": list(items)}))


async def test_changes_are_lines_and_a_break_is_told_once_each_way() -> None:
    stream = Stream()
    async with serving(stream=stream.answer) as url:
        process = await start(url, "tail")
        assert process.stdout
        stream.put(*STATE)
        stream.put(item(LEVEL, "38", 3))
        first = await process.stdout.readline()
        stream.events.put_nowait(None)
        # A new worker sends all of it again.
        stream.put(item(LEVEL, "38", 3), STATE[1], item(PROCESSOR, "16", 4, state="STANDBY"))
        second = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        code, rest, errors = await ended(process)
        stream.events.put_nowait(None)

    assert (code, rest) == (0, "")
    assert first == b"2026-08-11 12:00:03  NODE3000005    38 %          name of NODE3000005\n"
    assert second == b"2026-08-11 12:00:04  NODE3000004    STANDBY       name of NODE3000004\n"
    assert errors == (
        f"iss-agents: the connection to {url} is lost; trying again.\n"
        f"iss-agents: the connection to {url} is back.\n"
    )


async def test_a_change_of_the_status_alone_is_a_change() -> None:
    changes = Changes(told=True)
    healthy = item(LEVEL, "38", 3) | {"status_class": "24"}
    lost = healthy | {"status_class": "23"}

    assert [list(changes.among([one])) for one in (healthy, healthy, lost, lost)] == [[healthy], [], [lost], []]


async def test_named_items_begin_with_where_they_stand() -> None:
    stream = Stream()
    async with serving(stream=stream.answer) as url:
        process = await start(url, "tail", "--json", LEVEL.lower(), PROCESSOR)
        assert process.stdout
        stream.put(*STATE)
        lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        code, rest, errors = await ended(process)
        stream.events.put_nowait(None)

    assert lines == STATE[:2]
    assert (code, rest, errors) == (0, "", "")


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_a_closed_pipe_ends_it_quietly(options: list[str]) -> None:
    stream = Stream()
    async with serving(stream=stream.answer) as url:
        process = await start(url, "tail", LEVEL, *options)
        stream.put(STATE[0])
        assert process.stdout
        assert process.stderr
        await process.stdout.readline()
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        numbers = count()
        while process.returncode is None:
            stream.put(item(LEVEL, str(next(numbers)), 9))
            await asyncio.sleep(0.01)
        errors = await process.stderr.read()
        stream.events.put_nowait(None)

    assert errors == b""
