"""A real Prometheus as the compose file starts it, with the project's configuration; it asks once a second."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.process import Program
from tests.monitoring.names import DOCKER, RULES
from tests.pipeline.worker import Worker
from tests.waiting import until

QUICKER = 20
"""So many times shorter is every duration of the alerts: five minutes are 15 s."""

MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


class Prometheus:
    """Debian's Prometheus in `folder`, which scrapes the worker at `target`, host:port, and brings `token`."""

    def __init__(self, folder: Path, target: str, token: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _configure(folder, target)
        address = f"127.0.0.1:{free_port()}"
        command = ["/bin/sh", "-c", f"{command_in(folder)} --web.listen-address={address}"]
        log = folder / "prometheus.log"
        self.program = Program("Prometheus", command, log, {"READ_TOKEN": token})
        self._url = f"http://{address}/api/v1/"

    async def raises(self, alert: str) -> bool:
        """Return whether an alert is pending or fires."""
        return alert in await self.active()

    async def is_quiet(self) -> bool:
        """Return whether no alert is pending, and none fires."""
        return not await self.active()

    async def query(self, expression: str) -> list[float]:
        """Return the values of an expression now, those that are numbers."""
        result = (await self._get("query", query=expression))["result"]
        values = [float(sample["value"][1]) for sample in result]
        return [value for value in values if value == value]  # noqa: PLR0124 - NaN is what differs from itself

    async def rules(self) -> dict[str, dict[str, Any]]:
        """Return alert -> what Prometheus knows of its rule."""
        groups = (await self._get("rules"))["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    async def active(self) -> set[str]:
        """Return the alerts that are pending or fire."""
        alerts = {name: rule for name, rule in (await self.rules()).items() if rule["type"] == "alerting"}
        return {name for name, rule in alerts.items() if rule["state"] != "inactive"}

    async def ready(self) -> bool:
        """Return whether every rule has been evaluated."""
        try:
            states = [rule["health"] for rule in (await self.rules()).values()]
        except aiohttp.ClientError:
            return False
        return bool(states) and "unknown" not in states

    async def _get(self, path: str, **query: str) -> Any:
        async with aiohttp.ClientSession() as http, http.get(self._url + path, params=query) as answer:
            document = await answer.json()
        assert document["status"] == "success", (query, document)
        return document["data"]


@asynccontextmanager
async def watching(worker: Worker, folder: Path) -> AsyncIterator[Prometheus]:
    """Run a Prometheus that scrapes a worker, and brings its token, until the block ends."""
    own = Prometheus(folder, f"127.0.0.1:{worker.port}", worker.read_token)
    own.program.start()
    try:
        await until(own.ready)
        yield own
    finally:
        own.program.stop()


def command_in(folder: Path) -> str:
    """Return the command of the compose file's Prometheus, with all its files in `folder`."""
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    [command] = services["prometheus"]["command"]
    own = str(command).replace("/tmp/", f"{folder}/").replace("/etc/prometheus/", f"{folder}/")
    return own.replace("=/prometheus ", f"={folder / 'data'} ").replace("$$", "$")


def quicker(rules: str) -> str:
    """Return rules whose durations and ages are all `QUICKER` times shorter; numbers of records stay."""
    shorter = re.sub(r"(for: |\[)(\d+)([smh])\b", _shorter, rules)
    return re.sub(r"(time\(\) - [^>]*> )(\d+)", lambda age: f"{age[1]}{int(age[2]) // QUICKER}", shorter)


def _shorter(duration: re.Match[str]) -> str:
    return f"{duration[1]}{int(duration[2]) * MILLISECONDS[duration[3]] // QUICKER}ms"


def _configure(folder: Path, target: str) -> None:
    (folder / RULES.name).write_text(quicker(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    text = (RULES.parent / "prometheus.yaml").read_text(encoding="utf-8").replace("15s", "1s")
    configuration = yaml.safe_load(text.replace("/tmp/", f"{folder}/"))
    [job] = configuration["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
