"""Topic monitor: reports a topic that is deleted while a worker runs."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import TOPICS

PART = "topics"
POLL_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class TopicMonitor(Service):
    """Checks every POLL_SECONDS that all topics exist; reports as the health part `topics` once one is missing.

    It does not recreate the topic: its records are lost, and a person should know.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self._settings = settings
        self._health = health

    @Service.task
    async def _monitor(self) -> None:
        while not self.should_stop:
            await self.sleep(POLL_SECONDS)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    missing = await self._missing()
            except (KafkaError, OSError, TimeoutError):
                continue  # others report that Kafka is unreachable
            self._report(missing)

    async def _missing(self) -> list[str]:
        admin = AIOKafkaAdminClient(**client_config(self._settings))
        try:
            await admin.start()
            there = set(await admin.list_topics())
        finally:
            await admin.close()
        return sorted({topic.name for topic in TOPICS} - there)

    def _report(self, missing: list[str]) -> None:
        if missing:
            names = ", ".join(missing)
            self._health.down(PART, f"{names}: missing on Kafka; restart the workers, which recreates it.")
        elif PART in self._health.parts:
            self._health.up(PART, "every topic exists")
