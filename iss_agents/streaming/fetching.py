"""Fetch tuning of the agents' consumer, and commits with fingerprints and a timeout."""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from iss_agents.kafka.offsets import Commit

logger = logging.getLogger(__name__)

FETCH_MAX_WAIT_MS = 250
"""How long Kafka holds a fetch while nothing comes, and with it what else is asked on that connection, as at a
rebalance. It answers at once when something comes."""

COMMIT_SECONDS = 5.0
"""How long one commit may take. It normally takes milliseconds, and the next commit includes a failed one."""


class Committer(Protocol):
    """The part of the consumer that its thread needs."""

    def commit_of(self, tp: TP, offset: int) -> Commit:
        """Return the commit of an offset."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for a consumer, whose fetches wait at Kafka for a record."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no setting for it. The consumer creates its fetcher with it when it starts.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001
        # `Positions` decides where a partition is read, and has to know if its log does not continue there.
        consumer._auto_offset_reset = "none"  # noqa: SLF001
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # As Faust does it, but with fingerprints and a timeout: aiokafka retries for as long as Kafka calls the
        # error retriable, which is forever once a topic is deleted, and a worker that stops would wait for it.
        commits = self._commits(offsets)
        self.tp_last_committed_at.update(dict.fromkeys(map(ensure_TP, commits), monotonic()))
        try:
            await asyncio.wait_for(self._ensure_consumer().commit(commits), COMMIT_SECONDS)
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            logger.debug("Kafka did not accept a commit, which is repeated: %r", error)
            return False
        except KafkaError as error:
            await self.crash(error)
            return False
        return True

    def _commits(self, offsets: Mapping[TP, int]) -> dict[TopicPartition, Commit]:
        owned, consumer = self.assignment(), cast("Committer", self.consumer)
        return {
            TopicPartition(tp.topic, tp.partition): consumer.commit_of(tp, offset)
            for tp, offset in offsets.items()
            if tp in owned
        }
