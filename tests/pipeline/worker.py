"""A worker as an operator runs it, and what its views say."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from iss_agents.local_stack.ports import free_port
from tests.waiting import until

START_SECONDS = 90
LOG_LINES = 40


class Worker:
    """One `faust -A iss_agents worker` process. `environment` holds `ISS_*` variables."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {"ISS_HOME": str(folder), "ISS_WEB_PORT": str(self.port), "ISS_LOG": "json"}
        self._environment |= environment
        self.process: subprocess.Popen[bytes] | None = None
        self.read_token = environment.get("ISS_READ_TOKEN", "none")
        self.http = aiohttp.ClientSession(self.url, headers={"Authorization": f"Bearer {self.read_token}"})

    def start(self, **changes: str) -> "Worker":
        """Start the process, from now on with `changes` of its environment."""
        self._environment |= changes
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "worker.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faust", "-q", "-A", "iss_agents", "worker"],
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def log(self) -> str:
        return (self._folder / "worker.log").read_text()

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(how)
        await until(lambda: self.process and self.process.poll() is not None)
        return self.process.returncode

    async def get(self, path: str) -> Any:
        async with self.http.get(path) as answer:
            assert answer.status == 200, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def status(self, path: str) -> int:
        try:
            async with self.http.get(path) as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def send_test(self, **measurement: str) -> str:
        """Send a test reading and return its id."""
        headers = {"Authorization": "Bearer secret"}
        async with self.http.post("/api/v1/ingest/test", json=measurement, headers=headers) as answer:
            assert answer.status == 201
            return str((await answer.json())["event_id"])

    async def healthy(self) -> bool:
        return await self.status("/healthz") == 200

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels."""
        async with self.http.get("/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    async def archived(self) -> float:
        return await self.metric("iss_archive_documents_total", topic="telemetry.raw.v1")


@asynccontextmanager
async def running(folder: Path, **environment: str) -> AsyncIterator[Worker]:
    """Run a worker until the block ends; a failure shows the end of its log."""
    worker = Worker(folder, environment).start()
    try:
        yield worker
    except BaseException as error:
        error.add_note("\n".join(["The end of the worker's log:", *worker.log.splitlines()[-LOG_LINES:]]))
        raise
    finally:
        assert worker.process
        worker.process.kill()
        worker.process.wait(10)
        await worker.http.close()
