"""A value that has not changed for a year keeps its year, also when the feed starts again."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from aiokafka import AIOKafkaProducer
from msgspec import to_builtins

from iss_agents.config.settings import Settings
from iss_agents.feed.known_readings import READ_SECONDS, known_readings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.ports import free_port
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import Reading, Source, encode
from iss_agents.telemetry.station_clock import in_year, station_hours
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG, partition_for
from tests.factories import reading_of
from tests.feed.running_feed import Running
from tests.waiting import until

KEPT, CHANGED, TESTED = "P6000001", "P6000004", "P6000007"


def reading(item: str, measured: datetime, value: str = "5", source: Source = "simulated") -> Reading:
    return reading_of(item, value, measured, ingest_ts=measured, source=source)


async def keep(settings: Settings, *readings: Reading) -> None:
    """Write readings as the last seen ones."""
    await provision_topics(settings)
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers) as producer:
        for one in readings:
            value = {"sequence": one.sequence, "event_ids": [one.event_id], "reading": to_builtins(one)}
            key, number = encode(one.item_id), partition_for(one.item_id)
            await producer.send_and_wait(LAST_SEEN_CHANGELOG.name, encode(value), key, number)


async def test_the_last_reading_of_each_item_is_known_and_no_test_reading(kafka_url: str) -> None:
    settings, now = Settings(kafka_url=kafka_url), datetime.now(UTC)
    old = reading(KEPT, now - timedelta(days=400))
    newer = [reading(CHANGED, now - timedelta(days=days)) for days in (400, 2)]
    await keep(settings, old, *newer, reading(TESTED, now, source="test"))

    known = await known_readings(settings)

    assert (known[KEPT], known[CHANGED]) == (old, newer[1])
    assert TESTED not in known


async def test_what_did_not_change_for_a_year_is_the_reading_that_it_was(
    kafka_url: str, station: Station, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    hours = station_hours(now - timedelta(hours=3))
    old = reading(KEPT, in_year(hours, now.year - 1))
    await keep(Settings(kafka_url=kafka_url), old)
    station.signal()
    station.publish(KEPT, old.value, old.source_ts)
    running = Running(station.url, tmp_path, kafka_url=kafka_url)
    async with running.feed:
        await until(lambda: running.publisher.readings(KEPT))

    assert [one.event_id for one in running.publisher.readings(KEPT)] == [old.event_id]


async def test_without_an_answer_of_kafka_a_feed_does_not_wait_for_it() -> None:
    assert await known_readings(Settings(kafka_url=f"127.0.0.1:{free_port()}")) == {}
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = monotonic()
        assert await known_readings(Settings(kafka_url=f"127.0.0.1:{mute.getsockname()[1]}")) == {}

    assert monotonic() - began < READ_SECONDS + 1
