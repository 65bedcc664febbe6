"""A consumer, Faust's own or the corrected one, whose fetches are written down instead of read from Kafka."""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import faust
from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import Start
from iss_agents.runtime.health import Health

HERE, THERE = TP("numbers", 0), TP("letters", 0)


class Buffer:
    """The buffer of a topic's agent, as the conductor knows it: it takes messages, unless it is full."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()
        self.queue = SimpleNamespace(full=lambda: not self.room.is_set())


class Script:
    """A consumer that stands at the committed offset 10 of HERE and THERE, and what it has delivered.

    `given`: partition -> offsets in the order in which agents got them. `sought`: where it moved by itself.
    """

    def __init__(self, transport: type[driver.Transport]) -> None:
        app = faust.App("scripted", broker="kafka://127.0.0.1:1", store="memory://")
        app.transport = transport(app.conf.broker_consumer, app)
        self.consumer: Any = app.consumer
        self.buffers = {tp: Buffer() for tp in (HERE, THERE)}
        self.given: dict[TP, list[int]] = {HERE: [], THERE: []}
        self.committed = 10
        self.sought: list[int] = []
        self._messages: list[tuple[ConsumerMessage, list[int]]] = []
        self._fetches: asyncio.Queue[dict[TP, list[ConsumerRecord]]] = asyncio.Queue()
        self._waits = asyncio.Event()
        self._stand_in(app)

    def _stand_in(self, app: Any) -> None:
        app.topics._acking_topics.update(tp.topic for tp in self.buffers)
        app.topics._tp_index.update({tp: {buffer} for tp, buffer in self.buffers.items()})
        app.producer.flush = _done
        app.flow_control.resume()
        app.resets = OffsetResets(Health(), "offsets")
        consumer = self.consumer
        consumer.callback = self._take
        consumer.assignment = lambda: set(self.buffers)
        consumer.highwater = lambda _tp: 1_000
        consumer.seek_to_committed = self._seek_to_committed
        consumer._starts = self._starts
        consumer._getmany = self._fetch
        consumer._active_partitions = set(self.buffers)
        consumer._thread.call_thread = self._move

    async def start(self) -> None:
        """Seek and begin to fetch."""
        await self.consumer.perform_seek()
        self._draining = asyncio.create_task(self.consumer._drain_messages(Service()))
        await self._waits.wait()

    async def stop(self) -> None:
        self._draining.cancel()
        await asyncio.gather(self._draining, return_exceptions=True)
        self.consumer._thread.thread_loop.close()

    def fetch(self, tp: TP, offsets: Sequence[int]) -> None:
        """Let the next fetch bring these records of a partition."""
        self._waits.clear()
        self._fetches.put_nowait({tp: [_record(tp, offset) for offset in offsets]})

    async def fetched(self, tp: TP, offsets: Sequence[int]) -> None:
        """Let the next fetch bring these records, and return when the consumer asks for more."""
        self.fetch(tp, offsets)
        await self._waits.wait()

    def stand_still(self, seconds: float) -> None:
        """Let no agent have taken anything in all the time since the consumer started."""
        state = SimpleNamespace(timestamp=monotonic() * 1_000, highwater=1_000, position=10)
        assignment = SimpleNamespace(active=True, state_value=lambda _tp: state)
        subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
        fetcher = SimpleNamespace(_subscriptions=subscriptions)
        self.consumer._thread._ensure_consumer = lambda: SimpleNamespace(_fetcher=fetcher)
        self.consumer._thread.time_started = monotonic() - seconds

    def finish(self, *offsets: int) -> None:
        """Acknowledge the messages whose records are all among `offsets`."""
        for message, held in self._messages:
            if set(held) <= set(offsets):
                self.consumer.ack(message)

    def new_offset(self) -> int | None:
        """Return what the consumer would commit of HERE now."""
        return cast("int | None", self.consumer._new_offset(HERE))

    async def _take(self, message: ConsumerMessage) -> None:
        await self.buffers[message.tp].room.wait()
        value: Any = message.value
        offsets = [record.offset for record in value] if isinstance(value, list) else [message.offset]
        message.tracked = True
        self.given[message.tp] += offsets
        self._messages.append((message, offsets))

    async def _fetch(self, active_partitions: Any, timeout: float) -> dict[TP, list[ConsumerRecord]]:  # noqa: ARG002, ASYNC109
        if self._fetches.empty():
            self._waits.set()
        try:
            return await asyncio.wait_for(self._fetches.get(), timeout)
        except TimeoutError:
            return {}

    async def _seek_to_committed(self) -> dict[TP, int]:
        return dict.fromkeys(self.buffers, self.committed)

    async def _starts(self, tps: Iterable[TP]) -> dict[TP, Start]:
        return {tp: Start(self.committed) for tp in tps}

    async def _move(self, _function: Any, offsets: dict[TP, int]) -> None:
        self.sought.append(offsets[HERE])


async def _done() -> None:
    """Stand in for what has nothing to do here."""


def _record(tp: TP, offset: int) -> ConsumerRecord:
    return ConsumerRecord(tp.topic, tp.partition, offset, 0, 0, None, b"", None, 0, 0, ())
