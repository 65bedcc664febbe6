"""Batch consumer, upper half: acknowledgements, commits and rebalances of delivered batches."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from mode.utils.futures import notify

from iss_agents.kafka.offsets import Commit, fingerprint_of
from iss_agents.streaming.delivery import Delivery, last_of


class FlowStoppedError(Exception):
    """A rebalance began or the worker stops while an agent waits."""


class BatchConsumer(Delivery):
    """Consumer of the agents: the committed offset never passes an unfinished batch."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._commits: dict[TP, Commit] = {}

    def ack(self, message: Message) -> bool:
        """Mark a batch as finished."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def require_flow(self, message: Message) -> None:
        """Return if a batch may begin.

        Raises:
            FlowStoppedError: a rebalance began or the worker stops, now or since the batch was delivered. It is
                redelivered after the batches before it, which may have been interrupted.
        """
        if self.suspend_flow.is_set() or message not in self._delivered.get(message.tp, ()):
            raise FlowStoppedError

    async def sleep_while_flowing(self, seconds: float) -> None:
        """Sleep while processing a batch.

        Raises:
            FlowStoppedError: a rebalance began or the worker stops, and the batch cannot wait any longer.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.suspend_flow.wait(), seconds)
            raise FlowStoppedError

    def abandon(self, message: Message) -> None:
        """Abandon a batch that `FlowStoppedError` interrupted: it is redelivered, and this ack is void."""
        self._unacked_messages.discard(message)
        batches = self._delivered[message.tp]
        while message in batches:
            batches.pop()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self._delivered if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        # A batch stays until Kafka has its commit: a failed commit is repeated.
        batches, committed = self._delivered[tp], self._committed_offset[tp] or 0
        self._acked[tp].clear()  # Faust's compiled streams still fill these
        self._acked_index[tp].clear()
        while batches and batches[0].acked and batches[0].offset < committed:
            batches.popleft()
        end = None
        for message in batches:
            if not message.acked:
                break
            end = message.offset + 1
        return end

    def commit_of(self, tp: TP, offset: int) -> Commit:
        """Return the commit of an offset, with the fingerprint of the batch that ends there, if any."""
        commit = self._commits.get(tp)
        return commit if commit and commit.offset == offset else Commit(offset)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 - Faust's signature
        before = {tp: self._committed_offset[tp] for tp in offsets}
        self._commits = {
            tp: Commit(end, fingerprint_of(last_of(message)))
            for tp, end in offsets.items()
            for message in self._delivered[tp]
            if message.offset + 1 == end
        }
        if await super()._commit_offsets(offsets, start_new_transaction):
            return True
        # Faust records the offsets as committed even if Kafka rejected them.
        self._committed_offset.update(before)
        return False

    def stop_flow(self) -> None:
        """Stop delivering, and drop batches that no agent has begun: Faust may acknowledge them unread."""
        super().stop_flow()
        self._held.clear()
        for tp, batches in self._delivered.items():
            self._delivered[tp] = deque(message for message in batches if message.tracked)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit before the partitions are revoked, and only then forget them."""
        await self._on_partitions_revoked(revoked)
        if self._active_partitions is not None:
            self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        for tp in revoked:
            self._forget(tp)
            self._read_offset.pop(tp, None)
            self._committed_offset.pop(tp, None)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: `_has_room` holds a partition back, and Faust's own method would resume paused ones."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, like `on_buffer_full`."""

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: the watchdog monitors progress.

        Faust would start a task per partition each second, and log a page of guesses about one that stands.
        """


class Transport(driver.Transport):
    """Faust's Kafka transport with the corrected consumer."""

    Consumer = BatchConsumer
