"""A worker that stood still for longer than its session, at each point of a list, and its successor.

Real workers and a real Kafka: one stands still, another takes its partitions over and writes a newer value, and
then the first goes on. A third boots meanwhile, for the next run. `FAULTS=full` makes fifty runs.
"""

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.announcers.decision import COOLDOWN, MAX_AGE
from iss_agents.config.settings import Settings, load_settings
from iss_agents.kafka.reader import TopicReader, open_reader
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack import kafka as embedded
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.process import Program
from iss_agents.runtime.fail_fast import EXIT_CODE
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.ordering import Version, decode_version
from iss_agents.telemetry.records import Source, encode, new_reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import (
    EVENTS,
    LAST_SEEN_CHANGELOG,
    RAW,
    TANK_LEVELS_CHANGELOG,
    TWEET_COOLDOWNS_CHANGELOG,
    WATER,
    Topic,
    partition_for,
)
from tests.factories import urination
from tests.faults.lengths import FULL
from tests.waiting import until

COMMAND = (sys.executable, "-m", "faust", "-q", "-A", "tests.faults.zombie", "worker")
SECONDS = 60.0
CABIN, CLOCK = "USLAB000058", "TIME_000001"


class Point(NamedTuple):
    """Where a list stands still: at what it does with `topic`, in the agent that writes `changelog`."""

    name: str
    topic: Topic
    changelog: Topic = LAST_SEEN_CHANGELOG

    @property
    def is_too_late(self) -> bool:
        """Whether no check can prevent that the older value is written."""
        return self.name == "queued"


POINTS = (
    Point("begun", WATER),
    Point("unwritten", LAST_SEEN_CHANGELOG),
    Point("checked", LAST_SEEN_CHANGELOG),
    Point("queued", LAST_SEEN_CHANGELOG),
    Point("sent", LAST_SEEN_CHANGELOG),
    Point("acknowledged", LAST_SEEN_CHANGELOG),
    Point("written", LAST_SEEN_CHANGELOG),
    Point("done", RAW),
    Point("queued", TANK_LEVELS_CHANGELOG, TANK_LEVELS_CHANGELOG),
    Point("queued", TWEET_COOLDOWNS_CHANGELOG, TWEET_COOLDOWNS_CHANGELOG),
)
"""In the order of a list (tests/faults/zombie.py)."""

RUNS = 50 if FULL else len(POINTS)


class Given(NamedTuple):
    """A record of a source topic, and the key and the sequence of the value that it makes of a Table's."""

    topic: Topic
    partition: int
    value: bytes
    key: bytes
    sequence: int


class LoadGenerator:
    """Records that change a Table, each newer than the one before it."""

    def __init__(self) -> None:
        self._measured_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._sources = cycle(get_args(Source))
        self._detected_at: dict[Source, datetime] = {}

    def two(self, changelog: Topic) -> tuple[Given, Given]:
        """Return the next two records for the Table of this changelog."""
        if changelog == LAST_SEEN_CHANGELOG:
            return self._measured(RAW, CABIN, CABIN), self._measured(RAW, CABIN, CABIN)
        if changelog == TANK_LEVELS_CHANGELOG:
            return self._measured(WATER, CLOCK, TANK_ITEM), self._measured(WATER, CLOCK, TANK_ITEM)
        source = next(self._sources)
        return self._used(source), self._used(source)

    def _measured(self, topic: Topic, item: str, key: str) -> Given:
        self._measured_at += timedelta(seconds=1)
        reading = new_reading(item, self._measured_at, "1", ingest_ts=self._measured_at, source="simulated")
        partition = partition_for(item) if topic == RAW else 0
        return Given(topic, partition, encode(reading), encode(key), reading.sequence)

    def _used(self, source: Source) -> Given:
        # Neither old nor within the cooldown of the one before it.
        earliest = datetime.now(UTC).replace(microsecond=0) - MAX_AGE + timedelta(minutes=1)
        at = max(earliest, self._detected_at.get(source, earliest - COOLDOWN) + COOLDOWN)
        self._detected_at[source] = at
        event = urination(f"{source} {at}", detected_at=at, source=source)
        return Given(EVENTS, 0, encode(event), encode(source), milliseconds(at))


