"""Everything on one machine: Kafka, the database, a simulated station if wanted, and the worker."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGUSR1
from time import monotonic

from iss_agents.embedded.backlog import Before, before, published
from iss_agents.embedded.database import KEEPING, Database
from iss_agents.embedded.figures import ARCHIVE_GROUP, WorkerViews
from iss_agents.embedded.kafka import Kafka
from iss_agents.embedded.place import accepts, require_free
from iss_agents.embedded.program import Program
from iss_agents.embedded.refill import read_everything_again
from iss_agents.embedded.stack import Stack
from iss_agents.errors import UserError

SIMULATOR = (sys.executable, "-m", "iss_agents.cli", "simulate")
WORKER = (sys.executable, "-m", "faust", "-A", "iss_agents", "worker", "-l", "error")

ANSWER_SECONDS = 2.0
"""How long Kafka may take to say how much it was given."""


@dataclass(frozen=True)
class Plan:
    """What runs on this machine and where. Without `simulator_port` the feed is the one at `feed_url`.

    `folder` holds the data of this plan alone, so that simulated readings never mix with real ones.
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
    """Where a start says how it gets on. This one says nothing."""

    def fetched(self, count: int, total: int) -> None:
        """`count` of `total` jars are here."""

    def started(self, name: str, seconds: float) -> None:
        """A program answers, `seconds` after the start of everything."""

    def storage_set_aside(self, kept: Path) -> None:
        """The database starts afresh; its old storage is `kept`."""


class Machine:
    """The programs of a plan, started into a stack."""

    def __init__(self, plan: Plan, stack: Stack, announce: Announce) -> None:
        self.plan = plan
        self.views = WorkerViews(plan.web_port)
        self._kafka = Kafka(plan.folder / "kafka", plan.kafka_port)
        self._database = Database(plan.folder / "database", plan.database_port)
        self.before = Before(0, 0)
        self.worker = Program("The worker", plan.worker, plan.folder / "worker.log", self._worker_environment())
        self._stack = stack
        self._announce = announce
        self._begun = monotonic()

    def start(self) -> None:
        """Start everything; return when the worker answers.

        Kafka, the database and the station start side by side; the worker needs the first two.

        Raises:
            UserError: a taken port, no network for the first start, no permission, a program that ended.
        """
        self._require_ports()
        kafka = self._stack.add(self._kafka.start(self.plan.jar_folder, self._announce.fetched))
        database = self._stack.add(self._database.start())
        simulator = self._start_simulator()
        self._wait_for_database(kafka, database)
        self._wait(kafka, self._kafka.ready)
        if simulator:
            self._wait(simulator, lambda: accepts(self.plan.simulator_port or 0))
        self.before = asyncio.run(before(self._kafka.url, self.plan.folder, ARCHIVE_GROUP))
        self.worker.start()
        self._wait(self._stack.add(self.worker), self.views.answer)

    def drain(self) -> None:
        """Ask the worker to end the feed for good and to hand on everything that came in."""
        self.worker.request(SIGUSR1)

    def published(self) -> int:
        """Return how many readings Kafka was given in this run.

        Raises:
            KafkaError, TimeoutError: Kafka does not answer.
        """
        return asyncio.run(published(self._kafka.url, ANSWER_SECONDS)) - self.before.published

    def _require_ports(self) -> None:
        require_free(self.plan.kafka_port, "Kafka (--kafka-port)")
        require_free(self.plan.database_port, "the database (--mongo-port)")
        require_free(self.plan.web_port, "the worker's pages (ISS_WEB_PORT)")
        if self.plan.simulator_port:
            require_free(self.plan.simulator_port, "the simulated station (--station-port)")

    def _start_simulator(self) -> Program | None:
        if not self.plan.simulator_port:
            return None
        command = (*self.plan.simulator, "--port", str(self.plan.simulator_port))
        program = Program("The simulated station", command, self.plan.folder / "simulator.log")
        program.start()
        return self._stack.add(program)

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
        # First this: a start that is killed in between finds the broken storage again.
        asyncio.run(read_everything_again(self._kafka.url))
        self._announce.storage_set_aside(self._database.restart_with_empty_storage())

    def _wait(self, program: Program, ready: Callable[[], bool]) -> None:
        def ready_and_all_run() -> bool:
            self._stack.check()
            return ready()

        program.wait_until(ready_and_all_run)
        self._announce.started(program.name, monotonic() - self._begun)

    def _worker_environment(self) -> dict[str, str]:
        return {
            **self._kafka.variables(),
            "ISS_MONGO_URL": self._database.url,
            **KEEPING,
            "ISS_FEED_URL": self.plan.feed_url,
            # The only worker: it need not wait until Kafka has made it the leader.
            "ISS_FEED": "always",
            "ISS_HOME": str(self.plan.folder),
            "ISS_WEB_HOST": "127.0.0.1",
            "ISS_TRUSTED_PROXIES": "",
            "ISS_WEB_PORT": str(self.plan.web_port),
        }
