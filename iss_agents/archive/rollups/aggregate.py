"""Aggregation of raw readings into buckets, where there is no rollup.

It reads the readings and integrates them here: the integral over time needs each reading and the next one.
"""

from collections import defaultdict
from time import monotonic

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document, QueryTimeoutError, mongo_errors
from iss_agents.archive.packed.hours import identity_of
from iss_agents.archive.packed.reader import packed_readings
from iss_agents.archive.rollups.buckets import READING_FIELDS, OrderedReading, bucket_of, ordered_reading
from iss_agents.archive.rollups.weighting import FineBucket, Span
from iss_agents.telemetry.catalog import names_states
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import from_milliseconds


async def aggregate(
    database: Database, item_id: str, source: Source, span: Span, width: int, until: int, milliseconds: int
) -> list[FineBucket]:
    """Return the trusted readings of an item from a source in buckets of `width` ms, within `milliseconds`.

    The last value holds no longer than `until`, and to the end of the span.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    start, end = map(from_milliseconds, span)
    match = {"item_id": item_id, "source_ts": {"$gte": start, "$lt": end}}
    readings: defaultdict[int, list[OrderedReading]] = defaultdict(list)
    found = database[READINGS.collection].find(match, READING_FIELDS, max_time_ms=milliseconds)
    deadline, stored = monotonic() + milliseconds / 1000, set[bytes]()

    def add(document: Document) -> None:
        # Not part of the query: with it the embedded database would use no index.
        if document.get("source") == source and (reading := ordered_reading(document)):
            readings[reading.time - reading.time % width].append(reading)

    with mongo_errors():
        async for document in found:
            stored.add(identity_of(document))
            add(document)
    async for hour in packed_readings(database, item_id, source, start, end):
        if monotonic() > deadline:
            raise QueryTimeoutError("MongoDB took too long; ask for a shorter span or fewer items")
        for document in hour:
            # Of some readings both are there.
            if identity_of(document) not in stored:
                add(document)
    named, last = names_states(item_id), min(span[1], until)
    buckets = []
    for begin, some in sorted(readings.items()):
        over = max(min(begin + width, last), max(some).time)
        buckets.append(FineBucket(bucket_of(sorted(some), begin, over, named=named), over))
    return buckets
