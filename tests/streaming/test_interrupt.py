"""An agent that waits in the midst of a list must not hold up a rebalance, and its list must not be lost."""

from collections import deque
from collections.abc import AsyncIterator
from time import monotonic
from typing import cast

import faust
import pytest
from faust.types import TP, ConsumerMessage

from iss_agents.streaming.consumer import BatchConsumer, FlowStoppedError, Transport

HERE = TP("numbers", 0)


@pytest.fixture
async def consumer() -> AsyncIterator[BatchConsumer]:
    app = faust.App("interrupt-test", broker="kafka://127.0.0.1:1", store="memory://")
    app.transport = Transport(app.conf.broker_consumer, app)
    made = cast("BatchConsumer", app.consumer)
    yield made
    made._thread.thread_loop.close()


def delivered(consumer: BatchConsumer, *last_offsets: int) -> list[ConsumerMessage]:
    messages = [
        ConsumerMessage(HERE.topic, HERE.partition, offset, 0.0, 0, None, None, None, None)
        for offset in last_offsets
    ]
    for message in messages:
        message.tracked = True
    consumer._delivered[HERE] = deque(messages)
    return messages


async def test_the_commit_is_the_end_of_the_longest_finished_run(consumer: BatchConsumer) -> None:
    first, second, third = delivered(consumer, 9, 19, 29)
    first.acked = third.acked = True

    assert consumer._new_offset(HERE) == 10
    second.acked = True
    assert consumer._new_offset(HERE) == 30


async def test_a_commit_that_failed_is_made_again(consumer: BatchConsumer) -> None:
    (only,) = delivered(consumer, 9)
    only.acked = True

    assert [consumer._new_offset(HERE), consumer._new_offset(HERE)] == [10, 10]


async def test_a_list_that_waits_when_the_flow_stops_counts_no_more(consumer: BatchConsumer) -> None:
    begun, waiting = delivered(consumer, 9, 19)
    waiting.tracked = False
    consumer.stop_flow()
    begun.acked = waiting.acked = True  # Faust may acknowledge a list that it skips

    assert consumer._new_offset(HERE) == 10


async def test_an_abandoned_list_counts_no_more(consumer: BatchConsumer) -> None:
    finished, abandoned = delivered(consumer, 9, 19)
    finished.acked = True
    consumer.abandon(abandoned)
    abandoned.acked = True

    assert consumer._new_offset(HERE) == 10


async def test_a_sleep_ends_at_once_when_the_flow_stops(consumer: BatchConsumer) -> None:
    consumer.stop_flow()

    with pytest.raises(FlowStoppedError):
        await consumer.sleep_while_flowing(3600)


async def test_a_sleep_while_the_flow_goes_on_lasts_its_time(consumer: BatchConsumer) -> None:
    began = monotonic()
    await consumer.sleep_while_flowing(0.01)

    assert monotonic() - began >= 0.01
