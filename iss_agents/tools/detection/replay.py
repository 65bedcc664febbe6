"""Replay: runs the detector over Kafka's history of the urine tank."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from iss_agents.config.settings import Settings
from iss_agents.detection.detector import detect
from iss_agents.detection.events import REPLAYED, Event
from iss_agents.detection.state import State
from iss_agents.errors import UserError
from iss_agents.kafka.clients import abort_producer, client_config, with_timeout
from iss_agents.kafka.diagnosis import explain
from iss_agents.telemetry.catalog import TANK_ITEM, TANK_ITEMS
from iss_agents.telemetry.codec import DecodeError, decode_message
from iss_agents.telemetry.records import Reading, decode_reading, encode
from iss_agents.telemetry.series import detector_of
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import EVENTS, RAW, partition_for

TANK_PARTITION = TopicPartition(RAW.name, partition_for(TANK_ITEM))


async def replay(settings: Settings, start: datetime, end: datetime, *, publish: bool) -> AsyncIterator[Event]:
    """Yield what the detector finds in the readings that came in from `start` up to `end`.

    It starts with empty states, so events under way at `start` are not detected. With `publish` every event is
    published again, marked as replayed: with the same id nothing is stored twice, and nothing is announced.

    Raises:
        UserError: Kafka does not answer, or has no such topic.
    """
    producer = AIOKafkaProducer(**client_config(settings), acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(**client_config(settings))
    try:
        await producer.start()
        await consumer.start()
        states: defaultdict[str, State] = defaultdict(State)
        async for reading in _history(consumer, start, end):
            detector = detector_of(reading.source)
            states[detector], events = detect(states[detector], reading)
            for event in events:
                if publish:
                    await _publish(producer, event)
                yield event
    except KafkaError as error:
        raise UserError(await explain(settings, error)) from error
    finally:
        await consumer.stop()
        await abort_producer(producer)


async def _history(consumer: AIOKafkaConsumer, start: datetime, end: datetime) -> AsyncIterator[Reading]:
    consumer.assign([TANK_PARTITION])
    last = (await consumer.end_offsets([TANK_PARTITION]))[TANK_PARTITION]
    first = await _first_at(consumer, start)
    offset = last if first is None else first
    consumer.seek(TANK_PARTITION, offset)
    while offset < last:
        record = await with_timeout(consumer.getone())
        offset = record.offset + 1
        # Times in a partition are not monotonic: a spool that was sent late lies behind newer records.
        within = milliseconds(start) <= record.timestamp < milliseconds(end)
        if within and (reading := _reading(record)):
            yield reading


async def _first_at(consumer: AIOKafkaConsumer, start: datetime) -> int | None:
    found = (await consumer.offsets_for_times({TANK_PARTITION: max(milliseconds(start), 0)}))[TANK_PARTITION]
    return None if found is None else int(found.offset)


def _reading(record: object) -> Reading | None:
    try:
        reading = decode_message(decode_reading, record)  # type: ignore[arg-type]
    except DecodeError:
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
    await with_timeout(sent)
