"""End an aiokafka consumer whatever state Kafka is in."""

import asyncio

from aiokafka import AIOKafkaConsumer

STOP_SECONDS = 3.0


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, if there is one, and disconnect; give up politeness after `STOP_SECONDS`."""
    # In a task of its own: with a lost connection aiokafka's `stop` raises the CancelledError of its own fetch.
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait([stopping], timeout=STOP_SECONDS)
    stopping.cancel()
    await asyncio.wait([stopping])
    if stopping.cancelled() or stopping.exception():
        await consumer._client.close()  # noqa: SLF001 - the rest of `stop`
