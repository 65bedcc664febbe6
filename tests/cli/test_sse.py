"""The live stream: read however it is cut, and mended when it breaks."""

import asyncio
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import cast

import pytest
from aiohttp.web import Request, StreamResponse

from iss_agents.cli.api import Api
from iss_agents.cli.sse import EventReader, ServerEvent, follow
from iss_agents.errors import UserError
from tests.cli.double import event, problem, serving

STREAM = (
    b": a comment\nretry: 10\n\nevent: items\r\nid: v-1\r\ndata: {\r\ndata:}\r\n\r\n"
    b"data: \xc3\xa9\n\nevent: nothing\n\nbroken\n\nid\nevent: status\ndata: 2\n\nevent: half\ndata: 3\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_wherever_the_bytes_are_cut(size: int) -> None:
    reader = EventReader()

    events = [each for at in range(0, len(STREAM), size) for each in reader.read(STREAM[at : at + size])]

    assert events == [
        ServerEvent("items", "{\n}", "v-1"),
        ServerEvent("message", "é", "v-1"),
        ServerEvent("status", "2", ""),
    ]
    assert reader.retry_seconds == 0.01


class Stream:
    """Answers each connection with the next of `turns`; the last one stays open until `closed`."""

    def __init__(self, *turns: list[bytes] | int) -> None:
        self.turns = list(turns)
        self.asked: list[tuple[list[str], str | None]] = []
        self.closed = asyncio.Event()

    async def answer(self, request: Request) -> StreamResponse:
        self.asked.append((request.query.getall("item", []), request.headers.get("Last-Event-ID")))
        turn = self.turns.pop(0)
        if isinstance(turn, int):
            return problem(turn, "not now", Retry_After="1")
        response = StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 1\n\n" + b"".join(turn))
        if not self.turns:
            await self.closed.wait()
        return response


async def read(url: str, count: int, said: list[str], *items: str) -> list[ServerEvent]:
    """Return so many events that `follow` yields, in a thread: the server answers in this one."""

    def read_events() -> list[ServerEvent]:
        events = follow(Api(url), items, "", lambda: said.append("lost"), lambda: said.append("back"))
        with closing(cast("Generator[ServerEvent]", events)):
            return list(islice(events, count))

    return await asyncio.to_thread(read_events)


async def test_a_connection_mends_itself_and_says_so_once() -> None:
    said: list[str] = []
    stream = Stream([event("items", 1, "v-1")], [], 503, [event("items", 2, "v-2"), event("items", 3, "v-3")])

    async with serving(stream=stream.answer) as url:
        events = await read(url, 3, said, "A", "B")
        stream.closed.set()

    assert [each.data for each in events] == ["1", "2", "3"]
    assert said == ["lost", "back"]
    assert stream.asked == [(["A", "B"], None), *[(["A", "B"], "v-1")] * 3]


async def test_a_question_that_is_refused_is_not_repeated() -> None:
    said: list[str] = []
    stream = Stream([event("items", 1)], 400)
    async with serving(stream=stream.answer) as url:
        with pytest.raises(UserError, match=r"^not now\.$"):
            await read(url, 2, said)

    assert said == ["lost"]


async def test_the_first_connection_must_succeed() -> None:
    async with serving(stream=Stream(503).answer) as url:
        with pytest.raises(UserError, match=r"^not now\.$"):
            await read(url, 1, [])
