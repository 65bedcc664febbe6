"""Decide which worker runs a shard of the feed: the one that holds the only partition of a topic made for that.

Each shard has a group of its own on that topic.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.backoff import delays
from iss_agents.errors import UserError
from iss_agents.feed.farewell import stop_consumer
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_logs import quiet_kafka_logs
from iss_agents.metrics import FEED_LEADER
from iss_agents.settings import Settings
from iss_agents.shard import Shard
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import FEED_LEADER as LEADER_TOPIC

logger = logging.getLogger(__name__)

SESSION_SECONDS = 10
HEARTBEAT_SECONDS = 3
JOIN_SECONDS = 15.0
"""Longer than a session: the partition of a killed worker is given away only when its session has ended."""

Callback = Callable[[], Awaitable[None]]


class Leadership(Service):
    """Call `on_gained` when this worker is to run its shard of the feed and `on_lost` when another one does.

    While Kafka is away a worker leads, or goes on leading, until it learns that another one does: readings
    that two workers publish fall out downstream by their ids, readings that nobody takes are lost.
    """

    def __init__(self, settings: Settings, on_gained: Callback, on_lost: Callback) -> None:
        super().__init__()
        self.leading = False
        self._settings = settings
        self._shard = settings.feed_shard
        self._on_gained = on_gained
        self._on_lost = on_lost
        self._chosen = settings.feed == "always"
        self._decided = asyncio.Event()
        self.joined = False
        self._consumer: AIOKafkaConsumer | None = None
        # aiokafka keeps what a member holds on the class, so each member needs a class of its own.
        self._assignor = type("LeaderAssignor", (StickyPartitionAssignor,), {})

    async def on_start(self) -> None:
        quiet_kafka_logs()
        if self._settings.feed != "off":
            # Of each shard, so that one which nobody runs is seen to be missing.
            for shard in self._shard.siblings:
                FEED_LEADER.labels(shard).set(0)
        self._decided.set()

    async def on_stop(self) -> None:
        await self._leave()
        FEED_LEADER.labels(self._shard).set(0)

    def decide(self, *, leads: bool) -> None:
        """Say whether this worker is the one; the callbacks follow in a task of their own."""
        self._chosen = leads
        self._decided.set()

    @Service.task
    async def _follow(self) -> None:
        # Apart from the group's own task: a callback that takes long must not cost the membership.
        while not self.should_stop:
            await self._decided.wait()
            self._decided.clear()
            if self._chosen != self.leading:
                await self._change()

    @Service.task
    async def _take_part(self) -> None:
        if self._settings.feed != "leader":
            return
        pauses = delays(0.5, 5)
        while not self.should_stop:
            try:
                await self._belong_to_the_group()
            except (KafkaError, OSError, TimeoutError, UserError) as error:
                logger.debug("Kafka cannot say who leads: %s", error)
                if not self.joined and not self.should_stop:
                    self.decide(leads=True)
                await self._leave()
                await self.sleep(next(pauses))

    async def _belong_to_the_group(self) -> None:
        async with asyncio.timeout(JOIN_SECONDS):
            await ensure_topics(self._settings)
            self._consumer = consumer = _consumer(self._settings, self._assignor)
            consumer.subscribe([LEADER_TOPIC.name], listener=_Listener(self))
            await consumer.start()
        self.joined = True
        while not self.should_stop:
            # The topic is empty; a member that does not ask is taken for stuck and put out of the group.
            await consumer.getmany(timeout_ms=1000)

    async def _change(self) -> None:
        self.leading = self._chosen
        FEED_LEADER.labels(self._shard).set(self.leading)
        what = "the feed" if self._shard.is_whole else f"shard {self._shard} of the feed"
        logger.info("%s runs %s", "This worker" if self.leading else "Another worker", what)
        await (self._on_gained if self.leading else self._on_lost)()

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Go on as before: only the assignment that follows says who leads."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._leadership.decide(leads=bool(assigned))


def group_of(shard: Shard) -> str:
    """Return the consumer group whose members may run a shard."""
    return f"iss-feed{shard.suffix}"


def _consumer(settings: Settings, assignor: type[StickyPartitionAssignor]) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **kafka_access(settings),
        group_id=group_of(settings.feed_shard),
        enable_auto_commit=False,
        session_timeout_ms=SESSION_SECONDS * 1000,
        heartbeat_interval_ms=HEARTBEAT_SECONDS * 1000,
        # Sticky: a worker that joins must not take the feed away from the one that has a session.
        partition_assignment_strategy=(assignor,),
    )
