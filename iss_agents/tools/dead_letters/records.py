"""Dead-letter records of the invalid topic: where each came from, why, and its payload."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from aiokafka import ConsumerRecord

from iss_agents.kafka.reader import Span, TopicReader
from iss_agents.telemetry.codec import DecodeError, coordinates, decode_message
from iss_agents.telemetry.dead_letter import payload_of
from iss_agents.telemetry.records import Source, decode_invalid
from iss_agents.telemetry.station_clock import from_milliseconds
from iss_agents.telemetry.topics import INVALID


@dataclass(frozen=True)
class DeadLetter:
    """A record that did not validate. `found` is when, and `topic` where it was read.

    `place` is `topic:partition:offset`, or the item for an update of the feed, which was on no topic; `source`
    is that of the feed.
    """

    invalid_id: str
    found: datetime
    place: str
    stage: str
    reason: str
    error: str
    payload: bytes
    topic: str | None = None
    source: Source | None = None


async def dead_letters(reader: TopicReader, span: Span) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters of the span, in order, each once even if several stages rejected it.

    Raises:
        KafkaError: Kafka does not answer.
    """
    inspect: set[str] = set()
    async for records in reader.records(INVALID, span):
        for record in records:
            one = dead_letter_of(record)
            if one.invalid_id not in inspect:
                inspect.add(one.invalid_id)
                yield one


def dead_letter_of(record: ConsumerRecord) -> DeadLetter:
    """Return the dead letter in a record of the invalid topic; a foreign record is its own dead letter."""
    found = from_milliseconds(record.timestamp)
    try:
        invalid = decode_message(decode_invalid, record)
    except DecodeError as error:
        place = coordinates(record)
        return DeadLetter(place, found, place, "invalid", error.reason, str(error), payload_of(record))
    origin = {name: value.decode(errors="replace") for name, value in record.headers}
    names = [origin.get(name, "") for name in ("topic", "partition", "offset")]
    return DeadLetter(
        invalid.invalid_id,
        found,
        ":".join(names) if all(names) else f"the feed's {invalid.item_id}",
        invalid.stage,
        invalid.reason,
        invalid.error,
        invalid.payload,
        names[0] or None,
        invalid.source,
    )
