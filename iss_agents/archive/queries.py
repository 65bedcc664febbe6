"""What the archive knows of a span of time, page by page."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic
from typing import Any, Literal, NamedTuple

from iss_agents.archive.buckets import MINUTE, SECOND, Bucket, width_for
from iss_agents.archive.database import Database, Document, TooSlow, away_if_it_fails, connect
from iss_agents.archive.destinations import EVENTS, GAPS, POSTS, READINGS
from iss_agents.archive.gaps import ended, overlapping
from iss_agents.archive.places import Page, Place, cursor_of, place_of
from iss_agents.archive.silences import leap_of
from iss_agents.archive.summaries import Question, answer
from iss_agents.archive.uses import Uses, count_uses
from iss_agents.archive.windows import WANTED, Walk, Window
from iss_agents.settings import Settings
from iss_agents.station_clock import MAX_AHEAD, ceiling, milliseconds

QUERY_MS = 5_000
"""How long the database may work on one question."""

PAGE_SECONDS = 3.0
"""After this long a page ends where it stands, with a cursor."""

EMPTY_PAGE_SECONDS = 8.0
"""The same for a page that has found nothing yet."""


class Summary(NamedTuple):
    """Buckets with readings, oldest first, that begin at multiples of `width` milliseconds since 1970."""

    width: int
    buckets: list[Bucket]


class History:
    """Answers from MongoDB. Spans are half-open: `start` belongs to them, `end` does not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _database(self) -> Database:
        return connect(self._settings)

    def close(self) -> None:
        """Disconnect, if any question was asked."""
        if "_database" in self.__dict__:
            self._database.client.close()

    async def telemetry(
        self, items: Sequence[str], start: datetime, end: datetime, limit: int, cursor: str | None = None
    ) -> Page:
        """Return up to `limit` readings of `items` (none means all) by the station's time.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        began, end = monotonic(), _to_come(end)
        documents: list[Document] = []
        reached: Place | None = None
        try:
            async with aclosing(self.readings(items, start, end, cursor, limit + 1)) as windows:
                async for window in windows:
                    documents += window.documents
                    reached = window.reached
                    longest = PAGE_SECONDS if documents else EMPTY_PAGE_SECONDS
                    if len(documents) > limit or monotonic() - began > longest:
                        break
        except TooSlow:
            if reached is None:
                raise
        return _page_of(documents, limit, reached or Place(end), end)

    def readings(
        self,
        items: Sequence[str],
        start: datetime,
        end: datetime,
        cursor: str | None = None,
        wanted: int = WANTED,
    ) -> AsyncGenerator[Window, None]:
        """Return all readings of `items` (none means all) by the station's time, about `wanted` at once.

        What is returned raises DatabaseAway when MongoDB does not answer in time.

        Raises:
            BadCursor: see there.
        """
        start, end = ceiling(start), _to_come(end)
        place = max(Place(start), place_of(READINGS.collection, cursor)) if cursor else Place(start)
        leap = leap_of(self._database, items, self._settings.retention)
        walk = Walk(self._database[READINGS.collection], items, end, leap=leap)
        return walk.windows(place, min(wanted, WANTED))

    async def summary(self, item_id: str, start: datetime, end: datetime, points: int) -> Summary:
        """Return the believed readings of an item in at most `points` buckets of one width.

        Where readings may have expired, there is nothing finer than their minutes.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
        """
        now = datetime.now(UTC)
        finest = SECOND if start > now - self._settings.retention else MINUTE
        width = max(width_for(start, end, points), finest)
        question = Question(item_id, milliseconds(ceiling(start)), milliseconds(ceiling(end)), width)
        buckets = await answer(self._database, question, now, QUERY_MS / 1000)
        return Summary(width, buckets)

    async def gaps(
        self, start: datetime, end: datetime, limit: int, cursor: str | None = None, item_id: str | None = None
    ) -> Page:
        """Return up to `limit` gaps that overlap the span, of one item or of all, by their start.

        One that lasts has no end. A page may be short.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        query = overlapping(start, end, item_id)
        page = await self._page(GAPS.collection, query, "start", limit, cursor)
        return page._replace(documents=await ended(self._database, page.documents, start, QUERY_MS))

    async def events(
        self, start: datetime, end: datetime, limit: int, cursor: str | None = None, kind: str | None = None
    ) -> Page:
        """Return up to `limit` events of the urine tank that began in the span, of one kind or of both.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        query = _within("start", start, end) | ({"kind": kind} if kind else {})
        return await self._page(EVENTS.collection, query, "start", limit, cursor)

    async def event(self, event_id: str) -> Document | None:
        """Return an event with its decision, or None, as `post`; None if there is no such event.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
        """
        event, post = await self._one(EVENTS.collection, event_id), await self._one(POSTS.collection, event_id)
        return {**event, "post": post} if event else None

    async def uses(self, start: datetime, end: datetime, by: Literal["day", "hour"]) -> list[Uses]:
        """Return the days or hours of the span with events, oldest first.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
        """
        return await count_uses(self._database, _within("start", start, end), by, QUERY_MS)

    async def posts(self, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> Page:
        """Return up to `limit` decisions on events that were made in the span.

        Raises:
            DatabaseAway: MongoDB did not answer in time.
            BadCursor: see there.
        """
        within = _within("decided_at", start, end)
        return await self._page(POSTS.collection, within, "decided_at", limit, cursor)

    async def _one(self, collection: str, name: str) -> Document | None:
        with away_if_it_fails():
            return await self._database[collection].find_one({"_id": name}, max_time_ms=QUERY_MS)

    async def _page(self, collection: str, query: Document, time: str, limit: int, cursor: str | None) -> Page:
        place = place_of(collection, cursor) if cursor else None
        rest = {"$and": [query, _after(time, place)]} if place else query
        found = self._database[collection].find(rest).sort([(time, 1), ("_id", 1)]).limit(limit + 1)
        with away_if_it_fails():
            documents = await found.max_time_ms(QUERY_MS).to_list(None)
        if len(documents) <= limit:
            return Page(documents, None)
        last = documents[limit - 1]
        return Page(documents[:limit], cursor_of(collection, Place(last[time], last["_id"])))


def _page_of(documents: list[Document], limit: int, reached: Place, end: datetime) -> Page:
    if len(documents) > limit:
        last = documents[limit - 1]
        reached = Place(last["source_ts"], last["_id"])
    elif reached.time >= end:
        return Page(documents, None)
    return Page(documents[:limit], cursor_of(READINGS.collection, reached))


def _within(time: str, start: datetime, end: datetime) -> Document:
    return {time: {"$gte": ceiling(start), "$lt": ceiling(end)}}


def _to_come(end: datetime) -> datetime:
    # No reading is further ahead: what a span has beyond would be walked through in vain.
    return min(ceiling(end), ceiling(datetime.now(UTC) + MAX_AHEAD))


def _after(time: str, place: Place) -> dict[str, Any]:
    # The same as "later, or equal with a greater id", in the form that an index range serves.
    return {time: {"$gte": place.time}, "$or": [{time: {"$gt": place.time}}, {"_id": {"$gt": place.id}}]}
