"""From the records of a list to Readings; what does not validate goes to the invalid topic."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from aiokafka import ConsumerRecord

from iss_agents.messages import CannotDecode, Record, decode_message, invalid_id, origin, payload
from iss_agents.metrics import INVALID as INVALID_COUNT
from iss_agents.outputs import Output, Outputs
from iss_agents.records import LONGEST_TEXT, SCHEMA_VERSION, Invalid, Reading, decode_reading, encode
from iss_agents.topics import INVALID


async def readings_of(records: Sequence[ConsumerRecord], outputs: Outputs) -> list[Reading]:
    """Return the Readings of a list; Kafka has acknowledged every invalid record before this returns."""
    return await decoded(decode_reading, records, outputs)


async def decoded(
    decode: Callable[[bytes], Record], records: Sequence[ConsumerRecord], outputs: Outputs
) -> list[Record]:
    """Return what `decode` makes of each record, like `readings_of`."""
    valid: list[Record] = []
    invalid: list[Output] = []
    for record in records:
        try:
            valid.append(decode_message(decode, record))
        except CannotDecode as error:
            invalid.append(_invalid(record, error))
    await outputs.send(INVALID, 0, invalid)
    return valid


def _invalid(record: ConsumerRecord, error: CannotDecode) -> Output:
    INVALID_COUNT.labels("agents", error.reason).inc()
    value = Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=invalid_id(record),
        stage="agents",
        reason=error.reason,
        error=str(error),
        payload=payload(record),
        seen_at=datetime.now(UTC),
        item_id=_text(record.key),
    )
    # The time of now: a record's own may be any, and Kafka deletes what is old.
    return Output(None, encode(value), int(time() * 1000), origin(record, str(error)))


def _text(key: Any) -> str | None:
    return key.decode(errors="replace")[:LONGEST_TEXT] if isinstance(key, bytes) else None
