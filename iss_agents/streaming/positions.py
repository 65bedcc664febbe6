"""Read positions: partitions are read in order from the committed offset, and anew if the log was replaced."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.consumer import ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from iss_agents.config.kafka import KafkaSettings
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import Start, open_offsets, restart_of
from iss_agents.kafka.seen_records import SeenRecords
from iss_agents.runtime.backoff import delays

logger = logging.getLogger(__name__)

Starts = Mapping[TopicPartition, Start]


class AppContext(Protocol):
    """The part of the App that `Positions` needs."""

    settings: KafkaSettings
    resets: OffsetResets


class Positions(driver.Consumer):
    """Tracks the next expected offset of each partition, and starts over where a log was replaced."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._expected: dict[TP, int] = {}
        self._sought_back: dict[TP, int] = {}
        self._replaced: set[TP] = set()
        self._seeking = False
        # Otherwise an overlapping rebalance and restart both find the old commit, and each rereads the log.
        self._one_start = asyncio.Lock()
        self.seen = SeenRecords()

    @property
    def _app_context(self) -> AppContext:
        return cast("AppContext", self.app)

    def _is_batched(self, tp: TP) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))

    def read_again(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions from their beginning: their log was replaced."""
        self._replaced |= ensure_TPset(partitions) & self.assignment()

    async def perform_seek(self) -> None:
        """Seek to the committed offsets of the group."""
        self._seeking = True
        try:
            async with self._one_start:
                await super().perform_seek()
                await self._apply_starts(
                    await self._starts({tp for tp in self.assignment() if self._is_batched(tp)})
                )
        finally:
            self._seeking = False

    async def _starts(self, tps: Collection[TP]) -> Starts:
        pauses = delays(0.1, 2.0)
        while True:
            try:
                async with open_offsets(self._app_context.settings) as offsets:
                    return await offsets.starts(self.app.conf.id, _topic_partitions(tps), self.seen.records)
            except (KafkaError, OSError, TimeoutError) as error:
                logger.debug("Kafka does not answer where to begin: %r", error)
                await asyncio.sleep(next(pauses))

    async def _restart_replaced(self) -> None:
        """Start over in the logs that were replaced; if Kafka does not answer, the next call does it."""
        if not self._replaced & self.assignment():
            return
        async with self._one_start:
            if tps := self._replaced & self.assignment():
                await self._restart(tps, self.app.consumer_generation_id)

    async def _restart(self, tps: Collection[TP], generation: int) -> None:
        try:
            async with open_offsets(self._app_context.settings) as offsets:
                logs = await offsets.logs(_topic_partitions(tps))
        except (KafkaError, OSError, TimeoutError) as error:
            logger.debug("Kafka does not answer where to start over: %r", error)
            return
        # A commit in flight belongs to the old log.
        await self.maybe_wait_for_commit_to_finish()
        if self.flow_active and generation == self.app.consumer_generation_id:
            await self._apply_starts(
                {tp: restart_of(self._expected.get(TP(*tp), 0), log) for tp, log in logs.items()}
            )

    async def _apply_starts(self, starts: Starts) -> None:
        positions = {TP(*tp): start.offset for tp, start in starts.items()}
        for tp in positions:
            self._forget(tp)
        await self._seek_in_consumer(positions)
        self._expected |= positions
        self._committed_offset.update(positions)
        resets = {TP(*tp): start.offset for tp, start in starts.items() if start.reason}
        # The old commit says nothing about such a log: replace it even if no record arrives.
        if resets and not await self._commit(resets):
            # Retry before anything is fetched: until Kafka has the new commit, the old one is valid.
            self._replaced |= resets.keys()
            starts = {tp: start for tp, start in starts.items() if not start.reason}
        self.seen.begin(starts)
        # The group monitor may have reported them again before Kafka had the commit.
        self._replaced -= {TP(*tp) for tp in starts}
        self._app_context.resets.report(starts)

    def _forget(self, tp: TP) -> None:
        """Forget what was delivered of a partition: its position or its owner changes."""
        self._expected.pop(tp, None)
        self._sought_back.pop(tp, None)
        self._replaced.discard(tp)

    async def _continues(self, tp: TP, offset: int) -> bool:
        """Return whether `offset` is the next one of a partition; if not, seek to the one that is."""
        expected = self._expected.setdefault(tp, offset)
        if offset == expected:
            return True
        if self._sought_back.get(tp) == expected:
            # Fetched once more and still missing: the log has no record in between.
            logger.error("%s: offsets %d to %d are missing from the topic", tp, expected, offset - 1)
            self._expected[tp] = offset
            return True
        self._sought_back[tp] = expected
        await self._seek_in_consumer({tp: expected})
        return False

    async def _seek_in_consumer(self, offsets: Mapping[TP, int]) -> None:
        # In the consumer's own thread: Faust's `seek` changes aiokafka's buffers from this thread, during a
        # fetch, which then ends the worker with a KeyError (seen on a busy machine).
        await self._thread.call_thread(self._seek_in_thread, offsets)

    async def _seek_in_thread(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        for tp in offsets.keys() & consumer.assignment():
            consumer.seek(TopicPartition(tp.topic, tp.partition), offsets[tp])


def _topic_partitions(tps: Iterable[TP]) -> list[TopicPartition]:
    return [TopicPartition(tp.topic, tp.partition) for tp in tps]
