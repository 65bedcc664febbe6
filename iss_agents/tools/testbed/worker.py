"""Worker under test: a process that can be stopped and restarted on the same port."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from iss_agents.local_stack.ports import free_port, make_folder
from iss_agents.local_stack.process import Program
from iss_agents.local_stack.worker_metrics import Samples
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.wall_clock import WallClock

COMMAND = (sys.executable, "-m", "faust", "-q", "-A", "iss_agents", "worker")
ANSWER = aiohttp.ClientTimeout(total=5.0)


class Worker:
    """One `faust -A iss_agents worker`. `wanted` says whether it should be running.

    With `libfaketime` it has a `clock` that can be set.
    """

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str], libfaketime: Path | None = None
    ) -> None:
        self.name = name
        self.home = make_folder(folder / name)
        self.clock = WallClock(libfaketime, self.home / "clock") if libfaketime else None
        self._port = free_port()
        own = {"ISS_HOME": str(self.home), "ISS_WEB_PORT": str(self._port), "ISS_LOG": "json"}
        own |= self.clock.variables if self.clock else {}
        self.program = Program(name, COMMAND, self.home / "worker.log", {**environment, **own})
        self.wanted = False

    def start(self) -> None:
        """Start it; it does not answer yet."""
        self.wanted = True
        self._clean_up()
        self.program.start()

    async def end(self) -> float:
        """Stop it with SIGTERM; return how many seconds that took."""
        self.wanted = False
        return await processes.end(self.program)

    async def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.wanted = False
        await processes.kill(self.program)
        self._clean_up()

    def _clean_up(self) -> None:
        if self.clock and self.program.pid:
            self.clock.clean_up(self.program.pid)

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
