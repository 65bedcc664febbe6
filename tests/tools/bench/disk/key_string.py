"""KeyString: the bytes as which MongoDB stores the fields of an index, so that they sort like the values.

Only the types of indexed fields of the archive; descending indexes, arrays and numbers do not occur in them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bson.datetime_ms import DatetimeMS

from iss_agents.telemetry.station_clock import milliseconds

MISSING, TEXT, BINARY, FALSE, TRUE, DATE, END = b"\x14", b"\x3c", b"\x5a", b"\x6e", b"\x6f", b"\x78", b"\x04"

SIGN = 1 << 63


def key_string(values: Iterable[Any]) -> bytes:
    """Return the key of these values."""
    return b"".join(map(_encoded, values)) + END


def date(time: int) -> bytes:
    """Return a time, in milliseconds since 1970, as a part of a key."""
    return DATE + (time + SIGN).to_bytes(8)


def record_id(number: int) -> bytes:
    """Return a record's number: the last part of a key, or the value under a unique one."""
    more = max(0, (number.bit_length() - 3) // 8)
    return (more << (8 * more + 13) | number << 3 | more).to_bytes(more + 2)


def _encoded(value: Any) -> bytes:
    match value:
        case str():
            return TEXT + value.encode() + b"\x00"
        case DatetimeMS():
            return date(int(value))
        case bytes():
            return BINARY + bytes([len(value), 0]) + value
        case bool():
            return TRUE if value else FALSE
        case datetime():
            return date(milliseconds(value))
        case None:
            return MISSING
    raise TypeError(f"no index has {value!r}")
