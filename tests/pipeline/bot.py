"""The bot of one test between a simulated station and a server that stands in for X."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo.database import Database

from iss_agents.simulator.station import Station
from iss_agents.telemetry.topics import AGENTS_GROUP, EVENTS
from tests.announcers.fake_x import KEYS, FakeX
from tests.pipeline.tank_story import Measurement
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

CABIN = "USLAB000058"
TOLD_SECONDS = 60.0
X_KEYS = {f"ISS_X_{name.upper()}": key for name, key in KEYS._asdict().items()}


class Bot:
    """Workers that tell X what the station says. `environment` is what they need to know besides."""

    def __init__(
        self,
        station: Station,
        fake_x: FakeX,
        database: Database[dict[str, Any]],
        environment: dict[str, str],
        folder: Path,
    ) -> None:
        self.kafka_url = environment["ISS_KAFKA_URL"]
        self.station = station
        self.x = fake_x
        self.posts, self.events = database["posts"], database["events"]
        addresses = {"ISS_FEED_URL": station.url, "ISS_X_URL": fake_x.url}
        self._variables = environment | X_KEYS | addresses | {"ISS_SOURCE": "isslive", "ISS_FEED": "leader"}
        self._folder = folder

    @asynccontextmanager
    async def starting(self, name: str = "worker", **changes: str) -> AsyncIterator[Worker]:
        """Run a worker with a home of its own until the block ends."""
        async with running(self._folder / name, **self._variables | changes) as worker:
            yield worker

    @asynccontextmanager
    async def following(self, name: str = "worker", **changes: str) -> AsyncIterator[Worker]:
        """Run a worker that is ready, and shows what the station measures."""
        self.station.publish(CABIN, "745.2")
        async with self.starting(name, **changes) as worker:
            await until(worker.healthy, START_SECONDS)
            await until(partial(shows, worker, CABIN, "745.2"), START_SECONDS)
            yield worker

    def hear(self, story: Iterable[Measurement]) -> None:
        """Have the station send a story at once."""
        for measurement in story:
            self.station.publish(*measurement)

    async def until_decided(self, count: int = 1, seconds: float = TOLD_SECONDS) -> list[str]:
        """Return what was decided on each event, in their order, as soon as the decisions are stored."""
        await until(lambda: self.posts.count_documents({}) >= count, seconds)
        await until(partial(self._has_done, count), seconds)
        return [post["decision"] for post in self.posts.find().sort("detected_at")]

    async def replay(self, *arguments: str) -> list[str]:
        """Run `iss-agents replay` and return the ids of the events that it prints."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("iss-agents")),
            *("replay", "--from", "-1h", *arguments),
            env=self._variables,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return [json.loads(line)["event_id"] for line in output.splitlines()]

    async def _has_done(self, count: int) -> bool:
        """Whether the bot has committed so many events: it will not come back to them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka_url)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(AGENTS_GROUP)
        finally:
            await admin.close()
        done = offsets.get(TopicPartition(EVENTS.name, 0))
        return done is not None and done.offset >= count


async def shows(worker: Worker, item: str, value: str, source: str = "") -> bool:
    """Whether a worker shows this value of an item, from a source other than its feed's if one is given."""
    address = f"/api/v1/items/{item}" + (f"?source={source}" if source else "")
    if await worker.status(address) != 200:
        return False
    return bool((await worker.get(address)).get("value") == value)


async def has_partitions(worker: Worker) -> bool:
    """Whether a worker's agents have a share of the work and are ready for it."""
    if not await worker.status("/healthz"):
        return False
    agents = (await health(worker)).get("agents", {"ok": False})
    return agents["ok"] and not agents["detail"].startswith("0 ")


async def health(worker: Worker) -> dict[str, Any]:
    """Return what each part of a worker says of itself."""
    async with worker.http.get("/healthz") as answer:
        parts: dict[str, Any] = (await answer.json())["parts"]
    return parts
