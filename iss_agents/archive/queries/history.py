"""Queries of the archive: readings, rollups, gaps, events and posts of a span."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from iss_agents.archive.cursor import Page, Position, cursor_of, position_of, question_of
from iss_agents.archive.destinations import EVENTS, GAPS, POSTS
from iss_agents.archive.mongo import Database, Document, connect, mongo_errors
from iss_agents.archive.queries.event_counts import By, Uses, count_uses
from iss_agents.archive.queries.gaps import Overlap, gaps_from, overlapping, page_of_gaps
from iss_agents.archive.queries.readings import Readings
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups.buckets import MINUTE, SECOND, width_for
from iss_agents.archive.rollups.query import answer
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.value_before import HeldValue, value_before
from iss_agents.archive.rollups.weighting import Gaps, WeightedBucket
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.series import TEST
from iss_agents.telemetry.station_clock import ceiling, milliseconds

QUERY_MS = 5_000
"""Time limit of the database for one query."""


class Summary(NamedTuple):
    """Buckets, oldest first, that begin at multiples of `width` milliseconds since 1970.

    There are none after the end of knowledge. `before` is the value that held at the beginning of the span.
    """

    width: int
    before: HeldValue | None
    buckets: list[WeightedBucket]


class Pages(NamedTuple):
    """What the pages of one query have in common: `time` is the field that orders them."""

    collection: str
    time: str
    question: str
    end: datetime


class History:
    """Runs queries against MongoDB. Spans are half-open: they include `start` and exclude `end`.

    Answers are those of one source: that of the feed, unless another is asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._feed_source = settings.feed_source

    @cached_property
    def _database(self) -> Database:
        return connect(self._settings)

    def close(self) -> None:
        """Disconnect, if a query was ever made."""
        if "_database" in self.__dict__:
            self._database.client.close()

    @cached_property
    def readings(self) -> Readings:
        """The readings themselves, page by page or all."""
        return Readings(self._database, self._feed_source)

    async def summary(
        self,
        item_id: str,
        start: datetime,
        end: datetime,
        points: int,
        known_until: datetime,
        source: Source | None = None,
    ) -> Summary:
        """Return the trusted values of an item in at most `points` buckets of one width, weighted by time.

        Where readings may have expired, no bucket is finer than a minute. The last value holds until
        `known_until` at most.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        now = datetime.now(UTC)
        finest = SECOND if start > await kept_since(self._database, now) else MINUTE
        width = max(width_for(start, end, points), finest)
        span = milliseconds(ceiling(start)), milliseconds(ceiling(end))
        before, gaps = await asyncio.gather(
            self._value_before(item_id, span[0], source), self._gaps_of(item_id, start, end, source)
        )
        until = min(span[1], milliseconds(known_until))
        one, rolled_up = source or self._feed_source, self._is_rolled_up(source)
        question = Question(item_id, one, *span, width, until, gaps, rolled_up)
        held = before.value if before else None
        return Summary(width, before, await answer(self._database, question, held, now, QUERY_MS / 1000))

    async def values_before(
        self, items: Sequence[str], time: datetime, source: Source | None = None
    ) -> list[tuple[str, HeldValue]]:
        """Return each of `items` that had been measured by then, with the value that it held at `time`.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        at = milliseconds(ceiling(time))
        return [
            (item, held)
            for item in dict.fromkeys(items)
            if (held := await self._value_before(item, at, source))
        ]

    async def _value_before(self, item_id: str, time: int, source: Source | None) -> HeldValue | None:
        one, rolled_up = source or self._feed_source, self._is_rolled_up(source)
        return await value_before(self._database, item_id, one, time, QUERY_MS, rolled_up=rolled_up)

    def _is_rolled_up(self, source: Source | None) -> bool:
        """Return whether the rollups of an item's series are those of a source."""
        return source in {None, self._feed_source, TEST}

    async def _gaps_of(self, item_id: str, start: datetime, end: datetime, source: Source | None) -> Gaps:
        query = Overlap(start, end, source or self._feed_source, item_id)
        return gaps_from(await overlapping(self._database, query, QUERY_MS), end)

    async def gaps(
        self,
        start: datetime,
        end: datetime,
        limit: int,
        cursor: str | None = None,
        item_id: str | None = None,
        source: Source | None = None,
    ) -> Page:
        """Return up to `limit` gaps that overlap the span, of one item or of all, in order of their start.

        An open gap has no end.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            InvalidCursorError: see there.
        """
        pages = Pages(GAPS.collection, "start", self._question(source, item_id or ""), end)
        query = Overlap(start, end, source or self._feed_source, item_id)
        after = position_of(GAPS.collection, pages.question, cursor, end) if cursor else None
        return _cut(pages, await page_of_gaps(self._database, query, after, limit + 1, QUERY_MS), limit)

    async def events(
        self,
        start: datetime,
        end: datetime,
        limit: int,
        cursor: str | None = None,
        kind: str | None = None,
        source: Source | None = None,
    ) -> Page:
        """Return up to `limit` events of the urine tank that began in the span, of one kind or of both.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            InvalidCursorError: see there.
        """
        query = self._of(source) | ({"kind": kind} if kind else {})
        pages = Pages(EVENTS.collection, "start", self._question(source, kind or ""), end)
        return await self._page(pages, start, query, limit, cursor)

    async def event(self, event_id: str) -> Document | None:
        """Return an event with its decision (or None) as `post`; None if there is no such event.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        event, post = await self._one(EVENTS.collection, event_id), await self._one(POSTS.collection, event_id)
        return {**event, "post": post} if event else None

    async def uses(
        self, start: datetime, end: datetime, by: By, zone: ZoneInfo, source: Source | None = None
    ) -> list[Uses]:
        """Return the days or hours of the span with events, oldest first.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        one = source or self._feed_source
        return await count_uses(self._database, _within("start", start, end), one, by, zone, QUERY_MS)

    async def posts(
        self,
        start: datetime,
        end: datetime,
        limit: int,
        cursor: str | None = None,
        source: Source | None = None,
    ) -> Page:
        """Return up to `limit` decisions on events that were made in the span.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            InvalidCursorError: see there.
        """
        pages = Pages(POSTS.collection, "decided_at", self._question(source), end)
        return await self._page(pages, start, self._of(source), limit, cursor)

    def _of(self, source: Source | None) -> Document:
        """Return the filter for documents of a source."""
        return {"source": source or self._feed_source}

    def _question(self, source: Source | None, *parts: str) -> str:
        return question_of(*parts, source=source, feed_source=self._feed_source)

    async def _one(self, collection: str, name: str) -> Document | None:
        with mongo_errors():
            return await self._database[collection].find_one({"_id": name}, max_time_ms=QUERY_MS)

    async def _page(
        self, pages: Pages, start: datetime, query: Document, limit: int, cursor: str | None
    ) -> Page:
        collection, time, question, end = pages
        after = position_of(collection, question, cursor, end) if cursor else Position(ceiling(start))
        within = {time: {"$gte": max(ceiling(start), after.time), "$lt": ceiling(end)}}
        found = self._database[collection].find(within, max_time_ms=QUERY_MS).sort([(time, 1), ("_id", 1)])
        documents: list[Document] = []
        with mongo_errors():
            async for document in found:
                # Not part of the query: with it the embedded database would use no index.
                if Position.of(document, time) > after and query.items() <= document.items():
                    documents.append(document)
                if len(documents) > limit:
                    break
        await found.close()
        return _cut(pages, documents, limit)


def _cut(pages: Pages, documents: list[Document], limit: int) -> Page:
    """Return a page of at most `limit` documents; if there are more, another one follows."""
    if len(documents) <= limit:
        return Page(documents, None)
    last = Position.of(documents[limit - 1], pages.time)
    return Page(documents[:limit], cursor_of(pages.collection, pages.question, last))


def _within(time: str, start: datetime, end: datetime) -> Document:
    return {time: {"$gte": ceiling(start), "$lt": ceiling(end)}}
