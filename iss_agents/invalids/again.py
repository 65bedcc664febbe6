"""What is sent again of what was invalid: only what validates now, to the topic where it belongs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from iss_agents.announcers.decision import decode_decision
from iss_agents.detection.events import decode_event
from iss_agents.feed.decode import InvalidUpdate, reading_from_update
from iss_agents.feed.outgoing import Outgoing, outgoing_gap, outgoing_reading
from iss_agents.feed.update import Update
from iss_agents.invalids.kept import Kept
from iss_agents.messages import CannotDecode, Headers, decode_message
from iss_agents.records import Gap, Reading, decode_gap, decode_reading, decoder
from iss_agents.station_clock import milliseconds
from iss_agents.topics import DECISIONS, EVENTS, GAPS, RAW, WATER


class _Update(msgspec.Struct):
    """An update as the feed's stage keeps it: a JSON object with the fields of `Update`."""

    item_id: str
    fields: dict[str, str | None]
    snapshot: bool
    session: int
    arrival: datetime


decode_update = decoder(_Update)


class StillInvalid(ValueError):  # noqa: N818 - says what happened
    """It would be refused again, or nobody knows where it belongs. The text says which."""


@dataclass
class _Content:
    """A payload as a message of the topic that it came from."""

    topic: str
    value: bytes | None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Headers = ()


def sent_again(one: Kept) -> Outgoing:
    """Return the record to send.

    Raises:
        StillInvalid: it does not validate now.
    """
    if one.topic is None:
        return _of_the_feed(one)
    again = OF_TOPIC.get(one.topic)
    if again is None:
        raise StillInvalid(f"{one.topic!r} is no topic whose records can be sent again")
    decode, make = again
    try:
        record = decode_message(decode, _Content(one.topic, one.payload))
    except CannotDecode as error:
        raise StillInvalid(str(error).partition(": ")[2]) from error
    return make(record, one.payload)


def _of_the_feed(one: Kept) -> Outgoing:
    try:
        update = Update(*msgspec.structs.astuple(decode_update(one.payload)))
    except msgspec.DecodeError:
        return _refused_by_kafka(one)
    if one.source is None:
        raise StillInvalid("it does not say from which source it came")
    try:
        reading = reading_from_update(update, one.source)
    except InvalidUpdate as error:
        raise StillInvalid(str(error)) from error
    if reading is None:
        raise StillInvalid("the feed says that it was never measured")
    return outgoing_reading(reading)


def _refused_by_kafka(one: Kept) -> Outgoing:
    # The publisher keeps the record itself, which names no topic.
    for topic in (RAW.name, GAPS.name):
        decode, make = OF_TOPIC[topic]
        try:
            return make(decode_message(decode, _Content(topic, one.payload)), one.payload)
        except CannotDecode:
            continue
    raise StillInvalid("it is neither an update of the feed, nor a reading, nor a gap")


def _reading(reading: Reading, payload: bytes) -> Outgoing:
    return outgoing_reading(reading)._replace(value=payload)


def _tank_reading(reading: Reading, payload: bytes) -> Outgoing:
    return Outgoing(WATER.name, 0, b"tank", payload, milliseconds(reading.ingest_ts) / 1000)


def _gap(gap: Gap, payload: bytes) -> Outgoing:
    return outgoing_gap(gap)._replace(value=payload)


def _under_event_id(topic: str) -> Callable[[Any, bytes], Outgoing]:
    return lambda record, payload: Outgoing(topic, 0, record.event_id.encode(), payload)


OF_TOPIC: dict[str, tuple[Callable[[bytes], Any], Callable[[Any, bytes], Outgoing]]] = {
    RAW.name: (decode_reading, _reading),
    WATER.name: (decode_reading, _tank_reading),
    GAPS.name: (decode_gap, _gap),
    EVENTS.name: (decode_event, _under_event_id(EVENTS.name)),
    DECISIONS.name: (decode_decision, _under_event_id(DECISIONS.name)),
}
"""Topic -> how its records are decoded, and sent: the bytes as they came, under the key that is right."""
