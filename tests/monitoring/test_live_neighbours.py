"""The database goes away, then Kafka, beside a worker that Prometheus watches: each alert on it is raised."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.local_stack.process import Program
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import Update, measured
from iss_agents.telemetry.records import Reading, new_reading
from tests.monitoring.prometheus import watching
from tests.pipeline.worker import START_SECONDS, running
from tests.secure.broker import SecureKafka
from tests.waiting import until

pytestmark = pytest.mark.long

ITEM = "USLAB000058"

BEHIND = 25_000
"""Readings that the archive is behind: more than ArchiveBehind allows."""

TOO_MANY = 15_000
"""Updates for which there is no room: 1 MiB on disk has 3,000 of them at most, and the memory 10,000."""

SMALL = {"ISS_SPOOL_BYTES": str(1 << 20)}
WITHOUT_DATABASE = ("DatabaseErrors", "LagGrowing", "ArchiveBehind", "NoCommits")
WITHOUT_KAFKA = ("SpoolFilling", "ReadingsRefused")


async def test_a_database_that_is_away_and_then_a_kafka_that_is_away_are_noticed(
    environment: dict[str, str],
    kafka: SecureKafka,
    database_program: Program,
    busy_station: Station,
    tmp_path: Path,
) -> None:
    async with (
        running(tmp_path / "home", ISS_FEED_URL=busy_station.url, **environment | SMALL) as worker,
        watching(worker, tmp_path / "prometheus") as prometheus,
    ):
        await until(worker.healthy, START_SECONDS)
        await until(prometheus.is_quiet)

        database_program.stop()
        await produce(kafka.url, readings(BEHIND))
        for alert in WITHOUT_DATABASE:
            await until(partial(prometheus.raises, alert))

        assert not {*WITHOUT_KAFKA} & await prometheus.active()
        assert kafka.program
        kafka.program.stop()
        flood = asyncio.create_task(busy_station.play(updates(TOO_MANY)))
        for alert in WITHOUT_KAFKA:
            await until(partial(prometheus.raises, alert))
        await flood


async def produce(url: str, records: Iterable[Reading]) -> None:
    """Put readings where the feed would have put them."""
    async with AIOKafkaProducer(bootstrap_servers=url) as producer:
        for topic, partition, key, value, _ in map(outgoing_reading, records):
            await producer.send(topic, value, key, partition)


def readings(count: int) -> Iterator[Reading]:
    return (
        new_reading(ITEM, time, str(number), ingest_ts=time, source="simulated", status_class="24")
        for number, time in enumerate(times(count))
    )


def updates(count: int) -> Iterator[Update]:
    return (measured(ITEM, time, str(number)) for number, time in enumerate(times(count)))


def times(count: int) -> Iterator[datetime]:
    """Yield times a millisecond apart, the last of them now."""
    now = datetime.now(UTC)
    return (now - timedelta(milliseconds=left) for left in reversed(range(count)))
