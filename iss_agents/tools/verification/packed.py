"""Packed readings in a verification: those whose documents may have expired."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS, identity_of, unpacked
from iss_agents.archive.packed.reader import PackedReader, documents_since
from iss_agents.archive.reading_id import event_id_of, time_of
from iss_agents.archive.rollups.hours import Hour, hour_of
from iss_agents.kafka.reader import Span
from iss_agents.telemetry.station_clock import MILLISECOND

SLICE = timedelta(minutes=1)
"""Time whose readings are unpacked at once: some 4,000 of the station, 6 MB."""

ASKED_AT_ONCE = 100
"""Packed hours in one query, about 3 MB."""

QUERY_MS = 10_000

Hours = dict[bytes, Hour]
"""`_id` of a reading -> the packed hour that holds it."""


class PackedReadings:
    """Reads the packed readings that came in during a span; memory is that of the hours of one slice."""

    def __init__(self, database: Database, span: Span) -> None:
        self._database = database
        self._span = span
        self._reader = PackedReader(database, [], None)
        self._since: datetime | None = None

    async def slices(self, start: datetime, end: datetime) -> AsyncIterator[tuple[Hours, datetime]]:
        """Yield the readings measured from `start` to `end` that came in later, and the end of each slice."""
        end = min(end, await self._documents_since())
        while start < end:
            over = min(start + SLICE, end)
            yield await self._slice(start, over), over
            start = over

    async def names_of(self, wanted: Mapping[bytes, Hour]) -> dict[bytes, str]:
        """Return the event_id of each of the wanted readings that is packed and may have no document."""
        since = await self._documents_since()
        by_hour: defaultdict[Hour, set[bytes]] = defaultdict(set)
        for identity, hour in wanted.items():
            if time_of(identity) < since:
                by_hour[hour].add(identity)
        names: dict[bytes, str] = {}
        hours = sorted(by_hour, key=lambda hour: hour.start)
        for begin in range(0, len(hours), ASKED_AT_ONCE):
            asked = {hour.name: by_hour[hour] for hour in hours[begin : begin + ASKED_AT_ONCE]}
            for packed in await self._packed(list(asked)):
                names |= await asyncio.to_thread(_names, packed, asked[packed["_id"]])
        return names

    async def _documents_since(self) -> datetime:
        if self._since is None:
            self._since = await documents_since(self._database, datetime.now(UTC))
        return self._since

    async def _slice(self, start: datetime, end: datetime) -> Hours:
        readings = await self._reader.between(start, end)
        return await asyncio.to_thread(self._hours_of, readings, start)

    def _hours_of(self, readings: Iterable[Document], start: datetime) -> Hours:
        return {identity_of(each): hour_of(each) for each in readings if self._came(each, start)}

    def _came(self, reading: Document, start: datetime) -> bool:
        came = reading.get("ingest_ts")
        # A document edited by hand may have no valid one.
        return isinstance(came, datetime) and start <= came < self._span.end

    async def _packed(self, names: Sequence[str]) -> list[Document]:
        found = self._database[PACKED_HOURS].find({"_id": {"$in": names}}, max_time_ms=QUERY_MS)
        with mongo_errors():
            return await found.to_list(None)


def _names(packed: Document, wanted: set[bytes]) -> dict[bytes, str]:
    hour = unpacked(packed)
    times = sorted(map(time_of, wanted))
    among = hour.documents(hour.rows(times[0], times[-1] + MILLISECOND))
    return {identity: event_id_of(each) for each in among if (identity := identity_of(each)) in wanted}
