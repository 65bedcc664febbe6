"""From the records of a list to Readings; what does not validate goes to the invalid topic."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from iss_agents.metrics import INVALID as INVALID_COUNT
from iss_agents.outputs import Output, Outputs
from iss_agents.records import SCHEMA_VERSION, Invalid, Reading, decode_reading, encode
from iss_agents.topics import INVALID


async def readings_of(records: Sequence[ConsumerRecord], outputs: Outputs) -> list[Reading]:
    """Return the Readings of a list; Kafka has acknowledged every invalid record before this returns."""
    readings: list[Reading] = []
    invalid: list[Output] = []
    for record in records:
        try:
            reading = decode_reading(record.value or b"")
        except msgspec.DecodeError as error:
            invalid.append(_invalid(record, "undecodable", str(error)))
            continue
        if reading.schema_version > SCHEMA_VERSION:
            invalid.append(_invalid(record, "newer_schema", _newer(reading)))
            continue
        readings.append(reading)
    await outputs.send(INVALID, 0, invalid)
    return readings


def _newer(reading: Reading) -> str:
    return f"schema_version is {reading.schema_version}; at most {SCHEMA_VERSION} is known to this worker"


def _invalid(record: ConsumerRecord, reason: str, error: str) -> Output:
    INVALID_COUNT.labels("agents", reason).inc()
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    value = Invalid(
        schema_version=SCHEMA_VERSION,
        # Named by where it stands, so that a replay finds it kept already.
        invalid_id=hashlib.sha256(f"agents/{origin}".encode()).hexdigest(),
        stage="agents",
        reason=reason,
        error=f"{origin}: {error}",
        payload=record.value or b"",
        seen_at=datetime.now(UTC),
        item_id=_text(record.key),
    )
    return Output(record.key, encode(value), record.timestamp)


def _text(key: Any) -> str | None:
    return key.decode(errors="replace") if isinstance(key, bytes) else None
