"""Queries of readings: a page of them, or all of a span, from documents and packed hours alike."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from time import monotonic

from iss_agents.archive.cursor import Page, Position, cursor_of, position_of, question_of
from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document, QueryTimeoutError
from iss_agents.archive.packed.reader import PackedReader
from iss_agents.archive.queries.skip_empty import skip_empty
from iss_agents.archive.scan import TARGET_DOCUMENTS, TARGET_PACKED, Window, WindowScan
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import MAX_AHEAD, ceiling

PAGE_SECONDS = 3.0
"""After this time a page ends early, with a cursor."""

EMPTY_PAGE_SECONDS = 8.0
"""The same for a page that has found nothing yet."""


class Readings:
    """Reads what was measured in a span, in order of station time, of one source: the feed's by default."""

    def __init__(self, database: Database, feed_source: Source) -> None:
        self._database = database
        self._feed_source = feed_source

    async def page(
        self,
        items: Sequence[str],
        start: datetime,
        end: datetime,
        limit: int,
        cursor: str | None = None,
        source: Source | None = None,
    ) -> Page:
        """Return up to `limit` readings of `items` (empty means all) in order of station time.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            InvalidCursorError: see there.
        """
        began, end = monotonic(), _to_come(end)
        documents: list[Document] = []
        reached: Position | None = None
        try:
            async with aclosing(self.windows(items, start, end, cursor, limit + 1, source)) as windows:
                async for window in windows:
                    # In a thread: to make a thousand documents of a packed hour takes some 10 ms.
                    documents += await asyncio.to_thread(list, window.documents)
                    reached = window.reached
                    longest = PAGE_SECONDS if documents else EMPTY_PAGE_SECONDS
                    if len(documents) > limit or monotonic() - began > longest:
                        break
        except QueryTimeoutError:
            if reached is None:
                raise
        return _page_of(documents, limit, reached or Position(end), end, self._question_of(items, source))

    def windows(
        self,
        items: Sequence[str],
        start: datetime,
        end: datetime,
        cursor: str | None = None,
        page: int | None = None,
        source: Source | None = None,
    ) -> AsyncGenerator[Window, None]:
        """Return all readings of `items` (empty means all) in order of station time, window by window.

        If only a `page` of so many is wanted, the windows are about as large, or smaller. The generator raises
        DatabaseUnavailableError if MongoDB does not answer in time.

        Raises:
            InvalidCursorError: see there.
        """
        position = Position(ceiling(start))
        if cursor:
            position = max(
                position, position_of(READINGS.collection, self._question_of(items, source), cursor, end)
            )
        end = _to_come(end)
        skip = skip_empty(self._database, items)
        readings = self._database[READINGS.collection]
        one = source or self._feed_source
        packed = PackedReader(self._database, items, one)
        scan = WindowScan(readings, items, end, skip=skip, source=one, packed=packed)
        if page is None:
            return scan.windows(position, packed=TARGET_PACKED)
        return scan.windows(position, min(page, TARGET_DOCUMENTS))

    def _question_of(self, items: Sequence[str], source: Source | None) -> str:
        return question_of(*sorted(set(items)), source=source, feed_source=self._feed_source)


def _page_of(documents: list[Document], limit: int, reached: Position, end: datetime, question: str) -> Page:
    if len(documents) > limit:
        last = documents[limit - 1]
        reached = Position.of(last, "source_ts")
    elif reached.time >= end:
        return Page(documents, None)
    return Page(documents[:limit], cursor_of(READINGS.collection, question, reached))


def _to_come(end: datetime) -> datetime:
    # No reading is further ahead, so scanning beyond would find nothing.
    return min(ceiling(end), ceiling(datetime.now(UTC) + MAX_AHEAD))
