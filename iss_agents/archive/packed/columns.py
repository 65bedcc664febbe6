"""Columns of a packed hour: the readings field by field, which compresses to a tenth of the documents.

Times and offsets are stored as differences, because those repeat. A column whose values are all equal is stored
as that one value.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

import bson
from bson.int64 import Int64

from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.unpacked import PLAIN, Columns, Plain, Rest, UnpackedHour
from iss_agents.archive.reading_id import computed_event_id
from iss_agents.telemetry.station_clock import milliseconds

PLAIN_TYPES = frozenset({str, bool, int, float})

SMALL = (1 << 31) - 1
"""Largest number that the driver stores in 32 bits."""


def columns_of(item_id: str, readings: Sequence[Document]) -> Columns:
    """Return the columns of an item's readings, which are in order."""
    times = [milliseconds(reading["source_ts"]) for reading in readings]
    columns = Columns(
        times=list(_differences(times)),
        delays=_shortened([_delay(reading, time) for reading, time in zip(readings, times, strict=True)]),
        offsets=list(_differences([_offset(reading) for reading in readings])),
        plain={name: _shortened([_plain(reading, name) for reading in readings]) for name in PLAIN},
    )
    columns.rest = _encoded(_rest(UnpackedHour(item_id, columns), readings))
    return columns


def _rest(unpacked: UnpackedHour, readings: Sequence[Document]) -> Rest:
    rest: Rest = {}
    computed_readings = unpacked.computed(range(len(readings)))
    for row, (reading, computed) in enumerate(zip(readings, computed_readings, strict=True)):
        if _is_event_id(reading["_id"], computed):
            computed["_id"] = reading["_id"]
        differing = {name: value for name, value in reading.items() if not _is_same(computed, name, value)}
        absent = [name for name in computed if name not in reading]
        if differing or absent:
            rest[row] = differing, absent
    return rest


def _is_event_id(identity: Any, computed: Mapping[str, Any]) -> bool:
    """Return whether an `_id` of version 1 stands for the same reading as the computed one."""
    return isinstance(identity, str) and identity == computed_event_id(computed, computed["source_ts"])


def _is_same(computed: Mapping[str, Any], name: str, value: Any) -> bool:
    # 1, 1.0 and true are equal to Python, and so are 0.0 and -0.0.
    if name not in computed or computed[name] != value or _type(computed[name]) is not _type(value):
        return False
    return not isinstance(value, float) or repr(value) == repr(computed[name])


def _type(value: Any) -> type:
    # The driver makes an Int64 of every large number; a small one was stored as such by hand.
    return int if isinstance(value, Int64) and abs(value) > SMALL else type(value)


def _plain(reading: Mapping[str, Any], name: str) -> Plain:
    value = reading.get(name)
    if _type(value) not in PLAIN_TYPES:
        return None
    return int(value) if isinstance(value, Int64) else value


def _delay(reading: Mapping[str, Any], time: int) -> int | None:
    came = reading.get("ingest_ts")
    return milliseconds(came) - time if isinstance(came, datetime) else None


def _offset(reading: Mapping[str, Any]) -> int | None:
    offset = reading.get("offset")
    return offset if _type(offset) is int else None


def _differences(values: Sequence[Any]) -> Iterator[Any]:
    """Yield each value less the last one before it that is not None, or 0."""
    before: Iterator[Any] = accumulate([0, *values], lambda last, value: last if value is None else value)
    for last, value in zip(before, values, strict=False):
        yield None if value is None else value - last


def _shortened(values: list[Any]) -> list[Any]:
    is_constant = all(type(value) is type(values[0]) and value == values[0] for value in values)
    return values[:1] if is_constant else values


def _encoded(rest: Rest) -> bytes:
    return bson.encode({f"{row}": list(each) for row, each in rest.items()}) if rest else b""
