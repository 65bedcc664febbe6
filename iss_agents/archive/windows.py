"""Readings in the order of time, a window of time after another, so that no question is a large one.

A database need not sort a span or hold it: real MongoDB stops at a limit, the embedded one reads every
document of the span first (20 us each) and uses an index only for one item, or all, and a range of time.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from iss_agents.archive.database import Collection, Cursor, Document, TooSlow, away_if_it_fails
from iss_agents.archive.places import Place
from iss_agents.station_clock import MILLISECOND

FIRST_WINDOW = timedelta(seconds=10)
"""If it takes too long, the database is too slow, not the window too wide."""

WIDEST_OF_ITEMS = timedelta(hours=6)
WIDEST_OF_ALL = timedelta(minutes=30)
"""Where a long silence ends, one window can hold this much: 20,000 readings of an item, 126,000 of the feed."""

WANTED = 1000
"""Documents that a window should hold."""

MOST = 4000
"""Documents that a window may hold, some 6 MB."""

GROWTH = 8
"""How much wider, or narrower, a window is than the one before at most."""

WINDOW_MS = 2_000
"""How long the database may work on the narrowest window that is tried first."""

WIDE_MS = 500
"""How long it may work on a wider one, which can hold too much: a thousand documents take it 60 ms."""


class Window(NamedTuple):
    """Documents in order, and the place that all of the walk up to here lies before."""

    documents: list[Document]
    reached: Place


Leap = Callable[[datetime], Awaitable[datetime]]
"""A time -> one not before it, up to which there is no reading."""


class Crowded(Exception):  # noqa: N818 - a state, not a mistake
    """A window holds more than MOST documents."""


class Walk:
    """Walks through `readings` of some items, or of all if none is named, from a place up to `end`.

    `time` is the field that orders them; it has an index, with the item before it if any is named. `leap` is
    asked where a long silence ends.
    """

    def __init__(
        self,
        readings: Collection,
        items: Sequence[str],
        end: datetime,
        time: str = "source_ts",
        leap: Leap | None = None,
    ) -> None:
        self._readings = readings
        self._time = time
        self._matches = [{"item_id": item} for item in dict.fromkeys(items)] or [{}]
        self._widest = WIDEST_OF_ITEMS if items else WIDEST_OF_ALL
        self._end = end
        self._leap = leap

    async def windows(self, place: Place, wanted: int = WANTED) -> AsyncGenerator[Window, None]:
        """Yield every window, empty ones too; `wanted` is how many documents are welcome in one.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
        """
        width, cap, capped_until = FIRST_WINDOW, self._widest, place.time
        while place.time < self._end:
            if place.time >= capped_until:
                cap = self._widest
            width = self._bounded(min(width, cap))
            try:
                window = await self._next(place, width)
            except (Crowded, TooSlow) as error:
                if isinstance(error, TooSlow) and width <= FIRST_WINDOW:
                    raise
                # What is too much lies somewhere before the end of this window: none is as wide until there.
                cap, capped_until = width / GROWTH, place.time + width
                continue
            yield window
            place = window.reached
            width *= _growth(len(window.documents), wanted)
            if not window.documents and width > self._widest and self._leap:
                later = Place(min(await self._leap(place.time), self._end))
                if later > place:
                    place, width = later, FIRST_WINDOW
                    yield Window([], place)

    def _bounded(self, width: timedelta) -> timedelta:
        # MongoDB's times are whole milliseconds.
        return min(max(width // MILLISECOND, 1) * MILLISECOND, self._widest)

    async def _next(self, place: Place, width: timedelta) -> Window:
        end = min(place.time + width, self._end)
        if end - place.time <= MILLISECOND:
            return await self._moment(place, end)
        within = {self._time: {"$gte": place.time, "$lt": end}}
        longest = WINDOW_MS if width <= FIRST_WINDOW else WIDE_MS
        documents: list[Document] = []
        for match in self._matches:
            documents += await _found(self._readings.find({**match, **within}, limit=MOST + 1), longest)
            if len(documents) > MOST:
                raise Crowded
        documents.sort(key=self._place)
        return Window([document for document in documents if self._place(document) > place], Place(end))

    async def _moment(self, place: Place, end: datetime) -> Window:
        """Return the next readings of one millisecond, of which there may be any number."""
        within = {self._time: place.time, "_id": {"$gt": place.id}}
        documents: list[Document] = []
        for match in self._matches:
            documents += await _found(self._readings.find({**match, **within}, limit=MOST).sort("_id", 1))
        first = sorted(documents, key=self._place)[:MOST]
        return Window(first, self._place(first[-1]) if len(first) == MOST else Place(end))

    def _place(self, document: Document) -> Place:
        return Place(document[self._time], document["_id"])


async def _found(question: Cursor, longest_ms: int = WINDOW_MS) -> list[Document]:
    with away_if_it_fails():
        return await question.max_time_ms(longest_ms).to_list(None)


async def one_ahead(windows: AsyncGenerator[Window, None]) -> AsyncGenerator[Window, None]:
    """Yield the windows, while the database already works on the next."""
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
