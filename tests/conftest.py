"""The real parts that tests share: each is started once per run, on free ports, in a temporary folder."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import hypothesis
import pytest

from iss_agents.config.settings import Settings, load_settings
from iss_agents.local_stack import ports
from iss_agents.local_stack.database import Database
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.ports import free_port
from iss_agents.simulator.station import Station
from tests.announcers.fake_x import FakeX
from tests.broker import choose_broker, new_broker
from tests.factories import settings_for
from tests.hangs import hangs, run_again_after_a_hang
from tests.scheduling import FileScheduling, longest_first

# A slow machine is no failure, and a check that decides what lands has the same examples each time.
hypothesis.settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tests")

# A shell has its background jobs ignore SIGINT, and so would all programs that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Processes that run beside each other choose free ports of their own: another may not have bound its one yet.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    ports.PORTS = ports.PORTS[int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]

# What the tests start imports 1,500 modules each time: compiled once, in a third of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

choose_broker()

PROCESSES = 2
"""For a whole run. With three on two cores, workers need more than 40 s for a start."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes share the tests: none where some were chosen, perhaps to look into them."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return PROCESSES if whole and not config.option.keyword and config.option.capture != "no" else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FileScheduling:
    """Return what deals the tests out."""
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take longest, and run again what failed because its database hung."""
    items[:] = longest_first(items)
    run_again_after_a_hang(items)


def pytest_runtest_logstart() -> None:
    """Forget what hung during the test before."""
    hangs.forget()


@pytest.fixture(scope="session")
def kafka_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a real broker; the jars of Kafka are kept in the home of the settings between runs."""
    kafka = new_broker(tmp_path_factory.mktemp("kafka"))
    program = kafka.start(jar_folder(load_settings().home))
    try:
        program.wait_until(kafka.ready)
        yield kafka.url
    finally:
        program.stop()


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`mongodb://…` of a real database that speaks MongoDB's protocol."""
    database = Database(tmp_path_factory.mktemp("database"), free_port())
    program = database.start()
    try:
        program.wait_until(database.ready)
        hangs.share(database.port)
        yield database.url
    finally:
        program.stop()


@pytest.fixture
def changes() -> dict[str, Any]:
    """What a test wants to be different in its `settings`."""
    return {}


@pytest.fixture
def settings(mongo_url: str, changes: dict[str, Any]) -> Settings:
    """Settings of one test: its database is empty, and there is no Kafka."""
    return settings_for(mongo_url, **changes)


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    """A simulated station on a free port that sends only what the test publishes and pushes."""
    quiet = await Station().start()
    yield quiet
    await quiet.stop()


@pytest.fixture
async def fake_x() -> AsyncIterator[FakeX]:
    """A server on a free port that answers like X until it is told otherwise."""
    server = await FakeX().start()
    yield server
    await server.stop()
