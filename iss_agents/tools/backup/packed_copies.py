"""Packed copies of documents: a reading that is packed as it is stored need not be in a backup twice."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import bson
from bson.raw_bson import RawBSONDocument

from iss_agents.archive.mongo import Database, Document, RejectedError, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS, unpacked
from iss_agents.archive.packed.unpacked import UnpackedHour
from iss_agents.archive.reading_id import with_new_id
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups.hours import Hour, hour_of
from iss_agents.telemetry.station_clock import EPOCH, MILLISECOND, milliseconds
from iss_agents.tools.backup.file_format import AWARE

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 100
"""Packed hours in one query, about 3 MB."""

HELD = 1000
"""Unpacked hours in memory, as columns, some 80 MB: documents come in order of arrival, so that all items need
one or two at a time."""

MARGIN = timedelta(days=1)
"""How long before it expires a packed hour no longer counts: it is read again when it is written."""


class PackedCopies:
    """Finds the documents of `readings` without a packed copy that is equal."""

    def __init__(self, database: Database, kept: datetime) -> None:
        self._database = database
        self._kept = kept
        self._hours: OrderedDict[Hour, UnpackedHour | None] = OrderedDict()
        self.first: datetime | None = None
        """When the first reading with a copy was measured that was found."""

    @classmethod
    async def of(cls, database: Database, now: datetime, expired: datetime | None) -> "PackedCopies":
        """Return those of a database, in which readings measured before `expired` may be only packed.

        A reading of that time with a document, as one that arrived much later, keeps it in the backup: restored
        from its packed copy, it would have none.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer.
        """
        kept = await kept_since(database, now, PACKED_HOURS) + MARGIN
        return cls(database, max(kept, expired or EPOCH))

    async def without(self, documents: Sequence[RawBSONDocument]) -> list[RawBSONDocument]:
        """Return the documents without a packed copy, in order.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer.
        """
        readings = [with_new_id(bson.decode(document.raw, AWARE)) for document in documents]
        hours = [_hour_of(reading) for reading in readings]
        await self._read([hour for hour in dict.fromkeys(hours) if hour and hour not in self._hours])
        for hour in dict.fromkeys(hours):
            if hour:
                self._hours.move_to_end(hour)
        found = await asyncio.to_thread(list, map(self._has_copy, hours, readings))
        while len(self._hours) > HELD:
            self._hours.popitem(last=False)
        times = [reading["source_ts"] for reading, has_copy in zip(readings, found, strict=True) if has_copy]
        self.first = min([*times, self.first] if self.first else times, default=None)
        return [document for document, has_copy in zip(documents, found, strict=True) if not has_copy]

    async def _read(self, hours: Sequence[Hour]) -> None:
        self._hours |= dict.fromkeys(hours)
        by_name = {hour.name: hour for hour in hours if hour.start >= milliseconds(self._kept)}
        names = list(by_name)
        for begin in range(0, len(names), ASKED_AT_ONCE):
            within = {"_id": {"$in": names[begin : begin + ASKED_AT_ONCE]}}
            with mongo_errors():
                found = await self._database[PACKED_HOURS].find(within).to_list(None)
            for packed, content in await asyncio.to_thread(list, _readable(found)):
                self._hours[by_name[packed["_id"]]] = content

    def _has_copy(self, hour: Hour | None, reading: Document) -> bool:
        content = self._hours[hour] if hour else None
        if content is None:
            return False
        time = reading["source_ts"]
        return any(
            reading == with_new_id(each) for each in content.documents(content.rows(time, time + MILLISECOND))
        )


def _readable(hours: Sequence[Document]) -> Iterator[tuple[Document, UnpackedHour]]:
    for packed in hours:
        try:
            yield packed, unpacked(packed)
        except RejectedError as error:
            logger.warning("Its readings are backed up as documents, as far as they are there: %s", error)


def _hour_of(reading: Document) -> Hour | None:
    """Return the hour in which a document is packed; None for one edited by hand that cannot be packed."""
    time, item_id = reading.get("source_ts"), reading.get("item_id")
    if not isinstance(time, datetime) or time < EPOCH or not isinstance(item_id, str):
        return None
    return hour_of(reading)
