"""The whole system on this machine, each part of which may be taken away and brought back."""

import asyncio
from pathlib import Path

from pydantic import SecretStr

from iss_agents.embedded.database import KEEPING, Database
from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import UNSECURED, Kafka
from iss_agents.embedded.place import free_port
from iss_agents.embedded.program import Program
from iss_agents.errors import UserError
from iss_agents.settings import Settings, load_settings
from iss_agents.soak import programs
from iss_agents.soak.patience import until
from iss_agents.soak.worker import Worker
from iss_agents.topic_check import ensure_topics

START_SECONDS = 90.0
"""A worker needs 4 s on an idle machine, and a soak may share its machine."""

ROLES = "agents,archive,web"
LOOK_SECONDS = 0.5


class System:
    """Kafka, the database and workers, which a supervisor starts again when they end by themselves.

    `restarts` counts those.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        """Start Kafka and the database and make the topics.

        Raises:
            UserError: one of them could not start.
        """
        self._database.start()
        await self.start_kafka()
        await until("the database answers", self._database.ready, START_SECONDS)
        await ensure_topics(self.settings)
        self._supervising = asyncio.create_task(self._supervise())

    async def start_kafka(self) -> None:
        """Start Kafka, also again, and return when it answers."""
        self._kafka.start(jar_folder(load_settings().home))
        await until("Kafka answers", self._kafka.ready, START_SECONDS)

    async def start_database(self) -> None:
        """Start the database again and return when it answers."""
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
                "ISS_ROLES": roles,
                **environment,
            }
            self.workers[name] = Worker(name, self._folder, variables)
            self.workers[name].start()
        return self.workers[name]

    async def working(self, worker: Worker) -> float:
        """Return when every part of a worker works; how many seconds that took.

        Raises:
            UserError: it does not within `START_SECONDS`; names the parts that ail.
        """
        ailing: dict[str, str] = {"web": "it does not answer"}

        async def works() -> bool:
            nonlocal ailing
            health = await worker.document("/healthz")
            if health:
                parts = health["parts"].items()
                ailing = {name: part["detail"] for name, part in parts if not part["ok"]}
            return not ailing

        try:
            return await until(f"{worker.name} works", works, START_SECONDS)
        except UserError as error:
            raise UserError(f"{error} {ailing}") from None

    async def stop(self) -> None:
        """End everything, the newest part first."""
        if self._supervising:
            self._supervising.cancel()
        for worker in reversed(self.workers.values()):
            await worker.kill()
        for part in (self._kafka.program, self._database.program):
            if part:
                await programs.kill(part)

    async def _supervise(self) -> None:
        while True:
            for worker in self.workers.values():
                if worker.wanted and not worker.program.running:
                    self.restarts += 1
                    worker.start()
            await asyncio.sleep(LOOK_SECONDS)
