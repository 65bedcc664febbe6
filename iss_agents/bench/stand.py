"""Kafka, a database and workers for measuring, in a folder that is thrown away."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL

from pydantic import SecretStr

from iss_agents.embedded.database import KEEPING, Database
from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import UNSECURED, Kafka
from iss_agents.embedded.place import accepts, free_port
from iss_agents.embedded.program import Program
from iss_agents.errors import UserError
from iss_agents.settings import Settings, load_settings
from iss_agents.soak.patience import until
from iss_agents.soak.worker import Worker
from iss_agents.topic_check import ensure_topics

START_SECONDS = 90.0
STATION = (sys.executable, "-m", "iss_agents.cli", "simulate")
BARE = (sys.executable, "-m", "iss_agents.bench.bare")


class Stand:
    """A Kafka with the topics, and what acknowledges writes: a real database, or one that keeps nothing."""

    def __init__(self, folder: Path, *, keeping: bool) -> None:
        self.folder = folder
        self.kafka = Kafka(folder / "kafka", free_port())
        self._port = free_port()
        self._database = Database(folder / "database", self._port) if keeping else None
        self._acknowledger = Program(
            "The acknowledger", (*BARE, "acknowledge", str(self._port)), folder / "acknowledger.log"
        )
        self._mongo_url = f"mongodb://127.0.0.1:{self._port}/?directConnection=true"
        self._workers: list[Worker] = []
        self._station: Program | None = None
        self.settings = Settings(
            home=folder / "feed", mongo_url=SecretStr(self._mongo_url), feed="off"
        ).model_copy(update=UNSECURED | {"kafka_url": self.kafka.url})

    async def start(self) -> None:
        """Start them; the topics are there then."""
        self.kafka.start(jar_folder(load_settings().home))
        if self._database:
            self._database.start()
        else:
            self._acknowledger.start()
        await until("Kafka answers", self.kafka.ready, START_SECONDS)
        ready = self._database.ready if self._database else lambda: accepts(self._port)
        await until("the database answers", ready, START_SECONDS)
        await ensure_topics(self.settings)

    @property
    def programs(self) -> dict[str, int]:
        """Name -> process id of what serves the workers."""
        database = self._database.program if self._database else self._acknowledger
        found = {"broker": self.kafka.program, "database": database, "station": self._station}
        return {name: program.pid for name, program in found.items() if program and program.pid}

    def broadcast(self, rate: float) -> dict[str, str]:
        """Start a simulated station of `rate` updates a second; return what a worker must know to follow it."""
        port = free_port()
        command = (*STATION, "--port", str(port), "--rate", str(rate))
        self._station = Program("The simulated station", command, self.folder / "station.log")
        self._station.start()
        return {"ISS_FEED": "always", "ISS_FEED_URL": f"http://127.0.0.1:{port}"}

    def worker(self, name: str, roles: str, **environment: str) -> Worker:
        """Return a worker with these roles, started. `environment` holds `ISS_*` variables."""
        variables = {
            **self.kafka.variables(),
            **KEEPING,
            "ISS_MONGO_URL": self._mongo_url,
            "ISS_FEED": "off",
            "ISS_ROLES": roles,
            **environment,
        }
        worker = Worker(name, self.folder, variables)
        worker.start()
        self._workers.append(worker)
        return worker

    async def bare(self, what: str, count: int) -> dict[str, float]:
        """Return what a bare loop over `count` readings costs.

        Raises:
            UserError: it failed.
        """
        more = [self._mongo_url] if what == "store" else []
        process = await asyncio.create_subprocess_exec(
            *BARE, what, self.kafka.url, str(count), *more, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise UserError(f"The bare loop '{what}' failed: see above.")
        figures: dict[str, float] = json.loads(said)
        return figures

    async def stop(self) -> None:
        """End everything."""
        for worker in self._workers:
            await worker.kill()
        database = self._database.program if self._database else self._acknowledger
        for program in (self._station, self.kafka.program, database):
            if program:
                program.request(SIGKILL)
                program.stop()


@asynccontextmanager
async def standing(*, keeping: bool) -> AsyncIterator[Stand]:
    """Yield a stand that runs; its folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="iss-bench-") as folder:
        stand = Stand(Path(folder), keeping=keeping)
        try:
            await stand.start()
            yield stand
        finally:
            await stand.stop()
