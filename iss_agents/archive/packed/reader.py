"""Reader of packed hours: the readings of a span, also those whose documents have expired.

Every reading is a document first, and packed when its hour is over. From `documents_since` on, all readings are
documents; before that, some are only packed, and both must be read.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS, expired_before, unpacked
from iss_agents.archive.packed.unpacked import UnpackedHour
from iss_agents.archive.retention import kept_since
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.series import TEST, is_test, series_of

ONE_HOUR = timedelta(hours=1)

MARGIN = timedelta(days=1)
"""How much more than necessary is read packed: documents expire while a long export goes on, and a reading may
be measured some minutes before it comes in by the clock of this machine."""

QUERY_MS = 2_000

HOURS_AT_ONCE = 24
"""Packed hours of an item in memory at once, less than 1 MB."""


class TooManyReadingsError(Exception):
    """A span holds more readings than asked for."""


async def documents_since(database: Database, now: datetime) -> datetime:
    """Return the time from which on all readings that were measured are documents.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    return max(await kept_since(database, now) + MARGIN, await expired_before(database))


class PackedReadings(Sequence[Document]):
    """Packed readings of a span. Documents are made when they are asked for: that takes longer than the rest.

    `parts` are rows of packed hours. Unless these are `in_order`, the readings are in no order.
    """

    def __init__(self, parts: Sequence[tuple[UnpackedHour, range]], *, in_order: bool) -> None:
        self.parts = parts
        self._in_order = in_order

    def are_in_order_of(self, source: Source | None) -> bool:
        """Return whether they are in order, all of a source, and told by the columns of their hours alone."""
        return self._in_order and source is not None and all(hour.is_all_of(source) for hour, _ in self.parts)

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self.parts)

    def __iter__(self) -> Iterator[Document]:
        return (document for hour, rows in self.parts for document in hour.documents(rows))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice) and index.step is None:
            return self._part(range(len(self))[index])
        return list(self)[index]

    def _part(self, wanted: range) -> "PackedReadings":
        parts, passed = list[tuple[UnpackedHour, range]](), 0
        for hour, rows in self.parts:
            if some := rows[max(wanted.start - passed, 0) : max(wanted.stop - passed, 0)]:
                parts.append((hour, some))
            passed += len(rows)
        return PackedReadings(parts, in_order=self._in_order)


class PackedReader:
    """Reads the readings of some items, or of all if `items` is empty, forward in time.

    They are those of one `source`, or of all sources without one. The hours of the last span are held in memory
    as columns: an hour of all items takes some 30 MB.
    """

    def __init__(self, database: Database, items: Sequence[str], source: Source | None) -> None:
        self._database = database
        self._sources = (None, TEST) if source is None else (source,)
        series = [series_of(item, one) for item in dict.fromkeys(items) for one in self._sources]
        self._matches: list[Document] = [{"item_id": each} for each in series] or [{}]
        self._hours: dict[datetime, list[UnpackedHour]] = {}
        self._until: datetime | None = None

    async def between(self, start: datetime, end: datetime, most: int | None = None) -> PackedReadings:
        """Return the packed readings of a span of which documents may have expired.

        Raises:
            TooManyReadingsError: they are more than `most`.
            DatabaseUnavailableError: MongoDB did not answer in time, or a packed hour is damaged.
        """
        if self._until is None:
            self._until = await documents_since(self._database, datetime.now(UTC))
        first = start.replace(minute=0, second=0, microsecond=0)
        self._hours = {hour: content for hour, content in self._hours.items() if hour >= first}
        found, in_order = list[tuple[UnpackedHour, range]](), True
        for hour in _hours(first, end) if start < self._until else ():
            parts = [(each, rows) for each in await self._hour(hour) if (rows := each.rows(start, end))]
            found, in_order = found + parts, in_order and len(parts) <= 1
            if most is not None and sum(len(rows) for _, rows in found) > most:
                raise TooManyReadingsError
        return PackedReadings(found, in_order=in_order)

    async def _hour(self, hour: datetime) -> list[UnpackedHour]:
        if hour not in self._hours:
            packed = [each for match in self._matches for each in await self._packed({**match, "hour": hour})]
            self._hours[hour] = await asyncio.to_thread(list, map(unpacked, packed))
        return self._hours[hour]

    async def _packed(self, match: Document) -> list[Document]:
        with mongo_errors():
            found = await self._database[PACKED_HOURS].find(match, max_time_ms=QUERY_MS).to_list(None)
        of_tests = {source == TEST for source in self._sources}
        return [each for each in found if is_test(each["item_id"]) in of_tests]


async def packed_readings(
    database: Database, item_id: str, source: Source, start: datetime, end: datetime
) -> AsyncIterator[list[Document]]:
    """Yield the packed readings of an item in a span of which documents may have expired, hour by hour.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time, or a packed hour is damaged.
    """
    if start >= await documents_since(database, datetime.now(UTC)):
        return
    within = {"$gte": start.replace(minute=0, second=0, microsecond=0), "$lt": end}
    match = {"item_id": series_of(item_id, source), "hour": within}
    with mongo_errors():
        async for packed in database[PACKED_HOURS].find(match, max_time_ms=QUERY_MS).batch_size(HOURS_AT_ONCE):
            yield await asyncio.to_thread(_unpacked_between, packed, start, end)


def _unpacked_between(packed: Document, start: datetime, end: datetime) -> list[Document]:
    hour = unpacked(packed)
    return list(hour.documents(hour.rows(start, end)))


def _hours(first: datetime, end: datetime) -> Iterator[datetime]:
    while first < end:
        yield first
        first += ONE_HOUR
