"""Detect again over Kafka's history of the urine tank."""

from collections.abc import AsyncIterator
from datetime import datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from iss_agents.catalog import TANK_ITEM, TANK_ITEMS
from iss_agents.detection.detector import detect
from iss_agents.detection.events import REPLAYED, Event
from iss_agents.detection.state import State
from iss_agents.errors import UserError
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_trouble import trouble
from iss_agents.messages import CannotDecode, decode_message
from iss_agents.producers import give_up_producer, in_time
from iss_agents.records import Reading, decode_reading, encode
from iss_agents.settings import Settings
from iss_agents.station_clock import milliseconds
from iss_agents.topics import EVENTS, RAW, partition_for

TANK_PARTITION = TopicPartition(RAW.name, partition_for(TANK_ITEM))


async def replay(settings: Settings, start: datetime, end: datetime, *, publish: bool) -> AsyncIterator[Event]:
    """Yield what the detector finds in the readings that came in from `start` up to `end`.

    It begins knowing nothing, so it says nothing of what was under way at `start`. With `publish` every event
    goes to Kafka again, marked as replayed: its id is the same, so nothing is stored twice, and nobody is told.

    Raises:
        UserError: Kafka does not answer, or has no such topic.
    """
    producer = AIOKafkaProducer(**kafka_access(settings), acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(**kafka_access(settings))
    try:
        await producer.start()
        await consumer.start()
        state = State()
        async for reading in _history(consumer, start, end):
            state, events = detect(state, reading)
            for event in events:
                if publish:
                    await _publish(producer, event)
                yield event
    except KafkaError as error:
        raise UserError(await trouble(settings, error)) from error
    finally:
        await consumer.stop()
        await give_up_producer(producer)


async def _history(consumer: AIOKafkaConsumer, start: datetime, end: datetime) -> AsyncIterator[Reading]:
    consumer.assign([TANK_PARTITION])
    last = (await consumer.end_offsets([TANK_PARTITION]))[TANK_PARTITION]
    first = await _first_at(consumer, start)
    offset = last if first is None else first
    consumer.seek(TANK_PARTITION, offset)
    while offset < last:
        record = await in_time(consumer.getone())
        offset = record.offset + 1
        # The times of a partition need not grow: a spool that was sent late lies behind what is newer.
        within = milliseconds(start) <= record.timestamp < milliseconds(end)
        if within and (reading := _reading(record)):
            yield reading


async def _first_at(consumer: AIOKafkaConsumer, start: datetime) -> int | None:
    found = (await consumer.offsets_for_times({TANK_PARTITION: max(milliseconds(start), 0)}))[TANK_PARTITION]
    return None if found is None else int(found.offset)


def _reading(record: object) -> Reading | None:
    try:
        reading = decode_message(decode_reading, record)  # type: ignore[arg-type]
    except CannotDecode:
        return None  # the agents have put it into the invalid topic
    return reading if reading.item_id in TANK_ITEMS else None


async def _publish(producer: AIOKafkaProducer, event: Event) -> None:
    sent = producer.send_and_wait(
        EVENTS.name,
        encode(event),
        event.event_id.encode(),
        partition=0,
        timestamp_ms=milliseconds(event.detected_at),
        headers=[(REPLAYED, b"1")],
    )
    await in_time(sent)
