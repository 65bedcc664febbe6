"""Producer record of the feed: topic, partition, key and bytes, ready to be sent or spooled."""

from typing import NamedTuple

from iss_agents.telemetry.records import LATEST_SEQUENCE, Gap, Invalid, Reading, encode
from iss_agents.telemetry.topics import GAPS, INVALID, RAW, partition_for

LATEST_SECONDS = LATEST_SEQUENCE // 1000
"""1 January 2100: no plausible time is later."""

PARTITIONS = {topic.name: topic.partitions for topic in (RAW, GAPS, INVALID)}
"""The feed's topics -> number of partitions."""


class ProducerRecord(NamedTuple):
    """One Kafka record. `ingest_ts` becomes its time: Unix seconds, or 0.0 for now (latency not measured)."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    ingest_ts: float = 0.0

    @property
    def is_plausible(self) -> bool:
        """Whether this can be one of our records: a damaged disk may return anything."""
        key, value = self.key, self.value
        return (
            self.partition in range(PARTITIONS.get(self.topic, 0))
            and (key is None or isinstance(key, bytes))
            and isinstance(value, bytes)
            and isinstance(self.ingest_ts, float)
            and 0 <= self.ingest_ts < LATEST_SECONDS
        )


def outgoing_reading(reading: Reading) -> ProducerRecord:
    """Return the record of a reading, keyed by its item."""
    return ProducerRecord(
        RAW.name,
        partition_for(reading.item_id),
        reading.item_id.encode(),
        encode(reading),
        reading.ingest_ts.timestamp(),
    )


def outgoing_gap(gap: Gap) -> ProducerRecord:
    """Return the record of a gap, keyed by `gap_id`: the later record of a gap replaces the earlier one."""
    return ProducerRecord(GAPS.name, 0, gap.gap_id.encode(), encode(gap))


def outgoing_invalid(invalid: Invalid) -> ProducerRecord:
    """Return the record of a dead letter, keyed by its item if that is known."""
    key = invalid.item_id.encode() if invalid.item_id else None
    return ProducerRecord(INVALID.name, 0, key, encode(invalid))
