"""Decoding of batches to Readings; every record that does not validate becomes a dead letter."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from aiokafka import ConsumerRecord

from iss_agents.runtime.metrics import INVALID as INVALID_COUNT
from iss_agents.streaming.outputs import Output, Outputs
from iss_agents.telemetry.codec import DecodeError, Record, decode_message
from iss_agents.telemetry.dead_letter import dead_letter, origin_headers
from iss_agents.telemetry.records import LONGEST_TEXT, Reading, decode_reading, encode
from iss_agents.telemetry.topics import INVALID


async def readings_of(records: Sequence[ConsumerRecord], outputs: Outputs) -> list[Reading]:
    """Return the Readings of a batch; Kafka has acknowledged every dead letter before this returns."""
    return await decoded(decode_reading, records, outputs)


async def decoded(
    decode: Callable[[bytes], Record], records: Sequence[ConsumerRecord], outputs: Outputs
) -> list[Record]:
    """Return each record as `decode` returns it, like `readings_of`."""
    valid: list[Record] = []
    dead_letters: list[Output] = []
    for record in records:
        try:
            valid.append(decode_message(decode, record))
        except DecodeError as error:
            dead_letters.append(_dead_letter(record, error))
    await outputs.send(INVALID, 0, dead_letters)
    return valid


def _dead_letter(record: ConsumerRecord, error: DecodeError) -> Output:
    INVALID_COUNT.labels("agents", error.reason).inc()
    now, item_id = datetime.now(UTC), _text(record.key)
    value = dead_letter(record, "agents", error.reason, str(error), seen_at=now, item_id=item_id)
    # The present time: the record's own may be any, and Kafka deletes what is old.
    return Output(None, encode(value), int(time() * 1000), origin_headers(record, str(error)))


def _text(key: Any) -> str | None:
    return key.decode(errors="replace")[:LONGEST_TEXT] if isinstance(key, bytes) else None
