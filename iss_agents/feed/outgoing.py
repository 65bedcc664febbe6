"""A record on its way to Kafka: topic, partition, key and bytes, ready to be sent or spooled."""

from typing import NamedTuple

from iss_agents.records import Gap, Invalid, Reading, encode
from iss_agents.topics import GAPS, INVALID, RAW, partition_for


class Outgoing(NamedTuple):
    """One Kafka record. `ingest_ts` becomes its time: Unix seconds, or 0.0 for now (latency not measured)."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    ingest_ts: float = 0.0


def outgoing_reading(reading: Reading) -> Outgoing:
    """Return the raw topic's record of a reading, keyed by its item."""
    return Outgoing(
        RAW.name,
        partition_for(reading.item_id),
        reading.item_id.encode(),
        encode(reading),
        reading.ingest_ts.timestamp(),
    )


def outgoing_gap(gap: Gap) -> Outgoing:
    """Return the record of a gap, keyed by `gap_id`: the later record of a gap replaces the earlier one."""
    return Outgoing(GAPS.name, 0, gap.gap_id.encode(), encode(gap))


def outgoing_invalid(invalid: Invalid) -> Outgoing:
    """Return the record of something that did not validate, keyed by its item if it is known."""
    key = invalid.item_id.encode() if invalid.item_id else None
    return Outgoing(INVALID.name, 0, key, encode(invalid))
