"""What the station measured before anybody looks: the cabin, the tank, a loss of signal."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import sin

from aiokafka import AIOKafkaProducer

from iss_agents.feed.gap_detection import new_gap
from iss_agents.feed.producer_record import ProducerRecord, outgoing_gap, outgoing_reading
from iss_agents.telemetry.catalog import PROCESSOR_ITEM
from tests.pipeline.tank_story import Measurement, readings, use

CABIN = "USLAB000058"
"""Cabin pressure, measured every ten seconds in the last hour and every five minutes before."""

USES = 3
"""How often somebody used the toilet in the last six hours."""

LEVEL_AFTER = "32"
"""Percent in the tank after that."""

PROCESSOR_STATES = ("16.00", "32", "16.00", "32")
"""NORMAL and STANDBY in turns, half an hour each; a use leaves SHUTDOWN behind."""


async def keep_past(kafka_url: str, now: datetime) -> None:
    """Put everything that happened before `now` where the feed would have put it."""
    async with AIOKafkaProducer(bootstrap_servers=kafka_url, linger_ms=20) as producer:
        for record in _records(now):
            topic, partition, key, value, seconds = record
            time = round(seconds * 1000) or None
            await producer.send(topic, value, key, partition, time)
        await producer.flush()


def lost_signal(now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and end of the span, an hour and a half ago, in which the signal was lost."""
    return now - timedelta(minutes=100), now - timedelta(minutes=88)


def _records(now: datetime) -> Iterator[ProducerRecord]:
    story = sorted([*_cabin(now), *_tank(now), *_processor(now)], key=lambda measurement: measurement.time)
    yield from map(outgoing_reading, readings(story, "simulated"))
    start, end = lost_signal(now)
    yield outgoing_gap(new_gap("los", start, end=end, detail="", source="simulated"))


def _cabin(now: datetime) -> Iterator[Measurement]:
    start, end = lost_signal(now)
    for ago in [*range(86_400, 3_600, -300), *range(3_590, -1, -10)]:
        pressure = 745 + 2 * sin(ago / 1_500) + 0.3 * sin(ago / 70)
        time = now - timedelta(seconds=ago)
        if not start <= time < end:
            yield Measurement(CABIN, f"{pressure:.4f}", time)


def _tank(now: datetime) -> Iterator[Measurement]:
    for number, hours in enumerate((5, 3.5, 2)):
        yield from use(now - timedelta(hours=hours), level=20 + 4 * number)


def _processor(now: datetime) -> Iterator[Measurement]:
    for number, value in enumerate(PROCESSOR_STATES):
        yield Measurement(PROCESSOR_ITEM, value, now - timedelta(minutes=110 - 30 * number))
