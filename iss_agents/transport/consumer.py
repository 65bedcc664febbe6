"""What becomes of delivered lists: acknowledged, committed, given up when partitions move."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, cast

from faust.types import TP, Message
from mode.utils.futures import notify

from iss_agents.transport.delivery import Delivery


class FlowStopped(Exception):  # noqa: N818 - says what happened
    """Partitions move or the worker stops while an agent waits."""


class ListConsumer(Delivery):
    """The consumer of the agents: the committed offset never passes a list that is not finished."""

    def lag(self, tp: TP) -> int:
        """Return how many records of a partition are not finished and committed."""
        end = self.highwater(tp) or 0
        return max(0, end - self.committed(tp))

    def ack(self, message: Message) -> bool:
        """Mark a list as finished."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def require_flow(self) -> None:
        """Return if a list may begin.

        Raises:
            FlowStopped: partitions move or the worker stops. A list before this one may have been interrupted,
                which this one must not overtake.
        """
        if self.suspend_flow.is_set():
            raise FlowStopped

    async def sleep_while_flowing(self, seconds: float) -> None:
        """Sleep in the midst of a list.

        Raises:
            FlowStopped: partitions move or the worker stops, and the list cannot wait any longer.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.suspend_flow.wait(), seconds)
            raise FlowStopped

    def abandon(self, message: Message) -> None:
        """Give up a list that `FlowStopped` interrupted: it comes again, and its ack counts no more."""
        self._unacked_messages.discard(message)
        lists = self._delivered[message.tp]
        while message in lists:
            lists.pop()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self._delivered if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        # Nothing is taken out before Kafka has it: a commit that fails is made again.
        lists, committed = self._delivered[tp], self._committed_offset[tp] or 0
        self._acked[tp].clear()  # Faust's compiled streams still fill these
        self._acked_index[tp].clear()
        while lists and lists[0].acked and lists[0].offset < committed:
            lists.popleft()
        end = None
        for message in lists:
            if not message.acked:
                break
            end = message.offset + 1
        return end

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 - Faust's signature
        before = {tp: self._committed_offset[tp] for tp in offsets}
        if await super()._commit_offsets(offsets, start_new_transaction):
            return True
        # Faust notes the offsets as committed even if Kafka refused them.
        self._committed_offset.update(before)
        return False

    def committed(self, tp: TP) -> int:
        """Return the committed offset of a partition, 0 if there is none."""
        return self._committed_offset[tp] or 0

    async def perform_seek(self) -> None:
        """Go back to the committed offsets, or to the beginning where nothing is committed."""
        self._seeking = True
        try:
            await super().perform_seek()
            positions = await self._positions()
            for tp in positions:
                self._forget(tp)
            await self._move(positions)
            self._expected.update(positions)
        finally:
            self._seeking = False

    async def _positions(self) -> dict[TP, int]:
        tps = {tp for tp in self.assignment() if self._has_lists(tp)}
        # aiokafka leaves a partition without a commit where it stands, even after records were fetched.
        unknown = {tp for tp in tps if not self._committed_offset[tp]}
        earliest = await self.earliest_offsets(*unknown) if unknown else {}
        return {tp: self._committed_offset[tp] or earliest[tp] for tp in tps}

    def stop_flow(self) -> None:
        """Stop delivering. What no agent has begun counts no more: Faust may acknowledge it unread."""
        super().stop_flow()
        self._held.clear()
        for tp, lists in self._delivered.items():
            self._delivered[tp] = deque(message for message in lists if message.tracked)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit before the partitions are given up, and only then forget about them."""
        await self._on_partitions_revoked(revoked)
        if self._active_partitions is not None:
            self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        for tp in revoked:
            self._forget(tp)
            self._read_offset.pop(tp, None)
            self._committed_offset.pop(tp, None)

    def _forget(self, tp: TP) -> None:
        for of_partition in (self._expected, self._delivered, self._held, self._sought_back):
            cast("dict[TP, Any]", of_partition).pop(tp, None)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: `_has_room` holds a partition back, and Faust's way would activate paused ones."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, like `on_buffer_full`."""
