"""Dead letters: list them, and redrive them after a fix."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import time

from aiokafka import AIOKafkaProducer

from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.kafka.clients import abort_producer, start_producer, with_timeout
from iss_agents.kafka.reader import Span, open_reader
from iss_agents.telemetry.dead_letter import RETRIED
from iss_agents.tools.dead_letters.records import DeadLetter, dead_letters
from iss_agents.tools.dead_letters.reprocess import StillInvalidError, redriven


@dataclass(frozen=True)
class Inspected:
    """A dead letter and its outcome: `dead_letters`, `sent again`, or `still invalid` and `why`."""

    dead_letter: DeadLetter
    outcome: str
    why: str = ""


async def inspect(settings: Settings, span: Span, *, retry: bool) -> AsyncIterator[Inspected]:
    """Yield the dead letters of the span; with `retry` redrive those that validate now.

    Ids are derived from the content, so nothing is stored twice.

    Raises:
        UserError: Kafka does not answer, or has no such topic.
    """
    async with open_reader(settings) as reader:
        if not retry:
            async for one in dead_letters(reader, span):
                yield Inspected(one, "kept")
            return
        async with _producer(settings) as producer:
            async for one in dead_letters(reader, span):
                yield await _redrive(producer, one)


async def _redrive(producer: AIOKafkaProducer, one: DeadLetter) -> Inspected:
    try:
        outgoing = redriven(one)
    except StillInvalidError as reason:
        return Inspected(one, "still invalid", str(reason))
    await _send(producer, outgoing, one.invalid_id)
    return Inspected(one, "sent again")


async def _send(producer: AIOKafkaProducer, out: ProducerRecord, invalid_id: str) -> None:
    now = time()
    sent = producer.send_and_wait(
        out.topic,
        out.value,
        out.key,
        out.partition,
        timestamp_ms=int(min(out.ingest_ts or now, now) * 1000),
        headers=[(RETRIED, invalid_id.encode())],
    )
    await with_timeout(sent)


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = await start_producer(settings)
    try:
        yield producer
    finally:
        await abort_producer(producer)
