"""What the station measures while somebody uses its toilet: the tank's level among the ticks of the clock."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import GOOD_STATUS, Reading, Source, new_reading
from iss_agents.telemetry.station_clock import station_hours

LEVEL = 20
"""Percent in the tank before the first use."""

PERCENT = 4
"""What a use adds: enough to be told as soon as the level rests."""

STEP_SECONDS = 3
KNOWN_SECONDS = 20
"""After so long at rest a level that was never seen before is known."""

RESTING_SECONDS = 46
"""After so long at rest a rise is over."""

LOST_SECONDS = 20
"""The same if the signal is lost then."""

USE_SECONDS = KNOWN_SECONDS + PERCENT * STEP_SECONDS + RESTING_SECONDS
"""Station time from the start of a use's story to its detection; 5 minutes ahead of ours is valid."""

SIGNAL_LOST = "1"


class Measurement(NamedTuple):
    """One value of one item, at the station's time."""

    item_id: str
    value: str
    time: datetime
    status_class: str = GOOD_STATUS


def lately(seconds: float = 56) -> datetime:
    """Return a time so long ago; a clock that is first seen more than a minute late counts as frozen."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)


def use(begin: datetime, level: int = LEVEL) -> list[Measurement]:
    """Return all that is measured around one use, up to the tick that decides on it."""
    return [*_rise(begin, level), *_ticks(_top(begin), RESTING_SECONDS)]


def use_before_loss(begin: datetime) -> list[Measurement]:
    """Return the same for a use that is decided on sooner, because the signal is lost."""
    top = _top(begin)
    lost = _tick(top + timedelta(seconds=LOST_SECONDS), SIGNAL_LOST)
    return [*_rise(begin, LEVEL), *_ticks(top, LOST_SECONDS - 1), lost]


def uses(begin: datetime, count: int) -> list[Measurement]:
    """Return uses one after the other, `USE_SECONDS` from start to start."""
    following = ((begin + timedelta(seconds=USE_SECONDS * one), LEVEL + PERCENT * one) for one in range(count))
    return [measurement for start, level in following for measurement in use(start, level)]


def readings(story: Iterable[Measurement], source: Source = "isslive") -> list[Reading]:
    """Return the readings that the feed makes of a story as it happens."""
    return [
        new_reading(item, time, value, ingest_ts=time, source=source, status_class=status_class)
        for item, value, time, status_class in story
    ]


async def keep_in_kafka(kafka_url: str, story: Iterable[Measurement], source: Source = "isslive") -> None:
    """Put a story where the feed would have put it when it happened."""
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        for reading in readings(story, source):
            topic, partition, key, value, seconds = outgoing_reading(reading)
            await producer.send_and_wait(topic, value, key, partition, round(seconds * 1000))


def _top(begin: datetime) -> datetime:
    return begin + timedelta(seconds=KNOWN_SECONDS + STEP_SECONDS * PERCENT)


def _rise(begin: datetime, level: int) -> Iterator[Measurement]:
    yield _tick(begin)
    yield Measurement(PROCESSOR_ITEM, "4", begin)
    yield Measurement(TANK_ITEM, str(level), begin)
    yield from _ticks(begin, KNOWN_SECONDS)
    for step in range(1, PERCENT + 1):
        time = begin + timedelta(seconds=KNOWN_SECONDS + STEP_SECONDS * step)
        yield _tick(time)
        yield Measurement(TANK_ITEM, str(level + step), time)


def _ticks(after: datetime, seconds: int) -> Iterator[Measurement]:
    for second in range(1, seconds + 1):
        yield _tick(after + timedelta(seconds=second))


def _tick(time: datetime, status_class: str = GOOD_STATUS) -> Measurement:
    return Measurement(SIGNAL_ITEM, str(round(station_hours(time) * 3_600_000)), time, status_class)
