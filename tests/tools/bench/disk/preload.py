"""What the archive had stored before the simulated time begins."""

from array import array
from collections.abc import Iterator
from datetime import timedelta

import bson
from wiredtiger.intpacking import pack_int

from tests.tools.bench.disk.key_string import DATE, END, SIGN, key_string, record_id
from tests.tools.bench.disk.readings import START, Readings
from tests.tools.bench.disk.storage import Collection, Pair

FIRST_RECORD = 1 << 28
"""Number of the first simulated record: some weeks are before it."""

ITEM_INDEX = ("item_id", "source_ts")


def preload(stored: Collection, readings: Readings, retention: timedelta, newest: int) -> int:
    """Store the newest readings, and those of `retention` in the index on item and time; return its laps.

    Each checkpoint writes the last page of every item in that index, and the pages above: so its size counts.
    """
    documents = {FIRST_RECORD + number: readings.document(number) for number in range(-newest, 0)}
    stored.documents.load((pack_int(record), bson.encode(each)) for record, each in documents.items())
    stored.ids.load(
        sorted((key_string([each["_id"]]), record_id(record)) for record, each in documents.items())
    )
    for field in ("source_ts", "ingest_ts"):
        keys = (key_string([each[field]]) + record_id(record) for record, each in documents.items())
        stored.indexes[field,].load((key, b"") for key in keys)
    laps = max(1, round(retention.total_seconds() * 1000 / readings.period))
    stored.indexes[ITEM_INDEX].load(_entries(readings, laps))
    return laps


def _entries(readings: Readings, laps: int) -> Iterator[Pair]:
    """Yield the entries of all items in these laps, in order."""
    for item_id, places in zip(readings.items, _places_by_item(readings), strict=True):
        head = key_string([item_id]).removesuffix(END) + DATE
        # All in one number, because there are 180 million: the time, the end of the fields, the record.
        each_lap = [(readings.place(number).time - START) << 48 | number << 3 for number in places]
        for lap in range(-laps, 0):
            first = int.from_bytes(record_id(FIRST_RECORD + lap * readings.lap))
            start = (START + lap * readings.period + SIGN) << 48 | END[0] << 40 | first
            for rest in each_lap:
                yield head + (start + rest).to_bytes(14), b""


def _places_by_item(readings: Readings) -> "list[array[int]]":
    places = [array("I") for _ in readings.items]
    for number in range(readings.lap):
        places[readings.place(number).item].append(number)
    return places
