"""Batch processing of an agent: a batch is finished as a whole, or redelivered."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from faust.types import TP, EventT, StreamT

from iss_agents.runtime.fail_fast import fail_fast
from iss_agents.runtime.metrics import AGENT_BATCH_RECORDS
from iss_agents.streaming.app import StreamingApp
from iss_agents.streaming.consumer import FlowStoppedError

logger = logging.getLogger(__name__)

Work = Callable[[EventT[Any]], Coroutine[Any, Any, None]]


def batches_of(batches: StreamT[Any]) -> AsyncIterator[EventT[Any]]:
    """Yield the batches of an agent's stream, which `run_batch` acknowledges.

    Faust would acknowledge a batch whose agent is cancelled halfway, and so lose it.
    """
    stream: Any = batches  # `noack` is missing in StreamT
    events: AsyncIterator[EventT[Any]] = stream.noack().events()
    return events


async def run_batch(app: StreamingApp, event: EventT[Any], work: Work) -> None:
    """Do `work` on one batch and acknowledge it.

    A batch that waits, or would begin, during a rebalance is abandoned and redelivered. Any other failure ends
    the process: no later batch may be processed before this one.
    """
    try:
        app.fence.check()
        app.batch_consumer.require_flow(event.message)
        AGENT_BATCH_RECORDS.labels(event.message.topic).observe(len(event.value))
        await work(event)
    except FlowStoppedError:
        app.batch_consumer.abandon(event.message)
    except Exception as error:
        message = event.message
        logger.critical("A batch was not finished", exc_info=error)
        fail_fast("%s %s up to offset %s cannot be finished", message.topic, message.partition, message.offset)
    event.ack()


class PartitionExecutor:
    """Runs `work` on batches concurrently, but only one of each partition at a time.

    So the outputs of one fetch reach Kafka in one or two requests, instead of one for each partition.
    """

    def __init__(self, group: asyncio.TaskGroup, work: Work) -> None:
        self._group = group
        self._work = work
        self._under_way: dict[TP, asyncio.Task[None]] = {}

    async def run(self, event: EventT[Any]) -> None:
        """Start on a batch as soon as the previous batch of its partition is finished."""
        tp = event.message.tp
        if earlier := self._under_way.get(tp):
            await asyncio.wait([earlier])
            if earlier.cancelled():
                fail_fast("%s %s: a batch was cancelled, and the next one must not overtake it", *tp)
        self._under_way[tp] = self._group.create_task(self._work(event))
