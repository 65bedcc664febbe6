"""A real Prometheus with the project's configuration, which asks once a second."""

from pathlib import Path
from shutil import copy
from typing import Any

import aiohttp
import yaml

from iss_agents.embedded.place import free_port
from iss_agents.embedded.program import Program
from tests.monitoring.names import RULES


class Prometheus:
    """Debian's Prometheus in `folder`, which scrapes the worker at `target`, host:port."""

    def __init__(self, folder: Path, target: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        arguments = [
            f"--config.file={_configuration(folder, target)}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ]
        self.program = Program("Prometheus", ["prometheus", *arguments], folder / "prometheus.log")
        self._url = f"http://{address}/api/v1/"

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
        return {name for name, rule in (await self.rules()).items() if rule["state"] != "inactive"}

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


def _configuration(folder: Path, target: str) -> Path:
    copy(RULES, folder)
    text = (RULES.parent / "prometheus.yaml").read_text(encoding="utf-8").replace("15s", "1s")
    configuration = yaml.safe_load(text)
    [job] = configuration["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path
