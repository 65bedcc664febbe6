"""Hours of a day: the buckets of its hours that have readings, as one compressed binary.

    zstd of msgpack: {marks: 24, hour: [0, 2, 23], count: [3600, 3600, 41], numbers, min, max, sum, last,
     integral: [[first_at, area, known, states], …]}

An earlier version stored the same as fields. The embedded database decodes every field of a document, whatever
an answer needs of it: 0.2 ms a day as fields, 0.06 as a binary (measured).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cramjam
import msgspec
from msgspec import to_builtins

from iss_agents.archive.rollups.buckets import DAY, HOUR, Bucket, Integral
from iss_agents.archive.rollups.hours import FIELDS

LEVEL = 9
"""zstd, as for packed hours."""


def encoded(hours: Sequence[Bucket], marks: int) -> bytes:
    """Return the hours of a day, computed when it had so many marks."""
    names = [hour.start % DAY // HOUR for hour in hours]
    values = {name: [getattr(hour, name) for hour in hours] for name in FIELDS}
    integrals = [to_builtins(hour.integral) for hour in hours]
    columns = {"marks": marks, "hour": names, **values, "integral": integrals}
    return bytes(cramjam.zstd.compress(msgspec.msgpack.encode(columns), level=LEVEL))


def decoded(stored: bytes | Mapping[str, Any], day: int, marks: int) -> list[Bucket] | None:
    """Return the hours of the day that begins at `day`, milliseconds since 1970; None if it had other marks.

    Raises:
        KeyError, TypeError, ValueError: what is stored cannot be read.
    """
    columns = stored if isinstance(stored, Mapping) else _columns(stored)
    return list(_buckets(columns, day)) if columns["marks"] == marks else None


def _columns(stored: bytes) -> dict[str, Any]:
    try:
        return msgspec.msgpack.decode(cramjam.zstd.decompress(stored), type=dict[str, Any])
    except (cramjam.DecompressionError, msgspec.DecodeError) as error:
        raise ValueError(f"the hours of a day cannot be read: {error}") from error


def _buckets(columns: Mapping[str, Sequence[Any]], day: int) -> Iterator[Bucket]:
    integrals = [Integral(*integral) for integral in columns["integral"]]
    for hour, *values in zip(*(columns[name] for name in ("hour", *FIELDS)), integrals, strict=True):
        yield Bucket(day + hour * HOUR, *values)
