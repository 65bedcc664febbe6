"""What the invalid topic holds, read as it was kept: where it came from, why, and what it was."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from aiokafka import ConsumerRecord

from iss_agents.messages import CannotDecode, decode_message, payload, place
from iss_agents.records import Source, decode_invalid
from iss_agents.station_clock import from_milliseconds
from iss_agents.topics import INVALID
from iss_agents.verification.bus import Bus, Span


@dataclass(frozen=True)
class Kept:
    """One thing that could not be used. `found` is when, and `topic` is where it was read.

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


async def kept(bus: Bus, span: Span) -> AsyncIterator[Kept]:
    """Yield what was found invalid in the span, in order, each thing once, however many stages met it.

    Raises:
        KafkaError: Kafka does not answer.
    """
    seen: set[str] = set()
    async for records in bus.records(INVALID, span):
        for record in records:
            one = kept_of(record)
            if one.invalid_id not in seen:
                seen.add(one.invalid_id)
                yield one


def kept_of(record: ConsumerRecord) -> Kept:
    """Return what a record of the invalid topic keeps; if it is none of ours, the record itself."""
    found = from_milliseconds(record.timestamp)
    try:
        invalid = decode_message(decode_invalid, record)
    except CannotDecode as error:
        return Kept(place(record), found, place(record), "invalid", error.reason, str(error), payload(record))
    origin = {name: value.decode(errors="replace") for name, value in record.headers}
    names = [origin.get(name, "") for name in ("topic", "partition", "offset")]
    return Kept(
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
