"""How the agents' consumer asks Kafka for records: one answer now and then, with what has come meanwhile."""

from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver

COLLECT_MS = 50
"""How long Kafka lets records come together before it answers a fetch. Requests are what a low rate costs: some
0.5 ms of the worker each, and as much of Kafka, however few records they bring (measured)."""

ENOUGH_BYTES = 65_536
"""A fetch that finds this much is answered at once, so that a backlog is worked off without waiting."""


class FetchThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for a consumer, whose fetches wait at Kafka until they are worth it."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these. The fetcher is made with them when the consumer starts.
        consumer._fetch_min_bytes, consumer._fetch_max_wait_ms = ENOUGH_BYTES, COLLECT_MS  # noqa: SLF001
        return consumer
