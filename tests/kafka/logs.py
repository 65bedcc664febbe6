"""One partition on real Kafka, whose log a test cuts, empties and replaces, and the group that reads it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from iss_agents.config.settings import Settings
from iss_agents.kafka.offsets import Offsets, fingerprint_of
from tests.waiting import until

TIME = 1_760_000_000_000


class Log:
    """The only partition of a topic of its own."""

    def __init__(self, kafka_url: str) -> None:
        self.tp = TopicPartition(f"log-{uuid4().hex[:8]}", 0)
        self.group = f"group-{self.tp.topic}"
        self.offsets = Offsets(Settings(kafka_url=kafka_url))
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka_url)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka_url,
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=10,
        )

    async def start(self) -> None:
        await self._admin.start()
        await self._producer.start()
        await self._create()
        self._consumer.assign([self.tp])
        await self._consumer.start()

    async def stop(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()
        await self.offsets.close()
        await self._admin.close()

    async def create_again(self, *, commit: bool = True) -> None:
        """Delete and create the topic. Kafka removes the commit, which a worker that runs may make again."""
        committed = (await self.offsets.committed(self.group)).get(self.tp)
        await self._admin.delete_topics([self.tp.topic])

        async def gone() -> bool:
            return self.tp.topic not in await self._admin.list_topics()

        await until(gone)
        await self._create()
        if commit and committed:
            await self.commit(*committed)

    async def send(self, *values: str) -> None:
        for value in values:
            await self._producer.send_and_wait(self.tp.topic, value.encode(), partition=0, timestamp_ms=TIME)

    async def remove(self, before: int) -> None:
        """Remove the records before an offset, all of them if it is -1."""
        await self._admin.delete_records({self.tp: RecordsToDelete(before)})

    async def commit(self, offset: int, mark: str = "") -> None:
        await self._consumer.commit({self.tp: OffsetAndMetadata(offset, mark)})

    async def fetch(self, count: int) -> list[ConsumerRecord]:
        """Return the first records."""
        self._consumer.seek(self.tp, 0)
        return [await self._consumer.getone() for _ in range(count)]

    async def read(self, count: int) -> None:
        """Read and commit the first records, as a reader of ours does."""
        await self.commit(count, fingerprint_of((await self.fetch(count))[-1]))

    async def _create(self) -> None:
        # The records are of the past: some brokers look for what has expired every few seconds.
        kept = {"retention.ms": "-1"}
        await self._admin.create_topics([NewTopic(self.tp.topic, 1, 1, topic_configs=kept)])


@asynccontextmanager
async def log_of_three(kafka_url: str) -> AsyncIterator[Log]:
    """Provide a log of the records 0, 1 and 2."""
    log = Log(kafka_url)
    await log.start()
    try:
        await log.send("0", "1", "2")
        yield log
    finally:
        await log.stop()
