"""Bench stack: Kafka, a database and workers for measurements, in a temporary folder."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL

from pydantic import SecretStr

from iss_agents.config.settings import Settings, load_settings
from iss_agents.errors import UserError
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.database import KEEPING, Database
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import UNSECURED, Kafka
from iss_agents.local_stack.ports import accepts, free_port
from iss_agents.local_stack.process import Program
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.worker import Worker

START_SECONDS = 90.0
STATION = (sys.executable, "-m", "iss_agents.cli.main", "simulate")
BASELINE = (sys.executable, "-m", "iss_agents.tools.bench.baseline")


class BenchStack:
    """Kafka with the topics, and a database: a real one, or a server that only acknowledges writes."""

    def __init__(self, folder: Path, *, keeping: bool) -> None:
        self.folder = folder
        self.kafka = Kafka(folder / "kafka", free_port())
        self._port = free_port()
        self._database = Database(folder / "database", self._port) if keeping else None
        self._acknowledger = Program(
            "The acknowledger", (*BASELINE, "acknowledge", str(self._port)), folder / "acknowledger.log"
        )
        self._mongo_url = f"mongodb://127.0.0.1:{self._port}/?directConnection=true"
        self._workers: list[Worker] = []
        self._station: Program | None = None
        self.settings = Settings(
            home=folder / "feed", mongo_url=SecretStr(self._mongo_url), feed="off"
        ).model_copy(update=UNSECURED | {"kafka_url": self.kafka.url})

    async def start(self) -> None:
        """Start them, and create the topics."""
        self.kafka.start(jar_folder(load_settings().home))
        if self._database:
            self._database.start()
        else:
            self._acknowledger.start()
        await until("Kafka answers", self.kafka.ready, START_SECONDS)
        ready = self._database.ready if self._database else lambda: accepts(self._port)
        await until("the database answers", ready, START_SECONDS)
        await provision_topics(self.settings)

    @property
    def programs(self) -> dict[str, int]:
        """Name -> process id of the programs that serve the workers."""
        database = self._database.program if self._database else self._acknowledger
        found = {"broker": self.kafka.program, "database": database, "station": self._station}
        return {name: program.pid for name, program in found.items() if program and program.pid}

    def broadcast(self, rate: float) -> dict[str, str]:
        """Start a simulated station of `rate` updates a second; return a follower's variables."""
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
            "ISS_SOURCE": "simulated",
            "ISS_ROLES": roles,
            **environment,
        }
        worker = Worker(name, self.folder, variables)
        worker.start()
        self._workers.append(worker)
        return worker

    async def bare(self, what: str, count: int) -> dict[str, float]:
        """Return the cost of a bare loop over `count` readings.

        Raises:
            UserError: it failed.
        """
        more = [self._mongo_url] if what == "store" else []
        process = await asyncio.create_subprocess_exec(
            *BASELINE, what, self.kafka.url, str(count), *more, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise UserError(f"The bare loop '{what}' failed: see above.")
        figures: dict[str, float] = json.loads(said)
        return figures

    async def stop(self) -> None:
        """Stop everything."""
        for worker in self._workers:
            await worker.kill()
        database = self._database.program if self._database else self._acknowledger
        for program in (self._station, self.kafka.program, database):
            if program:
                program.request(SIGKILL)
                program.stop()


@asynccontextmanager
async def running_stack(*, keeping: bool) -> AsyncIterator[BenchStack]:
    """Yield a running stack; its folder is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="iss-bench-") as folder:
        stack = BenchStack(Path(folder), keeping=keeping)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()
