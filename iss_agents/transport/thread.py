"""How the agents' consumer asks Kafka for records, with what has come meanwhile, and how long it commits."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

logger = logging.getLogger(__name__)

COLLECT_MS = 50
"""How long Kafka lets records come together before it answers a fetch. Requests are what a low rate costs: some
0.5 ms of the worker each, and as much of Kafka, however few records they bring (measured)."""

ENOUGH_BYTES = 65_536
"""A fetch that finds this much is answered at once, so that a backlog is worked off without waiting."""

COMMIT_SECONDS = 5.0
"""How long one commit may take. It takes milliseconds, and what one has not done the next one does."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for a consumer, whose fetches wait at Kafka until they are worth it."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these. The fetcher is made with them when the consumer starts.
        consumer._fetch_min_bytes, consumer._fetch_max_wait_ms = ENOUGH_BYTES, COLLECT_MS  # noqa: SLF001
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # aiokafka tries again for as long as Kafka says that it may: for ever, once a topic is deleted.
        # A worker that is to end would wait for that.
        try:
            return await asyncio.wait_for(super()._commit(offsets), COMMIT_SECONDS)
        except TimeoutError:
            logger.debug("Kafka has not taken a commit within %.0f s: it is made again", COMMIT_SECONDS)
            return False
