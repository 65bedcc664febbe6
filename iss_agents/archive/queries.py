"""What the archive knows of a span of time, page by page."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from iss_agents.archive.database import Database, Document, away_if_it_fails, connect
from iss_agents.archive.destinations import EVENTS, GAPS, POSTS, READINGS
from iss_agents.settings import Settings
from iss_agents.station_clock import MILLISECOND, from_milliseconds, milliseconds

QUERY_MS = 5_000
"""How long the database may work on one page."""


class BadCursor(ValueError):  # noqa: N818 - says what happened
    """The cursor is none that a page gave."""


class Page(NamedTuple):
    """Documents in the order of time, newest last. `next_cursor` is None on the last page."""

    documents: list[Document]
    next_cursor: str | None


class History:
    """Answers from MongoDB. Spans are half-open: `start` belongs to them, `end` does not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _database(self) -> Database:
        return connect(self._settings)

    def close(self) -> None:
        """Disconnect."""
        self._database.client.close()

    async def telemetry(
        self, items: Sequence[str], start: datetime, end: datetime, limit: int, cursor: str | None = None
    ) -> Page:
        """Return up to `limit` readings of `items` (none means all) by the station's time.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        wanted = {"item_id": {"$in": list(items)}} if items else {}
        query = {**wanted, **_within("source_ts", start, end)}
        return await self._page(READINGS.collection, query, "source_ts", limit, cursor)

    async def gaps(self, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Return up to `limit` gaps that overlap the span, by their start; one that lasts has no end.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        still_there = {"$or": [{"end": None}, {"end": {"$gt": start}}, {"start": {"$gte": _ceiling(start)}}]}
        query = {"start": {"$lt": _ceiling(end)}, **still_there}
        return await self._page(GAPS.collection, query, "start", limit, cursor)

    async def events(self, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Return up to `limit` events of the urine tank that began in the span.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        return await self._page(EVENTS.collection, _within("start", start, end), "start", limit, cursor)

    async def posts(self, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Return up to `limit` decisions on events that were made in the span.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        within = _within("decided_at", start, end)
        return await self._page(POSTS.collection, within, "decided_at", limit, cursor)

    async def _page(self, collection: str, query: Document, time: str, limit: int, cursor: str | None) -> Page:
        rest = {"$and": [query, _after(time, cursor)]} if cursor else query
        found = self._database[collection].find(rest).sort([(time, 1), ("_id", 1)]).limit(limit + 1)
        with away_if_it_fails():
            documents = await found.max_time_ms(QUERY_MS).to_list(None)
        if len(documents) <= limit:
            return Page(documents, None)
        return Page(documents[:limit], _cursor(documents[limit - 1], time))


def _within(time: str, start: datetime, end: datetime) -> Document:
    return {time: {"$gte": _ceiling(start), "$lt": _ceiling(end)}}


def _ceiling(instant: datetime) -> datetime:
    # MongoDB would cut off the microseconds, and a span would begin and end before its bounds.
    return from_milliseconds(milliseconds(instant + MILLISECOND - timedelta(microseconds=1)))


def _cursor(document: Document, time: str) -> str:
    place = msgspec.json.encode((milliseconds(document[time]), document["_id"]))
    return base64.urlsafe_b64encode(place).decode()


def _after(time: str, cursor: str) -> dict[str, Any]:
    try:
        place = base64.urlsafe_b64decode(cursor.encode())
        count, last_id = msgspec.json.decode(place, type=tuple[int, str])
        instant = from_milliseconds(count)
    except (binascii.Error, UnicodeError, msgspec.DecodeError, OverflowError) as error:
        raise BadCursor("the cursor is none that a page gave; begin again without one") from error
    # The same as "later, or equal with a greater id", in the form that an index range serves.
    return {time: {"$gte": instant}, "$or": [{time: {"$gt": instant}}, {"_id": {"$gt": last_id}}]}
