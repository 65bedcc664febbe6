"""A worker's double: answers the API as a test orders it, for what no real worker does on demand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, StreamResponse, json_response
from yarl import URL

NOON = datetime(2026, 8, 11, 12, tzinfo=UTC)
Handler = Callable[[Request], Awaitable[StreamResponse]]


def stamp(seconds: float) -> str:
    """Return the time so many seconds after noon as the API writes it."""
    return (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def item(item_id: str, value: str | None, seconds: float = 0, **fields: Any) -> dict[str, Any]:
    """Return an ItemDocument measured so many seconds after noon."""
    return {
        "item_id": item_id,
        "name": f"name of {item_id}",
        "discipline": "ETHOS",
        "unit": "%",
        "value": value,
        "state": None,
        "source_ts": None if value is None else stamp(seconds),
        "age_seconds": None if value is None else 75.0,
        "stale": value is None,
        "freshness": "never" if value is None else "current",
        **fields,
    }


def reading(number: int) -> dict[str, Any]:
    """Return the number-th reading, as a page of /telemetry holds it."""
    return {
        "event_id": f"id-{number}",
        "item_id": "NODE3000005",
        "name": "Urine Tank Qty",
        "source_ts": stamp(number),
        "ingest_ts": stamp(number + 0.5),
        "value": f'{number},"',
        "number": float(number),
        "source": "simulated",
        "snapshot": number == 0,
        "status_class": "24",
    }


def problem(status: int, detail: str, **headers: str) -> Response:
    """Return a problem document."""
    return json_response(
        {"status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def event(name: str, data: object, event_id: str = "") -> bytes:
    """Return a server-sent event."""
    last_id = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{last_id}data: {json.dumps(data)}\n\n".encode()


class Pages:
    """Answers /telemetry with `count` readings in pages of `size`, after what the test has put `in_between`.

    The key of `in_between` is the number of the first reading of the page.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size
        self.in_between: dict[int, list[Handler]] = {}
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: Request) -> StreamResponse:
        self.asked.append(dict(request.query))
        first = int(request.query.get("cursor") or 0)
        if self.in_between.get(first):
            return await self.in_between[first].pop(0)(request)
        last = min(first + self.size, self.count)
        readings = [reading(number) for number in range(first, last)]
        cursor = str(last) if last < self.count else None
        return json_response({"readings": readings, "next_cursor": cursor})


async def break_off(request: Request) -> StreamResponse:
    """Break the connection in the midst of the answer."""
    response = StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"readings": [')
    assert request.transport
    request.transport.abort()
    return response


@asynccontextmanager
async def serving(**handlers: Handler) -> AsyncIterator[str]:
    """Serve each handler at /api/v1/ and its name (`__` is `/`), and give the address."""
    async with TestServer(_application(handlers)) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def serving_at(url: str, **handlers: Handler) -> AsyncIterator[None]:
    """Serve the same at an address of this machine."""
    async with TestServer(_application(handlers), port=URL(url).port):
        yield


def _application(handlers: Mapping[str, Handler]) -> Application:
    application = Application()
    for name, handler in handlers.items():
        application.router.add_get(f"/api/v1/{name.replace('__', '/')}", handler)
    return application
