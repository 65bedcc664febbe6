"""Batch consumer, lower half: dispatch of fetched records to the agents, one event per batch."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.conductor import Conductor
from faust.transport.consumer import ensure_TP, ensure_TPset
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from iss_agents.streaming.compaction import tombstone
from iss_agents.streaming.fetching import ConsumerThread
from iss_agents.streaming.positions import Positions

if TYPE_CHECKING:
    from faust.tables.manager import TableManager

logger = logging.getLogger(__name__)

Records = Sequence[ConsumerRecord]

MAX_BATCH_RECORDS = 2_000
"""Records of one batch at most, so that an agent lets others run between batches."""

FETCH_SECONDS = 1.0
"""How long to wait for a fetch that returns records."""

NOTHING_READ = -1
"""Offset of the last record that Faust has read of a changelog, if none was: it asks where the log begins."""

HELD_SECONDS = 0.025
"""How often to check whether a full buffer has room again."""


class ChangelogReader(Protocol):
    """The part of a Table that its changelog is restored to."""

    def restore(self, changes: Sequence[ConsumerRecord]) -> None:
        """Apply changes of one partition, in the order of their offsets."""


class Delivery(Positions):
    """Delivers batches: `event.value` is the sequence of records, `event.message.offset` the last offset."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._delivered: defaultdict[TP, deque[Message]] = defaultdict(deque)
        self._held: dict[TP, Records] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        stopped = cast("Service", fetcher)._stopped.is_set  # noqa: SLF001
        try:
            while not (self.should_stop or stopped()):
                await self._fetch_and_deliver()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _fetch_and_deliver(self) -> None:
        if not self.flow_active:
            await self.wait(cast("Any", self.can_resume_flow))
        generation = self.app.consumer_generation_id
        await self._restart_replaced()
        records = await self._fetch()
        if not self.flow_active or self._seeking or generation != self.app.consumer_generation_id:
            await self._put_back(records)
            return
        await self._deliver_held()
        for partition, batch in records.items():
            await self._deliver(ensure_TP(partition), batch)

    async def _fetch(self) -> dict[Any, Records]:
        active = self._get_active_partitions() - self._held.keys() - self._replaced
        if not active:
            await self.sleep(HELD_SECONDS)
            return {}
        timeout = HELD_SECONDS if self._held else FETCH_SECONDS
        try:
            return cast("dict[Any, Records]", await self._getmany(active, timeout))
        except OffsetOutOfRangeError as error:
            await self._out_of_range(ensure_TPset(error.args[0]))
        except NoOffsetForPartitionError:
            pass  # a rebalance: a seek follows
        return {}

    async def _out_of_range(self, tps: set[TP]) -> None:
        self.read_again(tp for tp in tps if self._is_batched(tp))
        changelogs = {tp for tp in tps if not self._is_batched(tp)}
        if changelogs:
            await self._restore_again(changelogs)

    async def _restore_again(self, changelogs: set[TP]) -> None:
        # Faust would wait for offsets that no longer exist, so its recovery restarts with what there is.
        logger.warning("Restarting the recovery from %s, whose records were removed meanwhile", changelogs)
        await self._seek_in_consumer(await self.earliest_offsets(*changelogs))
        recovery = cast("TableManager", self.app.tables).recovery
        for tp in changelogs:
            recovery.active_offsets[tp] = NOTHING_READ
        recovery.signal_recovery_start.set()

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the ends of changelogs. One that ends before what was read of it is another log.

        The topic was recreated: its recovery begins with its first record. Faust would end the process, which
        alone still has the values.
        """
        ends = await super().highwaters(*partitions)
        offsets = cast("TableManager", self.app.tables).recovery.active_offsets
        for tp, end in ends.items():
            if (offsets.get(tp) or 0) >= (end or 0):
                offsets[tp] = NOTHING_READ
        return ends

    def _forget(self, tp: TP) -> None:
        super()._forget(tp)
        self._delivered.pop(tp, None)
        self._held.pop(tp, None)

    async def _put_back(self, records: dict[Any, Records]) -> None:
        # A rebalance began during the fetch. Its records may belong to the new assignment already, and recovery
        # would wait forever for changelog records that nobody delivers.
        await self._thread.call_thread(self._rewind, records)

    async def _rewind(self, records: dict[Any, Records]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        for partition in records.keys() & consumer.assignment():
            batch = records[partition]
            untouched = await consumer.position(partition) == batch[-1].offset + 1
            if untouched:
                consumer.seek(partition, batch[0].offset)

    async def _deliver_held(self) -> None:
        for tp in list(self._held):
            # A rebalance during the delivery of another partition has forgotten what is held of this one.
            if records := self._held.pop(tp, None):
                await self._deliver_batches(tp, records)

    async def _deliver(self, tp: TP, records: Records) -> None:
        if not self._is_batched(tp):
            await self._deliver_changes(tp, records)
            return
        fresh = [record for record in records if record.offset >= self._expected.get(tp, 0)]
        if fresh and await self._continues(tp, fresh[0].offset):
            await self._deliver_batches(tp, fresh)

    async def _deliver_batches(self, tp: TP, records: Records) -> None:
        for start in range(0, len(records), MAX_BATCH_RECORDS):
            batch = records[start : start + MAX_BATCH_RECORDS]
            if not self.flow_active:
                return
            if not self._has_room(tp):
                self._held[tp] = records[start:]
                return
            await self._hand_over(tp, self._batch_message(tp, batch))

    def _has_room(self, tp: TP) -> bool:
        channels = cast("Conductor", self.app.topics)._tp_index.get(tp)  # noqa: SLF001
        is_full = any(channel.queue.full() for channel in channels or ())
        return bool(channels) and self.app.flow_control.is_active() and not is_full

    async def _hand_over(self, tp: TP, message: Message) -> None:
        # With room and an active flow the callback does not wait, so no rebalance begins meanwhile: there is no
        # need for Faust's four tasks a message, which watch for one.
        self._delivered[tp].append(message)
        await self.callback(message)
        self._expected[tp] = message.offset + 1
        self.seen.add(TopicPartition(tp.topic, tp.partition), last_of(message))

    async def _deliver_changes(self, tp: TP, changes: Records) -> None:
        """Restore the changes of one fetch; a single event lets Faust's recovery see how far it is."""
        recovery = cast("TableManager", self.app.tables).recovery
        if not (self.flow_active and tp in recovery.active_tps):
            return
        read = recovery.active_offsets[tp]
        unread = [change for change in changes if read is None or change.offset > read]
        if unread:
            cast("ChangelogReader", recovery.tp_to_table[tp]).restore(unread)
            # What has been restored is not read again, even if a rebalance stops the event.
            recovery.active_offsets[tp] = unread[-1].offset
        # A rebalance suspends the flow while this waits; then the event is not put, and no offset advances.
        event = self._to_message(tp, tombstone(changes[-1]))
        await self.wait_first(self._put_event(tp, event), self.suspend_flow.wait())

    async def _put_event(self, tp: TP, message: Message) -> None:
        await self.callback(message)
        self._read_offset[tp] = message.offset

    def _batch_message(self, tp: TP, batch: Records) -> ConsumerMessage:
        message = self._to_message(tp, batch[-1])
        message.key, message.value = None, cast("Any", batch)
        return message


def last_of(message: Message) -> ConsumerRecord:
    """Return the last record of a batch."""
    return cast("Records", message.value)[-1]
