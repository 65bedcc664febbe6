"""Adaptive time-window scan: reads readings in time order, one window of time after another.

A single query over a long span would be too large: MongoDB stops sorting at a memory limit, and the embedded
database reads every document of the span first (20 us each). It uses an index only for one item, or for all,
and a range of time. So the scan asks for one window [position, position + width) at a time:

1. Each window is followed by one whose width is scaled so that it should hold TARGET_DOCUMENTS, but by GROWTH
   at most, and never wider than `WIDEST_OF_...`.
2. A window that holds more than MAX_DOCUMENTS, or takes the database too long, is discarded and tried again
   GROWTH times narrower. No window is wider than that until the end of the discarded one has been passed.
3. A window of one millisecond cannot be narrowed. It is read as a whole for each page, of which the first
   MAX_DOCUMENTS after the position are kept: asked for a page, the embedded database would read all readings.
4. After an empty window of the greatest width, `skip` is asked where the next readings can be, and the scan
   continues there with FIRST_WINDOW.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import NamedTuple

from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Collection, Cursor, Document, QueryTimeoutError, mongo_errors
from iss_agents.archive.packed.hours import union
from iss_agents.archive.packed.reader import PackedReader, PackedReadings, TooManyReadingsError
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import MILLISECOND

FIRST_WINDOW = timedelta(seconds=10)
"""Width of the first window."""

NARROWEST = timedelta(milliseconds=20)
"""Width from which on a window that times out is an error: the fourth, from FIRST_WINDOW on. The embedded
database answers nothing for 2.9 s while it deletes expired documents (measured), a busy one for longer."""

WIDEST_OF_ITEMS = timedelta(hours=6)
WIDEST_OF_ALL = timedelta(minutes=30)
"""Width limits. After an outage, a window of that width can hold 20,000 readings of an item, 126,000 of all."""

TARGET_DOCUMENTS = 1000
"""Documents that a window should hold."""

TARGET_PACKED = 2500
"""The same of a window that only packed hours fill, for a caller that takes all of it: its readings are in
memory already, and each window costs a question to the database for documents that may still be there."""

MAX_DOCUMENTS = 4000
"""Documents that a window may hold at most, about 6 MB."""

GROWTH = 8
"""By what factor a window may be wider, or narrower, than the previous one."""

WINDOW_MS = 2_000
"""Time limit of the database for a window of FIRST_WINDOW or less."""

WIDE_MS = 500
"""Time limit for a wider one, which may hold too much: a thousand documents take 60 ms."""


class Window(NamedTuple):
    """Documents in order, and the position up to which everything has been read."""

    documents: Sequence[Document]
    reached: Position


Skip = Callable[[datetime], Awaitable[datetime]]
"""Takes a time and returns the earliest time from then on at which there can be a reading."""


class WindowScan:
    """Reads `readings` of some items, or of all if `items` is empty, from a position up to `end`.

    They are those of one `source`, or of all sources without one.

    `time` is the field that orders them; an index must cover it, preceded by the item if there are items.
    `skip` returns where a span without readings ends. `fields` limits the fields that are read; it must contain
    `_id` and `time`. `packed` holds readings whose documents may have expired.
    """

    def __init__(
        self,
        readings: Collection,
        items: Sequence[str],
        end: datetime,
        time: str = "source_ts",
        skip: Skip | None = None,
        fields: Sequence[str] | None = None,
        source: Source | None = None,
        packed: PackedReader | None = None,
    ) -> None:
        self._readings = readings
        self._time = time
        self._source = source
        self._packed = packed
        self._matches = [{"item_id": item} for item in dict.fromkeys(items)] or [{}]
        self._widest = WIDEST_OF_ITEMS if items else WIDEST_OF_ALL
        self._end = end
        self._skip = skip
        self._fields = dict.fromkeys(fields, 1) if fields else None

    async def windows(
        self, position: Position, wanted: int = TARGET_DOCUMENTS, packed: int | None = None
    ) -> AsyncGenerator[Window, None]:
        """Yield every window, including empty ones, each of about `wanted` documents, or `packed` readings.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        width, cap, capped_until = FIRST_WINDOW, self._widest, position.time
        while position.time < self._end:
            if position.time >= capped_until:
                cap = self._widest
            width = self._bounded(min(width, cap))
            try:
                window = await self._next(position, width)
            except (TooManyReadingsError, QueryTimeoutError) as error:
                if isinstance(error, QueryTimeoutError) and width <= NARROWEST:
                    raise
                # The dense part lies somewhere in this window: stay narrow until its end has been passed.
                cap, capped_until = width / GROWTH, position.time + width
                continue
            yield self._of_source(window)
            position = window.reached
            target = packed if packed and isinstance(window.documents, PackedReadings) else wanted
            width *= _growth(len(window.documents), target)
            if not window.documents and width > self._widest and self._skip:
                later = Position(min(await self._skip(position.time), self._end))
                if later > position:
                    position, width = later, FIRST_WINDOW
                    yield Window([], position)

    def _of_source(self, window: Window) -> Window:
        # Not part of the query: with an item and a source the embedded database would use no index.
        if self._source is None or isinstance(window.documents, PackedReadings):
            return window
        ours = [document for document in window.documents if document.get("source") == self._source]
        return window._replace(documents=ours)

    def _bounded(self, width: timedelta) -> timedelta:
        # MongoDB stores whole milliseconds.
        return min(max(width // MILLISECOND, 1) * MILLISECOND, self._widest)

    async def _next(self, position: Position, width: timedelta) -> Window:
        end = min(position.time + width, self._end)
        if end - position.time <= MILLISECOND:
            return await self._same_millisecond(position, end)
        within = {self._time: {"$gte": position.time, "$lt": end}}
        longest = WINDOW_MS if width <= FIRST_WINDOW else WIDE_MS
        documents: list[Document] = []
        for match in self._matches:
            documents += await _found(self._find({**match, **within}, MAX_DOCUMENTS + 1), longest)
            if len(documents) > MAX_DOCUMENTS:
                raise TooManyReadingsError
        packed = await self._packed_between(position.time, end, MAX_DOCUMENTS)
        if (
            packed
            and not documents
            and position == Position(position.time)
            and packed.are_in_order_of(self._source)
        ):
            return Window(packed, Position(end))
        documents = await _united(packed, documents)
        documents.sort(key=self._position_of)
        return Window(
            [document for document in documents if self._position_of(document) > position], Position(end)
        )

    async def _same_millisecond(self, position: Position, end: datetime) -> Window:
        """Return the next page of one millisecond, which may hold any number of readings."""
        documents: list[Document] = []
        for match in self._matches:
            found = self._find({**match, self._time: position.time}, 0).max_time_ms(WINDOW_MS)
            with mongo_errors():
                async for document in found:
                    documents.append(document)
                    if len(documents) > 2 * MAX_DOCUMENTS:
                        documents = self._first_after(position, documents)
        documents = await _united(await self._packed_between(position.time, end), documents)
        first = self._first_after(position, documents)
        return Window(first, self._position_of(first[-1]) if len(first) == MAX_DOCUMENTS else Position(end))

    def _first_after(self, position: Position, documents: Iterable[Document]) -> list[Document]:
        later = (document for document in documents if self._position_of(document) > position)
        return nsmallest(MAX_DOCUMENTS, later, self._position_of)

    async def _packed_between(
        self, start: datetime, end: datetime, most: int | None = None
    ) -> PackedReadings | None:
        return None if self._packed is None else await self._packed.between(start, end, most)

    def _find(self, match: Document, most: int) -> Cursor:
        return self._readings.find(match, self._fields, limit=most)

    def _position_of(self, document: Document) -> Position:
        return Position.of(document, self._time)


async def _united(packed: PackedReadings | None, documents: list[Document]) -> list[Document]:
    # In a thread: to make thousands of documents would block the event loop.
    return await asyncio.to_thread(union, packed, documents) if packed else documents


async def _found(question: Cursor, longest_ms: int = WINDOW_MS) -> list[Document]:
    with mongo_errors():
        return await question.max_time_ms(longest_ms).to_list(None)


async def prefetched(windows: AsyncGenerator[Window, None]) -> AsyncGenerator[Window, None]:
    """Yield the windows, and fetch the next one while the caller works on the current one."""
    following = asyncio.ensure_future(anext(windows, None))
    try:
        while window := await following:
            following = asyncio.ensure_future(anext(windows, None))
            yield window
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following
        await windows.aclose()


def _growth(found: int, wanted: int) -> float:
    return min(max(wanted / found, 1 / GROWTH), GROWTH) if found else GROWTH