class Stage:
    """Workers, one of which stands still when it is ordered to, and what they write into the changelogs."""

    def __init__(self, kafka_url: str, folder: Path, reader: TopicReader, producer: AIOKafkaProducer) -> None:
        self._order = folder / "order"
        self._reader, self._producer = reader, producer
        variables = {"ISS_KAFKA_URL": kafka_url, "ISS_ROLES": "agents", "ZOMBIE_ORDER": str(self._order)}
        self._workers = [
            Program(name, COMMAND, folder / f"{name}.log", variables | {"ISS_HOME": str(folder / name)})
            for name in ("one", "two", "three")
        ]

    def start(self) -> None:
        """Start the workers that do not run."""
        for worker in self._workers:
            if not worker.running:
                worker.start()

    def stop(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.request(signal.SIGKILL)
            worker.stop(0.0)

    async def give(self, given: Given) -> None:
        """Send a record."""
        await self._producer.send_and_wait(given.topic.name, given.value, partition=given.partition)

    async def halted_at(self, point: Point, given: Given) -> Program:
        """Return the worker that has come with this record to the point, and stands still."""
        self._order.write_text(f"{point.name} {point.topic.name}", encoding="ascii")
        await self.give(given)
        halted: list[Program] = []

        def found() -> list[Program]:
            self.start()
            halted.extend(worker for worker in self._workers if _state(worker) == "T")
            return halted

        await until(found, SECONDS)
        return halted[0]

    async def written(self, changelog: Topic, given: Given) -> bool:
        """Whether some value includes the record."""
        self.start()
        return any(version.sequence == given.sequence for version in await self.versions(changelog, given.key))

    async def written_last(self, changelog: Topic, given: Given) -> bool:
        """Whether the last value includes the record, and none that came later."""
        versions = await self.versions(changelog, given.key)
        return versions[-1].sequence == given.sequence

    async def versions(self, changelog: Topic, key: bytes) -> list[Version]:
        """Return the version of every value of a key, in the order in which they were written."""
        records = [record async for some in self._reader.records(changelog) for record in some]
        return [decode_version(record.value) for record in records if record.key == key]


def _state(worker: Program) -> str:
    return Path(f"/proc/{worker.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.fixture
def kafka_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A broker that lets sessions be short."""
    monkeypatch.setattr(embedded, "PROPERTIES", embedded.PROPERTIES + "group.min.session.timeout.ms=1000\n")
    kafka = Kafka(tmp_path / "kafka", free_port())
    program = kafka.start(jar_folder(load_settings().home))
    try:
        program.wait_until(kafka.ready)
        yield kafka.url
    finally:
        program.stop()


@pytest.fixture
async def stage(kafka_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    settings = Settings(kafka_url=kafka_url)
    await provision_topics(settings)
    async with open_reader(settings) as reader, AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        made = Stage(kafka_url, tmp_path, reader, producer)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.mark.long
@pytest.mark.timeout(60 * RUNS)
async def test_no_value_ends_older_than_one_before_it(stage: Stage) -> None:
    generator, newest, overwritten = LoadGenerator(), dict[tuple[Topic, bytes], Given](), 0
    for point in islice(cycle(POINTS), RUNS):
        changelog = point.changelog
        older, newer = generator.two(changelog)
        zombie = await stage.halted_at(point, older)
        await stage.give(newer)
        await until(partial(stage.written, changelog, newer), SECONDS)

        zombie.request(signal.SIGCONT)
        await until(lambda zombie=zombie: not zombie.running, SECONDS)  # type: ignore[misc]
        assert zombie.exit_code == EXIT_CODE
        was_last = [version.sequence for version in await stage.versions(changelog, newer.key)]
        overwritten += older.sequence in was_last[was_last.index(newer.sequence) :]
        newest[changelog, newer.key] = newer

    print(f"{RUNS} runs, in {overwritten} of them an older value was written behind a newer one")  # noqa: T201
    for (changelog, _), last in newest.items():
        await until(partial(stage.written_last, changelog, last), SECONDS)
    assert overwritten >= sum(point.is_too_late for point in islice(cycle(POINTS), RUNS))
