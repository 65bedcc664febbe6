"""A worker of a soak: a process that may end and start again on the same port."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from iss_agents.embedded.figures import Samples
from iss_agents.embedded.place import free_port, make_folder
from iss_agents.embedded.program import Program
from iss_agents.soak import programs

COMMAND = (sys.executable, "-m", "faust", "-q", "-A", "iss_agents", "worker")
ANSWER = aiohttp.ClientTimeout(total=5.0)


class Worker:
    """One `faust -A iss_agents worker`. `wanted` says whether it is meant to run."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.home = make_folder(folder / name)
        self._port = free_port()
        own = {"ISS_HOME": str(self.home), "ISS_WEB_PORT": str(self._port), "ISS_LOG": "json"}
        self.program = Program(name, COMMAND, self.home / "worker.log", {**environment, **own})
        self.wanted = False

    def start(self) -> None:
        """Start it; it does not answer yet."""
        self.wanted = True
        self.program.start()

    async def end(self) -> float:
        """End it with SIGTERM; return how many seconds that took."""
        self.wanted = False
        return await programs.end(self.program)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        self.wanted = False
        await programs.kill(self.program)

    async def document(self, path: str) -> Any:
        """Return the JSON document at `path`, whatever its status, or None while the worker does not answer."""
        text = await self._text(path)
        return None if text is None else json.loads(text)

    async def samples(self) -> Samples | None:
        """Return the worker's metrics, None while it does not answer."""
        text = await self._text("/metrics")
        return None if text is None else Samples(text)

    async def _text(self, path: str) -> str | None:
        address = f"http://127.0.0.1:{self._port}{path}"
        try:
            async with aiohttp.ClientSession(timeout=ANSWER) as session, session.get(address) as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
