"""Leader election: which worker runs a shard of the feed.

The leader is the member of the shard's consumer group that holds the only partition of a topic for this
purpose.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from math import inf
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import (
    METADATA_MS,
    client_config,
    close_consumer,
    quiet_kafka_logs,
    reaches_kafka,
)
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.metrics import FEED_LEADER
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import FEED_LEADER as LEADER_TOPIC

logger = logging.getLogger(__name__)

SESSION_SECONDS = 10
HEARTBEAT_SECONDS = 3
JOIN_SECONDS = 15.0
"""Longer than a session: the partition of a killed worker is reassigned only when its session has expired."""

Callback = Callable[[], Awaitable[None]]


class LeaderElection(Service):
    """Calls `on_gained` when this worker becomes the leader of its shard and `on_lost` when another one does.

    While Kafka is unreachable a leader stays leader until it learns that there is another: readings published
    twice are deduplicated downstream by their ids, readings that nobody receives are lost. For the same reason
    a standby that has not reached Kafka for a session becomes leader, too: the leader may have died.
    """

    def __init__(self, settings: Settings, on_gained: Callback, on_lost: Callback) -> None:
        super().__init__()
        self.leading = False
        self._settings = settings
        self._shard = settings.feed_shard
        self._on_gained = on_gained
        self._on_lost = on_lost
        self._elected = settings.feed == "always"
        self._decided = asyncio.Event()
        self.joined = False
        # By the monotonic clock: when Kafka last answered, and since when it answers again without a decision
        # of the group.
        self._reached = -inf
        self._back_since = inf
        self._unconfirmed = False
        self._consumer: AIOKafkaConsumer | None = None
        # aiokafka stores a member's assignment on the class, so each member needs its own class.
        self._assignor = type("LeaderAssignor", (StickyPartitionAssignor,), {})

    async def on_start(self) -> None:
        quiet_kafka_logs()
        if self._settings.feed != "off":
            # Of each shard, so that a shard without a leader is visible.
            for shard in self._shard.siblings:
                FEED_LEADER.labels(shard).set(0)
        self._decided.set()

    async def on_stop(self) -> None:
        await self._leave()
        FEED_LEADER.labels(self._shard).set(0)

    def accept(self, *, leads: bool) -> None:
        """Accept the decision of the group.

        While its topic is deleted the group has nothing to assign and elects nobody, so a leader continues.
        """
        if leads or (self._consumer and self._consumer.partitions_for_topic(LEADER_TOPIC.name)):
            self._unconfirmed = False
            self.decide(leads=leads)

    def decide(self, *, leads: bool) -> None:
        """Decide whether this worker leads; the callbacks run in a separate task."""
        self._elected = leads
        self._decided.set()

    @Service.task
    async def _apply_decisions(self) -> None:
        # Separate from the membership task: a slow callback must not cost the membership.
        while not self.should_stop:
            await self._decided.wait()
            self._decided.clear()
            if self._elected != self.leading:
                await self._change()

    @Service.task
    async def _participate(self) -> None:
        if self._settings.feed != "leader":
            return
        pauses = delays(0.5, 5)
        while not self.should_stop:
            try:
                await self._hold_membership()
            except (KafkaError, OSError, TimeoutError, UserError) as error:
                logger.debug("The group cannot elect a leader: %s", error)
                self._kafka_missed()
                await self._leave()
                await self.sleep(next(pauses))

    async def _hold_membership(self) -> None:
        async with asyncio.timeout(JOIN_SECONDS):
            await provision_topics(self._settings)
            self._consumer = consumer = _consumer(self._settings, self._assignor)
            consumer.subscribe([LEADER_TOPIC.name], listener=_Listener(self))
            await consumer.start()
        self.joined = True
        while not self.should_stop:
            # The topic is empty, but a member that does not poll counts as stuck and is removed from the group.
            await consumer.getmany(timeout_ms=1000)
            if await reaches_kafka(consumer):
                self._kafka_answered(consumer)
            else:
                self._kafka_missed()

    def _kafka_missed(self) -> None:
        self._back_since = inf
        if monotonic() - self._reached > SESSION_SECONDS and not self.should_stop:
            self._unconfirmed = True
            self.decide(leads=True)

    def _kafka_answered(self, consumer: AIOKafkaConsumer) -> None:
        self._reached = monotonic()
        self._back_since = min(self._back_since, self._reached)
        # Who leads continues until the group rebalances. But a group that has lost no member does not
        # rebalance.
        if self._unconfirmed and self._reached - self._back_since > JOIN_SECONDS:
            self.accept(leads=bool(consumer.assignment()))

    async def _change(self) -> None:
        self.leading = self._elected
        FEED_LEADER.labels(self._shard).set(self.leading)
        what = "the feed" if self._shard.is_whole else f"shard {self._shard} of the feed"
        logger.info("%s runs %s", "This worker" if self.leading else "Another worker", what)
        await (self._on_gained if self.leading else self._on_lost)()

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_consumer(consumer)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(self, election: LeaderElection) -> None:
        self._election = election

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Continue as before: only the assignment that follows decides who leads."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._election.accept(leads=bool(assigned))


def group_of(shard: Shard) -> str:
    """Return the consumer group that elects the leader of a shard."""
    return f"iss-feed{shard.suffix}"


def _consumer(settings: Settings, assignor: type[StickyPartitionAssignor]) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **client_config(settings),
        group_id=group_of(settings.feed_shard),
        enable_auto_commit=False,
        metadata_max_age_ms=METADATA_MS,
        session_timeout_ms=SESSION_SECONDS * 1000,
        heartbeat_interval_ms=HEARTBEAT_SECONDS * 1000,
        # Sticky: a worker that joins must not take the feed from the one that has a session.
        partition_assignment_strategy=(assignor,),
    )
