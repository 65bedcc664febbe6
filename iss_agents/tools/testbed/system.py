"""System under test: everything on this machine, where each part can be stopped and restarted."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from iss_agents.config.settings import Settings, load_settings
from iss_agents.errors import UserError
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.database import KEEPING, Database
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import UNSECURED, Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.process import Program, last_warnings
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.worker import Worker

START_SECONDS = 90.0
"""A worker needs 4 s on an idle machine, and a soak may share its machine."""

ROLES = "agents,archive,web"
POLL_SECONDS = 0.5


class System:
    """Kafka, the database and workers, which a supervisor restarts when they exit by themselves.

    `restarts` counts those. With `libfaketime` the wall clock of each worker can be set.
    """

    def __init__(self, folder: Path, libfaketime: Path | None = None) -> None:
        self._folder = folder
        self._libfaketime = libfaketime
        self._kafka = Kafka(folder / "kafka", free_port())
        self._database = Database(folder / "database", free_port(), faults=True)
        self._supervising: asyncio.Task[None] | None = None
        self.workers: dict[str, Worker] = {}
        self.restarts = 0
        self.settings = Settings(
            home=folder / "feed", mongo_url=SecretStr(self._database.url), feed="off"
        ).model_copy(update=UNSECURED | {"kafka_url": self._kafka.url})

    @property
    def kafka(self) -> Program:
        """Kafka's process."""
        assert self._kafka.program  # noqa: S101 - started first
        return self._kafka.program

    @property
    def database(self) -> Program:
        """The database's process."""
        assert self._database.program  # noqa: S101 - started first
        return self._database.program

    async def start(self) -> None:
        """Start Kafka and the database, and create the topics.

        Raises:
            UserError: one of them could not start.
        """
        self._database.start()
        await self.start_kafka()
        await until("the database answers", self._database.ready, START_SECONDS)
        await provision_topics(self.settings)
        self._supervising = asyncio.create_task(self._supervise())

    async def start_kafka(self) -> None:
        """Start or restart Kafka, and return when it answers."""
        self._kafka.start(jar_folder(load_settings().home))
        await until("Kafka answers", self._kafka.ready, START_SECONDS)

    async def start_database(self) -> None:
        """Restart the database, and return when it answers."""
        self._database.start()
        await until("the database answers", self._database.ready, START_SECONDS)

    def worker(self, name: str, roles: str = ROLES, **environment: str) -> Worker:
        """Return the worker of this name, started if it is new. `environment` holds `ISS_*` variables."""
        if name not in self.workers:
            variables = {
                **self._kafka.variables(),
                "ISS_MONGO_URL": self._database.url,
                "ISS_MONGO_DATABASE": self.settings.mongo_database,
                **KEEPING,
                "ISS_FEED": "off",
                "ISS_SOURCE": "simulated",
                "ISS_ROLES": roles,
                **environment,
            }
            self.workers[name] = Worker(name, self._folder, variables, self._libfaketime)
            self.workers[name].start()
        return self.workers[name]

    async def working(self, worker: Worker) -> float:
        """Wait until every component of a worker is up; return how many seconds that took.

        Raises:
            UserError: one is not within `START_SECONDS`; names what is down, and the log.
        """
        failing: dict[str, str] = {}

        async def works() -> bool:
            nonlocal failing
            failing = _ailing(await worker.document("/healthz"))
            return not failing

        try:
            return await until(f"{worker.name} works", works, START_SECONDS)
        except UserError as error:
            starts = f"Workers were started again {self.restarts} times."
            raise UserError(f"{error} {failing}", starts, *last_warnings(worker.program.output())) from None

    async def stop(self) -> None:
        """Stop everything, the newest part first."""
        if self._supervising:
            self._supervising.cancel()
        for worker in reversed(self.workers.values()):
            await worker.kill()
        for part in (self._kafka.program, self._database.program):
            if part:
                await processes.kill(part)

    async def _supervise(self) -> None:
        while True:
            for worker in self.workers.values():
                if worker.wanted and not worker.program.running:
                    self.restarts += 1
                    worker.start()
            await asyncio.sleep(POLL_SECONDS)


def _ailing(health: Any) -> dict[str, str]:
    if health is None:
        return {"web": "it does not answer"}
    return {name: part["detail"] for name, part in health["parts"].items() if not part["ok"]}
