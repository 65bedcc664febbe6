"""Limits for what aiokafka would wait for without end while Kafka is away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, ProducerClosed

CLOSE_SECONDS = 2.0

ANSWER_SECONDS = 30.0
"""As long as a batch of the feed has: a broker that elects new leaders takes some 10 s."""

Answer = TypeVar("Answer")


async def in_time(call: Awaitable[Answer]) -> Answer:
    """Return what Kafka answers.

    Raises:
        KafkaError: it answers nothing within ANSWER_SECONDS.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await call
    except TimeoutError:
        raise KafkaTimeoutError(f"no answer within {ANSWER_SECONDS:g} s") from None


async def give_up_producer(producer: AIOKafkaProducer) -> None:
    """Give up what is under way and disconnect, within CLOSE_SECONDS."""
    # An idempotent aiokafka producer never gives a batch up, and its `stop` would wait for that.
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await producer.stop()
    except TimeoutError:
        await producer.client.close()
