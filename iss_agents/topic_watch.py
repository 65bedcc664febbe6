"""Says when a topic is gone from under a running worker."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.health import Health
from iss_agents.kafka_access import kafka_access
from iss_agents.settings import Settings
from iss_agents.topics import TOPICS

PART = "topics"
LOOK_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class TopicWatch(Service):
    """Looks for every topic now and then; reports as the part `topics` once one was missed.

    It makes none anew: what the topic held is lost, and the consumers' offsets belong to the old one until
    their worker starts again.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self._settings = settings
        self._health = health

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    missing = await self._missing()
            except (KafkaError, OSError, TimeoutError):
                continue  # that Kafka is away, others say
            self._report(missing)

    async def _missing(self) -> list[str]:
        admin = AIOKafkaAdminClient(**kafka_access(self._settings))
        try:
            await admin.start()
            there = set(await admin.list_topics())
        finally:
            await admin.close()
        return sorted({topic.name for topic in TOPICS} - there)

    def _report(self, missing: list[str]) -> None:
        if missing:
            names = ", ".join(missing)
            self._health.bad(PART, f"{names}: gone from Kafka; start the workers again, which makes it anew.")
        elif PART in self._health.parts:
            self._health.good(PART, "every topic is there")
