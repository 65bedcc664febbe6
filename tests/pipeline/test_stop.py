"""SIGTERM and SIGINT end a worker within seconds, whatever is away, and what its feed received is kept."""

import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from iss_agents.feed.salvage import Salvage
from iss_agents.local_stack.database import Database
from iss_agents.local_stack.ports import free_port
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import decode_reading
from iss_agents.telemetry.topics import RAW
from tests.announcers.fake_x import FakeX
from tests.pipeline.bot import CABIN, TOLD_SECONDS, X_KEYS, shows
from tests.pipeline.conftest import Broker
from tests.pipeline.tank_story import lately, use_before_loss
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = pytest.mark.long

STOP_SECONDS = 20.0
HELD = "NODE3000008"


class Neighbours:
    """Kafka and a database, which can be halted for the time of a block."""

    def __init__(self, folder: Path) -> None:
        self.kafka = Broker(folder / "kafka")
        self.database = Database(folder / "database", free_port())

    def start(self) -> None:
        self.kafka.start()
        self._database = self.database.start()
        self._database.wait_until(self.database.ready)

    def stop(self) -> None:
        self.kafka.stop()
        self._database.stop()

    @contextmanager
    def away(self, what: str) -> Iterator[None]:
        """Halt what is named, or stop Kafka so that its port is closed."""
        if what == "closed port":
            self.kafka.stop()
        halted = [self.kafka.program] * ("kafka" in what) + [self._database] * ("database" in what)
        for program in halted:
            program.request(signal.SIGSTOP)
        try:
            yield
        finally:
            for program in halted:
                program.request(signal.SIGCONT)
            if what == "closed port":
                self.kafka.start()


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """Those that the tests of this module halt."""
    own = Neighbours(tmp_path_factory.mktemp("neighbours"))
    own.start()
    yield own
    own.stop()


@pytest.fixture
def variables(neighbours: Neighbours, station: Station, fake_x: FakeX) -> dict[str, str]:
    """What a worker needs to know of them, and of a station and an X."""
    addresses = {
        "ISS_KAFKA_URL": neighbours.kafka.url,
        "ISS_MONGO_URL": neighbours.database.url,
        "ISS_FEED_URL": station.url,
        "ISS_X_URL": fake_x.url,
    }
    return X_KEYS | addresses | {"ISS_SOURCE": "isslive"}


@pytest.mark.parametrize(
    ("away", "how"),
    [
        ("kafka", signal.SIGTERM),
        ("closed port", signal.SIGINT),
        ("database", signal.SIGTERM),
        ("x", signal.SIGTERM),
        ("kafka, database and x", signal.SIGINT),
    ],
)
async def test_a_worker_ends_in_time_and_keeps_what_its_feed_received(
    neighbours: Neighbours,
    variables: dict[str, str],
    station: Station,
    fake_x: FakeX,
    tmp_path: Path,
    away: str,
    how: signal.Signals,
) -> None:
    home = tmp_path / "home"
    # If an earlier test has left a use that nobody was told of, it is this one that X does not answer.
    fake_x.answers.append(fake_x.hang)
    async with running(home, **variables) as worker:
        station.publish(CABIN, "745.2")
        await until(worker.healthy, 2 * START_SECONDS)
        await until(partial(shows, worker, CABIN, "745.2"), START_SECONDS)
        if "x" in away.split():
            for measurement in use_before_loss(lately()):
                station.publish(*measurement)
            await until(lambda: len(fake_x.received) == 1, TOLD_SECONDS)
        with neighbours.away(away):
            say(station)
            if away in WITHOUT_KAFKA:
                await until(partial(has_spooled, home))
            else:
                await until(partial(shows, worker, CABIN, SAID[CABIN][-1]))
            assert await seconds_to_stop(worker, how) < STOP_SECONDS

    assert readings_left(home) == (SAID if away in WITHOUT_KAFKA else {})


async def test_a_worker_that_waits_for_kafka_at_its_start_ends_in_time_and_keeps_what_its_feed_received(
    neighbours: Neighbours, variables: dict[str, str], station: Station, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with neighbours.away("kafka and database"):
        async with running(home, **variables) as worker:
            await until(lambda: station.listeners == 1, START_SECONDS)
            say(station)
            await until(partial(has_spooled, home))
            assert await seconds_to_stop(worker, signal.SIGTERM) < STOP_SECONDS

    assert readings_left(home) == SAID


WITHOUT_KAFKA = {"kafka", "closed port", "kafka, database and x"}
SAID = {CABIN: ["801", "802", "803"], HELD: ["37", "0"]}
"""What the station says last; the zero is held, as it could be one of many."""


def say(station: Station) -> None:
    """Have the station speak; what comes last has come in when the rest has."""
    for value in SAID[HELD]:
        station.publish(HELD, value)
    for value in SAID[CABIN]:
        station.publish(CABIN, value)


def has_spooled(home: Path) -> bool:
    return readings_left(home).get(CABIN) == SAID[CABIN]


async def seconds_to_stop(worker: Worker, how: signal.Signals) -> float:
    assert worker.process
    began = monotonic()
    assert await worker.stop(how) == 0
    return monotonic() - began


def readings_left(home: Path) -> dict[str, list[str]]:
    """Return the values that wait in the spools, item -> in order."""
    left = defaultdict(list)
    for path in (home / "spool").glob("*.sqlite"):
        with Salvage(path) as salvage:
            for row in salvage.rows():
                if row.record.topic == RAW.name:
                    reading = decode_reading(row.record.value)
                    left[reading.item_id].append(reading.value)
    return {item: left[item] for item in SAID if item in left}
