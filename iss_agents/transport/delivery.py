"""From a fetch to the agents: one event is the list of records of one partition."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, cast

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faust.transport.conductor import Conductor
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from iss_agents.transport.changes import still_counting
from iss_agents.transport.thread import ConsumerThread

logger = logging.getLogger(__name__)

Records = Sequence[ConsumerRecord]

LONGEST_LIST = 2_000
"""Records of one event at most, so that an agent lets others run between lists."""

FETCH_SECONDS = 1.0
"""How long to wait for a fetch that brings something."""

HELD_SECONDS = 0.025
"""How often to look whether a full buffer has room again."""


class Delivery(driver.Consumer):
    """Delivers lists of records: `event.value` is the list, `event.message.offset` its last offset."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._expected: dict[TP, int] = {}
        self._delivered: defaultdict[TP, deque[Message]] = defaultdict(deque)
        self._held: dict[TP, Records] = {}
        self._sought_back: dict[TP, int] = {}
        self._seeking = False

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _has_lists(self, tp: TP) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))

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
        records = await self._fetch()
        if not self.flow_active or self._seeking or generation != self.app.consumer_generation_id:
            await self._put_back(records)
            return
        await self._deliver_held()
        for partition, batch in records.items():
            await self._deliver(ensure_TP(partition), batch)

    async def _fetch(self) -> dict[Any, Records]:
        active = self._get_active_partitions() - self._held.keys()
        if not active:
            await self.sleep(HELD_SECONDS)
            return {}
        timeout = HELD_SECONDS if self._held else FETCH_SECONDS
        return cast("dict[Any, Records]", await self._getmany(active, timeout))

    async def _put_back(self, records: dict[Any, Records]) -> None:
        # Partitions moved during the fetch. What it brought may already belong to the new assignment, and
        # recovery would wait for ever for changelog records that nobody delivers.
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
            await self._deliver_lists(tp, self._held.pop(tp))

    async def _deliver(self, tp: TP, records: Records) -> None:
        if not self._has_lists(tp):
            await self._deliver_changes(tp, records)
            return
        fresh = [record for record in records if record.offset >= self._expected.get(tp, 0)]
        if fresh and await self._continues(tp, fresh[0].offset):
            await self._deliver_lists(tp, fresh)

    async def _continues(self, tp: TP, offset: int) -> bool:
        expected = self._expected.setdefault(tp, offset)
        if offset == expected:
            return True
        if self._sought_back.get(tp) == expected:
            # Fetched anew and still not there: retention has deleted what lies between.
            logger.error("%s: offsets %d to %d are gone from the topic", tp, expected, offset - 1)
            self._expected[tp] = offset
            return True
        self._sought_back[tp] = expected
        await self._move({tp: expected})
        return False

    async def _deliver_lists(self, tp: TP, records: Records) -> None:
        for start in range(0, len(records), LONGEST_LIST):
            batch = records[start : start + LONGEST_LIST]
            if not self.flow_active:
                return
            if not self._has_room(tp):
                self._held[tp] = records[start:]
                return
            await self._hand_over(tp, self._list_message(tp, batch))

    def _has_room(self, tp: TP) -> bool:
        channels = cast("Conductor", self.app.topics)._tp_index.get(tp)  # noqa: SLF001
        return bool(channels) and not any(channel.queue.full() for channel in channels or ())

    async def _hand_over(self, tp: TP, message: Message) -> None:
        # A rebalance suspends the flow while this waits; then nothing is delivered and nothing expected.
        await self.wait_first(self._put(tp, message), self.suspend_flow.wait())

    async def _put(self, tp: TP, message: Message) -> None:
        await self.callback(message)
        if self._has_lists(tp):
            self._expected[tp] = message.offset + 1
            self._delivered[tp].append(message)
        else:
            self._read_offset[tp] = message.offset

    async def _deliver_changes(self, tp: TP, records: Records) -> None:
        for record in still_counting(records):
            read = self._read_offset[tp]
            if self.flow_active and (read is None or record.offset >= read):
                await self._hand_over(tp, self._to_message(tp, record))

    def _list_message(self, tp: TP, batch: Records) -> ConsumerMessage:
        message = self._to_message(tp, batch[-1])
        message.key, message.value = None, cast("Any", batch)
        return message

    async def _move(self, offsets: Mapping[TP, int]) -> None:
        # In the consumer's own thread: Faust's `seek` changes aiokafka's buffers from this one, in the midst of
        # a fetch, which then ends the worker with a KeyError (seen on a busy machine).
        await self._thread.call_thread(self._seek_in_thread, offsets)

    async def _seek_in_thread(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        for tp in offsets.keys() & consumer.assignment():
            consumer.seek(TopicPartition(tp.topic, tp.partition), offsets[tp])
