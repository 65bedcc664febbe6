"""Redrive of dead letters: those that validate now are sent again to the topic where they belong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from iss_agents.announcers.decision import decode_decision
from iss_agents.detection.events import decode_event
from iss_agents.feed.decode import InvalidUpdateError, Update, by_arrival, reading_from_update
from iss_agents.feed.producer_record import ProducerRecord, outgoing_gap, outgoing_reading
from iss_agents.telemetry.codec import DecodeError, Headers, decode_message
from iss_agents.telemetry.records import Gap, Reading, decode_gap, decode_reading, decoder
from iss_agents.telemetry.station_clock import ClockError, ClocksDisagreeError, live_time, milliseconds
from iss_agents.telemetry.topics import DECISIONS, EVENTS, GAPS, RAW, WATER
from iss_agents.tools.dead_letters.records import DeadLetter


class _Update(msgspec.Struct):
    """An update in a dead letter of the feed: a JSON object with the fields of `Update`."""

    item_id: str
    fields: dict[str, str | None]
    snapshot: bool
    session: int
    arrival: datetime


decode_update = decoder(_Update)


class StillInvalidError(ValueError):
    """It would be rejected again, or its topic is unknown. The text says which."""


@dataclass
class _Content:
    """A payload as a message of its original topic."""

    topic: str
    value: bytes | None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Headers = ()


def redriven(one: DeadLetter) -> ProducerRecord:
    """Return the record to redrive.

    Raises:
        StillInvalidError: it does not validate now.
    """
    if one.topic is None:
        return _of_the_feed(one)
    again = OF_TOPIC.get(one.topic)
    if again is None:
        raise StillInvalidError(f"records of {one.topic!r} cannot be sent again")
    decode, make = again
    try:
        record = decode_message(decode, _Content(one.topic, one.payload))
    except DecodeError as error:
        raise StillInvalidError(str(error).partition(": ")[2]) from error
    return make(record, one.payload)


def _of_the_feed(one: DeadLetter) -> ProducerRecord:
    try:
        update = Update(*msgspec.structs.astuple(decode_update(one.payload)))
    except msgspec.DecodeError:
        return _refused_by_kafka(one)
    if one.source is None:
        raise StillInvalidError("it does not say from which source it came")
    try:
        known = one.reason != ClocksDisagreeError.reason
        reading = reading_from_update(update, one.source, by_arrival if known else _by_this_clock)
    except InvalidUpdateError as error:
        raise StillInvalidError(str(error)) from error
    if reading is None:
        raise StillInvalidError("the feed says that it was never measured")
    return outgoing_reading(reading)


def _by_this_clock(update: Update, hours: float) -> datetime:
    # The arrival time comes from a clock that was wrong, but the update is less than a year old.
    if update.snapshot:
        raise ClockError(
            "its year was not known, and the feed has sent it again if it was still the last value"
        )
    return live_time(hours, datetime.now(UTC))


def _refused_by_kafka(one: DeadLetter) -> ProducerRecord:
    # The publisher's dead letters hold the record itself, which does not name its topic.
    for topic in (RAW.name, GAPS.name):
        decode, make = OF_TOPIC[topic]
        try:
            return make(decode_message(decode, _Content(topic, one.payload)), one.payload)
        except DecodeError:
            continue
    raise StillInvalidError("it is neither an update of the feed, nor a reading, nor a gap")


def _reading(reading: Reading, payload: bytes) -> ProducerRecord:
    return outgoing_reading(reading)._replace(value=payload)


def _tank_reading(reading: Reading, payload: bytes) -> ProducerRecord:
    return ProducerRecord(WATER.name, 0, b"tank", payload, milliseconds(reading.ingest_ts) / 1000)


def _gap(gap: Gap, payload: bytes) -> ProducerRecord:
    return outgoing_gap(gap)._replace(value=payload)


def _under_event_id(topic: str) -> Callable[[Any, bytes], ProducerRecord]:
    return lambda record, payload: ProducerRecord(topic, 0, record.event_id.encode(), payload)


OF_TOPIC: dict[str, tuple[Callable[[bytes], Any], Callable[[Any, bytes], ProducerRecord]]] = {
    RAW.name: (decode_reading, _reading),
    WATER.name: (decode_reading, _tank_reading),
    GAPS.name: (decode_gap, _gap),
    EVENTS.name: (decode_event, _under_event_id(EVENTS.name)),
    DECISIONS.name: (decode_decision, _under_event_id(DECISIONS.name)),
}
"""Topic -> how its records are decoded and redriven: the original bytes, under the right key."""
