"""Numbered records, workers that write down what they are given, and the comparison of the two."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from iss_agents.kafka.topic_admin import wanted_configuration
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG
from tests.waiting import until

PARTITIONS = 4
KEYS = 100


class Rig:
    """A topic of numbered records and the workers that read it."""

    def __init__(self, kafka_url: str, folder: Path) -> None:
        self.kafka_url = kafka_url
        self.folder = folder
        self.topic = f"numbers-{uuid4().hex[:8]}"
        self.group = f"group-{self.topic}"
        self.sent = 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self._stop_sending = asyncio.Event()

    @property
    def partitions(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, number) for number in range(PARTITIONS)]

    async def start(self) -> None:
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka_url, enable_idempotence=True, acks="all", linger_ms=5
        )
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka_url)
        self.consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka_url)
        await self.admin.start()
        compact = wanted_configuration(LAST_SEEN_CHANGELOG)
        changelog = NewTopic(f"{self.group}-counts-changelog", PARTITIONS, 1, topic_configs=compact)
        await self.admin.create_topics([NewTopic(self.topic, PARTITIONS, 1), changelog])
        await self.producer.start()
        await self.consumer.start()

    async def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait(10)
        await self.producer.stop()
        await self.consumer.stop()
        await self.admin.close()

    def worker(self, name: str, **environment: str) -> subprocess.Popen[bytes]:
        folder = self.folder / name
        variables = {
            "DELIVERY_TOPIC": self.topic,
            "DELIVERY_GROUP": self.group,
            "DELIVERY_KAFKA": self.kafka_url,
            "DELIVERY_DATA": str(folder),
            "DELIVERY_LOG": str(self.folder / f"{name}.log"),
            **environment,
        }
        command = [sys.executable, "-m", "faust", "-q", "-A", "tests.streaming.delivery_app", "worker"]
        with (self.folder / f"{name}.out").open("w") as out:
            process = subprocess.Popen(
                [*command, "--without-web", "-l", "error"], env=os.environ | variables, stdout=out, stderr=out
            )
        self.workers.append(process)
        return process

    async def send(self, count: int) -> None:
        """Send the next `count` numbered records, the key's count as value, and wait until Kafka has them."""
        futures = []
        for number in range(self.sent, self.sent + count):
            key = number % KEYS
            value = str(number // KEYS).encode()
            futures.append(
                await self.producer.send(self.topic, value, b"k%d" % key, partition=key % PARTITIONS)
            )
        self.sent += count
        await asyncio.gather(*futures)

    @asynccontextmanager
    async def load(self, rate: int) -> AsyncIterator[None]:
        """Send `rate` records a second for as long as the block lasts."""
        sending = asyncio.create_task(self._send_at(rate))
        try:
            yield
        finally:
            self._stop_sending.set()
            await sending

    async def _send_at(self, rate: int) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        while not self._stop_sending.is_set():
            await self.send(KEYS)
            await asyncio.sleep(max(0.0, began + self.sent / rate - clock()))

    def deliveries(self) -> dict[str, dict[int, list[tuple[int, int]]]]:
        """Return worker -> partition -> (first, last offset) of each finished list, in order."""
        found: dict[str, dict[int, list[tuple[int, int]]]] = {}
        for log in self.folder.glob("*.log"):
            lists: dict[int, list[tuple[int, int]]] = defaultdict(list)
            for partition, first, last, _ in _finished(log):
                lists[partition].append((first, last))
            found[log.stem] = lists
        return found

    def early(self) -> int:
        """Return how many records came before the one before them was in the Table."""
        return sum(early for log in self.folder.glob("*.log") for *_, early in _finished(log))

    def given(self) -> list[list[int]]:
        """Return the sorted offsets that any worker finished, by partition, each as often as it was given."""
        offsets: list[list[int]] = [[] for _ in range(PARTITIONS)]
        for lists in self.deliveries().values():
            for partition, spans in lists.items():
                for first, last in spans:
                    offsets[partition].extend(range(first, last + 1))
        return [sorted(of_partition) for of_partition in offsets]

    def has_given(self, name: str) -> bool:
        return bool(self.deliveries().get(name))

    async def ends(self) -> list[int]:
        ends = await self.consumer.end_offsets(self.partitions)
        return [ends[partition] for partition in self.partitions]

    async def committed(self) -> list[int]:
        try:
            offsets = await self.admin.list_consumer_group_offsets(self.group)
        except GroupCoordinatorNotAvailableError:  # a new broker makes the topic of offsets at the first commit
            offsets = {}
        return [offsets[tp].offset if tp in offsets else 0 for tp in self.partitions]

    async def caught_up(self) -> bool:
        return await self.committed() == await self.ends()


async def end(worker: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a worker and wait until it is gone."""
    worker.send_signal(how)
    await until(lambda: worker.poll() is not None)


def _finished(log: Path) -> Iterator[list[int]]:
    """Yield the numbers of each whole line; a worker may be writing the last one, or was killed meanwhile."""
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield [int(number) for number in line.split()]
