"""Local stack: Kafka, the database, the worker and optionally a simulated station, on one machine."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGUSR1
from time import monotonic

from iss_agents.errors import UserError
from iss_agents.local_stack.backlog import Before, before, published
from iss_agents.local_stack.database import KEEPING, Database
from iss_agents.local_stack.kafka import UNSECURED, Kafka
from iss_agents.local_stack.ports import accepts, require_distinct, require_free
from iss_agents.local_stack.process import Program
from iss_agents.local_stack.supervisor import Supervisor
from iss_agents.local_stack.worker_metrics import WorkerViews
from iss_agents.telemetry.topics import ARCHIVE_GROUP

SIMULATOR = (sys.executable, "-m", "iss_agents.cli.main", "simulate")
WORKER = (sys.executable, "-m", "faust", "-A", "iss_agents", "worker", "-l", "error")

ANSWER_SECONDS = 2.0
"""How long Kafka may take to answer how much was published."""

PATIENCE_SECONDS = 60.0
"""Kafka keeps a killed worker in its group until its session expires: 10 s by aiokafka's default."""

RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """What runs on this machine and where. Without `simulator_port`, the feed at `feed_url` is used.

    `folder` holds the data of this plan only, so that simulated readings never mix with real ones.
    """

    folder: Path
    jar_folder: Path
    kafka_port: int
    database_port: int
    web_port: int
    feed_url: str
    simulator_port: int | None = None
    simulator: tuple[str, ...] = SIMULATOR
    worker: tuple[str, ...] = WORKER


class Announce:
    """Receives the progress of a start. This one ignores it."""

    def fetched(self, count: int, total: int) -> None:
        """`count` of `total` jars are present."""

    def started(self, name: str, seconds: float) -> None:
        """A program answers, `seconds` after the start of everything."""

    def storage_set_aside(self, kept: Path) -> None:
        """The database starts with an empty storage; the old one is `kept`."""


class LocalStack:
    """Programs of a plan, started into a stack."""

    def __init__(self, plan: Plan, supervisor: Supervisor, announce: Announce) -> None:
        self.plan = plan
        self.views = WorkerViews(plan.web_port)
        self._kafka = Kafka(plan.folder / "kafka", plan.kafka_port)
        self._database = Database(plan.folder / "database", plan.database_port)
        self.before = Before(0, 0)
        self.worker = Program("The worker", plan.worker, plan.folder / "worker.log", self._worker_environment())
        self._supervisor = supervisor
        self._announce = announce
        self._begun = monotonic()

    def start(self) -> None:
        """Start everything; return when the worker answers.

        Kafka, the database and the station start in parallel; the worker needs the first two.

        Raises:
            UserError: a taken port, no network for the first start, no permission, a program that ended.
        """
        self._require_ports()
        kafka = self._supervisor.add(self._kafka.start(self.plan.jar_folder, self._announce.fetched))
        database = self._supervisor.add(self._database.start())
        simulator = self._start_simulator()
        self._wait_for_database(kafka, database)
        self._wait(kafka, self._kafka.ready)
        if simulator:
            self._wait(simulator, lambda: accepts(self.plan.simulator_port or 0))
        self.before = asyncio.run(before(self._kafka.url, self.plan.folder, ARCHIVE_GROUP))
        self.worker.start()
        self._wait(self._supervisor.add(self.worker), self.views.answer)

    def drain(self) -> None:
        """Ask the worker to stop the feed for good and to drain everything received."""
        self.worker.request(SIGUSR1)

    def published(self) -> int:
        """Return how many readings were published to Kafka in this run.

        Raises:
            UserError, TimeoutError: Kafka does not answer.
        """
        return asyncio.run(published(self._kafka.url, ANSWER_SECONDS)) - self.before.published

    def _require_ports(self) -> None:
        ports = {
            "Kafka (--kafka-port)": self.plan.kafka_port,
            "the database (--mongo-port)": self.plan.database_port,
            "the worker's pages (ISS_WEB_PORT)": self.plan.web_port,
        }
        if self.plan.simulator_port:
            ports["the simulated station (--station-port)"] = self.plan.simulator_port
        require_distinct(ports)
        for name, port in ports.items():
            require_free(port, name)

    def _start_simulator(self) -> Program | None:
        if not self.plan.simulator_port:
            return None
        command = (*self.plan.simulator, "--port", str(self.plan.simulator_port))
        program = Program("The simulated station", command, self.plan.folder / "simulator.log")
        program.start()
        return self._supervisor.add(program)

    def _wait_for_database(self, kafka: Program, database: Program) -> None:
        try:
            self._wait(database, self._database.ready)
        except UserError:
            if not self._database.storage_is_broken:
                raise
            self._refill_database(kafka)
            self._wait(database, self._database.ready)

    def _refill_database(self, kafka: Program) -> None:
        kafka.wait_until(self._kafka.ready)
        # Before the restart: if this start is killed in between, the next one finds the broken storage again.
        asyncio.run(reset_to_beginning(self._kafka.url))
        self._announce.storage_set_aside(self._database.restart_with_empty_storage())

    def _wait(self, program: Program, ready: Callable[[], bool]) -> None:
        def ready_and_all_run() -> bool:
            self._supervisor.check()
            return ready()

        program.wait_until(ready_and_all_run)
        self._announce.started(program.name, monotonic() - self._begun)

    def _worker_environment(self) -> dict[str, str]:
        return {
            **self._kafka.variables(),
            "ISS_MONGO_URL": self._database.url,
            **KEEPING,
            "ISS_FEED_URL": self.plan.feed_url,
            # The only worker does not need to wait for a leader election.
            "ISS_FEED": "always",
            "ISS_HOME": str(self.plan.folder),
            "ISS_WEB_HOST": "127.0.0.1",
            "ISS_TRUSTED_PROXIES": "",
            "ISS_WEB_PORT": str(self.plan.web_port),
        }


async def reset_to_beginning(kafka_url: str) -> None:
    """Reset the archive's offsets to the beginning, once Kafka has noticed that no archive runs.

    Raises:
        UserError: Kafka does not allow it within `PATIENCE_SECONDS`.
    """
    from iss_agents.archive.reset_offsets import rewind  # noqa: PLC0415 - slow to import, and seldom needed
    from iss_agents.config.settings import load_settings  # noqa: PLC0415

    settings = load_settings().model_copy(update=UNSECURED | {"kafka_url": kafka_url})
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            await rewind(settings, datetime.fromtimestamp(0, UTC))
        except UserError:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
