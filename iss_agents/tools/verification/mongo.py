"""Archive check: compares MongoDB with Kafka, and finds missing and unexpected documents."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from aiokafka import ConsumerRecord

from iss_agents.archive.cursor import Position
from iss_agents.archive.destinations import DESTINATIONS, READINGS, Destination
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.reading_id import IDENTIFYING, event_id_of, forms_of
from iss_agents.archive.rollups.hours import Hour, hour_of
from iss_agents.archive.scan import WindowScan
from iss_agents.kafka.reader import Committed, PartitionOffsets, Span, TopicReader
from iss_agents.telemetry.codec import DecodeError
from iss_agents.telemetry.topics import ARCHIVE_GROUP
from iss_agents.tools.verification.packed import PackedReadings
from iss_agents.tools.verification.report import Difference, Kind, Report

QUERY_MS = 10_000
WANTED = 2_000
"""Readings that one query to MongoDB should return."""

WINDOW = 100_000
"""Ids of readings held in memory at once, about 10 MB: 24 minutes of the station."""

ASKED_AT_ONCE = 100
"""Ids in one query. The embedded database takes 25 ms for 100 and 2.5 s for 1,000 (measured)."""


class Name(NamedTuple):
    """The id of a document outside the archive, and of a reading the hour in which it may be packed."""

    text: str
    hour: Hour | None = None


Names: TypeAlias = dict[tuple[Any, ...], Name]
"""Ids under which a document may be stored -> its name; the first one is that of a packed reading."""

Stored: TypeAlias = dict[Any, Hour | None]
"""Ids of readings, and in which hour those are that are packed."""


class Comparison:
    """Comparison of both sides, whose differences go into `report`."""

    def __init__(
        self, reader: TopicReader, database: Database, span: Span, committed: Committed, report: Report
    ) -> None:
        self._reader = reader
        self._database = database
        self._span = span
        self._committed = committed
        self._report = report
        self._packed = PackedReadings(database, span)
        self._twice: set[tuple[Any, ...]] = set()

    async def compare_readings(self) -> None:
        """Compare readings, one window of ingest times after another, so that memory is bounded by a window.

        MongoDB is queried first: what is stored must be in Kafka by then. Then each partition is read from the
        first record of the window to the first one of the next. An older record in between was published late,
        from a spool: it is queried by its id, and its document stays among the unmatched ones until then.

        Where documents may have expired, a window also has the packed readings that were measured in its time.
        They came in somewhat later, and stay among the unmatched ones until then. Those that were measured
        before the span, or came in before they were measured, are queried by their ids.
        """
        unmatched: Stored = {}
        starts = await self._reader.first_offsets(READINGS.topic, self._span.start)
        async for stored, until in self._windows():
            unmatched |= stored
            ends = dict(await self._reader.end_offsets(READINGS.topic))
            if until < self._span.end:
                ends |= await self._reader.first_offsets(READINGS.topic, until)
            await self._compare_between(starts, ends, unmatched)
            starts = ends
        await self._report_unexpected(unmatched)

    async def compare(self, row: Destination) -> None:
        """Compare the documents of another topic, which has few, each by its id."""
        async for records in self._reader.records(row.topic, self._span):
            await self._require(row, self._due(row, records))

    async def _windows(self) -> AsyncIterator[tuple[Stored, datetime]]:
        """Yield the ids of a window of readings, and its end."""
        stored: Stored = {}
        async for part, reached in self._parts():
            stored |= part
            if len(stored) >= WINDOW:
                yield stored, reached
                stored = {}
        yield stored, self._span.end

    async def _parts(self) -> AsyncIterator[tuple[Stored, datetime]]:
        """Yield the ids of some readings, and a time from which on all ids are yet to come, or have come."""
        # By time: queries by id cost the database a hundred times as much.
        readings, begin = self._database[READINGS.collection], self._span.start
        scan = WindowScan(readings, [], self._span.end, "ingest_ts", fields=("_id", "ingest_ts"))
        async for window in scan.windows(Position(begin), wanted=WANTED):
            yield {document["_id"]: None for document in window.documents}, begin
            async for packed, reached in self._packed.slices(begin, window.reached.time):
                yield dict(packed), reached
            begin = window.reached.time

    async def _compare_between(
        self, starts: PartitionOffsets, ends: PartitionOffsets, unmatched: Stored
    ) -> None:
        async for batch in self._reader.between(starts, ends):
            records = [record for record in batch if self._span.holds(record)]
            due = self._due(READINGS, records)
            # Not if it was found before, or arrived twice and was stored with the other ingest time.
            absent = {ids: name for ids, name in due.items() if unmatched.keys().isdisjoint(ids)}
            await self._require(READINGS, absent)
            for ids in _names(READINGS, records):
                there = [one for one in ids if one in unmatched]
                for one in there:
                    del unmatched[one]
                if there == [*ids]:
                    self._twice.add(ids)

    async def _report_unexpected(self, unmatched: Stored) -> None:
        asked = [*unmatched, *chain(*self._twice)]
        found = _found(self._database, READINGS.collection, asked, IDENTIFYING)
        names = {document["_id"]: event_id_of(document) async for document in found}
        # Documents under both ids are one too many; a packed reading and a document are the same one.
        unexpected = {names[ids[-1]] for ids in self._twice if names.keys() >= set(ids)}
        unexpected |= {names[one] for one in unmatched if one in names}
        packed = {one: hour for one, hour in unmatched.items() if hour and one not in names}
        unexpected.update((await self._packed.names_of(packed)).values())
        self._add("unexpected", READINGS, unexpected)

    def _due(self, row: Destination, records: Sequence[ConsumerRecord]) -> Names:
        due = [record for record in records if self._committed.holds(record)]
        names = _names(row, due)
        self._report.underway[row.collection] += len(records) - len(due)
        self._report.checked[row.collection] += len(names)
        return names

    async def _require(self, row: Destination, names: Names) -> None:
        wanted = [identity for ids in names for identity in ids]
        found = {each["_id"] async for each in _found(self._database, row.collection, wanted, ["_id"])}
        absent = {ids: name for ids, name in names.items() if found.isdisjoint(ids)}
        packed = await self._packed.names_of({ids[0]: name.hour for ids, name in absent.items() if name.hour})
        self._add("missing", row, (name.text for ids, name in absent.items() if ids[0] not in packed))

    def _add(self, kind: Kind, row: Destination, names: Iterable[str]) -> None:
        self._report.differences |= {Difference(kind, row.collection, name) for name in names}


async def compare_archive(reader: TopicReader, database: Database, span: Span, report: Report) -> None:
    """Add to `report` what MongoDB lacks, for every collection, and which readings are unexpected.

    Raises:
        DatabaseUnavailableError: MongoDB does not answer.
        KafkaError: Kafka does not.
    """
    # Read first: what is committed must be stored.
    committed = await reader.committed(ARCHIVE_GROUP, [row.topic for row in DESTINATIONS.values()])
    comparison = Comparison(reader, database, span, committed, report)
    for row in DESTINATIONS.values():
        await (comparison.compare_readings() if row is READINGS else comparison.compare(row))


def _names(row: Destination, records: Sequence[ConsumerRecord]) -> Names:
    """Return the ids under which the archive stores these records; dead letters are stored elsewhere."""
    names: Names = {}
    for record in records:
        with suppress(DecodeError):
            document = row.document(record)
            if row is READINGS:
                name = event_id_of(document)
                names[forms_of(document["source_ts"], name)] = Name(name, hour_of(document))
            else:
                names[(document["_id"],)] = Name(document["_id"])
    return names


async def _found(
    database: Database, collection: str, ids: Sequence[Any], fields: Iterable[str]
) -> AsyncIterator[Document]:
    for begin in range(0, len(ids), ASKED_AT_ONCE):
        within = {"_id": {"$in": ids[begin : begin + ASKED_AT_ONCE]}}
        question = database[collection].find(within, dict.fromkeys(fields, 1)).max_time_ms(QUERY_MS)
        with mongo_errors():
            documents = await question.to_list(None)
        for document in documents:
            yield document
