"""Codec of packed hours: the readings of a series in an hour, as one compressed binary, without loss.

    version (1 byte) | CRC-32 of what follows (4 bytes) | zstd of msgpack: `columns.Columns`

Readings are in the order (time, offset, id). What follows from other fields is not stored but computed when a
reading is unpacked: name, discipline, unit, number, state, sequence and `_id`. Whatever differs from that, and
every field that the columns do not know, is stored beside them, for that reading alone.
"""

from collections.abc import Iterable

import cramjam
import msgspec
from bson.errors import BSONError

from iss_agents.archive.checksum import with_checksum, without_checksum
from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.columns import columns_of
from iss_agents.archive.packed.unpacked import Columns, UnpackedHour

VERSION = 1

LEVEL = 9
"""zstd: a higher level takes several times as long for some hundredths of a byte a reading."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Columns).decode


class DamagedHourError(ValueError):
    """The binary of a packed hour cannot be read: it is damaged, or a newer version has written it."""


class NewerHourError(DamagedHourError):
    """A newer version has written the binary of a packed hour."""


def pack(item_id: str, readings: Iterable[Document]) -> bytes:
    """Return readings of one item, documents of the collection `readings`, as a binary."""
    ordered = sorted(readings, key=lambda reading: Position.of(reading, "source_ts"))
    content = bytes(cramjam.zstd.compress(_encode(columns_of(item_id, ordered)), level=LEVEL))
    return bytes([VERSION]) + with_checksum(content)


def unpack(item_id: str, packed: bytes) -> UnpackedHour:
    """Return the readings of an item that were packed.

    Raises:
        DamagedHourError: see there.
    """
    version = packed[:1]
    try:
        content = without_checksum(packed[1:])
    except ValueError as error:
        raise DamagedHourError(f"{error}: restore it from a backup") from error
    if version < bytes([VERSION]):
        raise DamagedHourError("its version is not one that was stored: restore it from a backup")
    if version > bytes([VERSION]):
        raise NewerHourError("written by a newer version of iss-agents: upgrade this one")
    try:
        return UnpackedHour(item_id, _decode(cramjam.zstd.decompress(content)))
    except (cramjam.DecompressionError, msgspec.DecodeError, BSONError, LookupError, ValueError) as error:
        raise DamagedHourError(f"its content cannot be read ({error}): restore it from a backup") from error
