"""How far consumer groups are, asked of Kafka itself and over connections of their own."""

from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from iss_agents.kafka_access import kafka_access
from iss_agents.settings import Settings
from iss_agents.topics import Topic

REQUEST_MS = 5_000

Behind = dict[TopicPartition, int]
"""Partition -> committed offset, for partitions that hold records beyond it; 0 where nothing is committed."""


class Offsets:
    """Answers only if the leaders of all partitions and the group's coordinator do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def behind(self, group: str, topics: Iterable[Topic]) -> Behind:
        """Return where a group has records before it.

        Raises:
            KafkaError, OSError: Kafka does not answer; whoever calls limits the time.
        """
        consumer, admin = await self._connected()
        tps = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        # In this order, so that what is committed meanwhile does not count as behind.
        ends = await consumer.end_offsets(tps)
        committed = await _committed(admin, group)
        return {tp: committed.get(tp, 0) for tp in tps if committed.get(tp, 0) < ends[tp]}

    async def close(self) -> None:
        """Disconnect; the next question connects anew."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        with suppress(KafkaError, OSError):
            if consumer:
                await consumer.stop()
            if admin:
                await admin.close()

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._consumer is None or self._admin is None:
            self._consumer = AIOKafkaConsumer(**kafka_access(self._settings), request_timeout_ms=REQUEST_MS)
            self._admin = AIOKafkaAdminClient(**kafka_access(self._settings), request_timeout_ms=REQUEST_MS)
            await self._consumer.start()
            await self._admin.start()
        return self._consumer, self._admin


async def _committed(admin: AIOKafkaAdminClient, group: str) -> Behind:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        return {}  # so says a Kafka that has never had a group
    return {tp: found.offset for tp, found in offsets.items() if found.offset >= 0}
