"""List what is invalid, and send it again after a fix."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import time

from aiokafka import AIOKafkaProducer

from iss_agents.feed.outgoing import Outgoing
from iss_agents.invalids.again import StillInvalid, sent_again
from iss_agents.invalids.kept import Kept, kept
from iss_agents.kafka_access import kafka_access
from iss_agents.messages import RETRIED
from iss_agents.producers import give_up_producer, in_time
from iss_agents.settings import Settings
from iss_agents.verification.bus import Span, look_at


@dataclass(frozen=True)
class Seen:
    """One thing that is invalid. `outcome` is `kept`, `sent again`, or `still invalid` and `why`."""

    kept: Kept
    outcome: str
    why: str = ""


async def seen(settings: Settings, span: Span, *, retry: bool) -> AsyncIterator[Seen]:
    """Yield what was found invalid in the span; with `retry` send again what validates now.

    Ids follow from what is sent, so what is stored already is not stored twice.

    Raises:
        UserError: Kafka does not answer, or has no such topic.
    """
    async with look_at(settings) as bus:
        if not retry:
            async for one in kept(bus, span):
                yield Seen(one, "kept")
            return
        async with _sending(settings) as producer:
            async for one in kept(bus, span):
                yield await _again(producer, one)


async def _again(producer: AIOKafkaProducer, one: Kept) -> Seen:
    try:
        outgoing = sent_again(one)
    except StillInvalid as reason:
        return Seen(one, "still invalid", str(reason))
    await _send(producer, outgoing, one.invalid_id)
    return Seen(one, "sent again")


async def _send(producer: AIOKafkaProducer, out: Outgoing, invalid_id: str) -> None:
    now = time()
    sent = producer.send_and_wait(
        out.topic,
        out.value,
        out.key,
        out.partition,
        timestamp_ms=int(min(out.ingest_ts or now, now) * 1000),
        headers=[(RETRIED, invalid_id.encode())],
    )
    await in_time(sent)


@asynccontextmanager
async def _sending(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**kafka_access(settings), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        yield producer
    finally:
        await give_up_producer(producer)
