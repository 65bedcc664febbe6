"""Sink: writes the messages of a topic into its collection, and dead letters to the invalid topic."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from iss_agents.archive.bulk_write import Written, write
from iss_agents.archive.destinations import DESTINATIONS, GAPS, INVALID, READINGS, Destination
from iss_agents.archive.gap_ends import end_open_gaps
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.text_ids import not_stored
from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import abort_producer, start_producer, with_timeout
from iss_agents.runtime import metrics
from iss_agents.telemetry.codec import DecodeError, Message
from iss_agents.telemetry.dead_letter import dead_letter, origin_headers
from iss_agents.telemetry.records import encode

logger = logging.getLogger(__name__)

QUERY_MS = 5_000


class Rejection(NamedTuple):
    """A message that cannot be stored. `reason` is undecodable, newer_schema, or refused (by MongoDB)."""

    message: Message
    reason: str
    error: str


class Stored(NamedTuple):
    """Documents of a batch that MongoDB has; `repeats` had been stored before, each with its message."""

    new: list[Document]
    repeats: list[tuple[Message, Document]]


class DeadLetters:
    """Dead-letter producer: sends rejected messages to the invalid topic."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; raises KafkaError if Kafka does not answer."""
        self._producer = await start_producer(self._settings, client_id="iss-archive")

    async def stop(self) -> None:
        """Disconnect; dead letters that Kafka has not acknowledged are sent again with their batch."""
        producer, self._producer = self._producer, None
        if producer:
            await abort_producer(producer)

    async def send(self, rejection: Rejection) -> None:
        """Return when Kafka has the refusal; raises KafkaError if it does not take it."""
        if self._producer is None:
            await self.start()
        assert self._producer  # noqa: S101 - started just now at the latest
        message, reason, error = rejection
        value = encode(dead_letter(message, "archive", reason, error, seen_at=datetime.now(UTC)))
        headers = origin_headers(message, error)
        try:
            await with_timeout(
                self._producer.send_and_wait(INVALID.topic.name, value, partition=0, headers=headers)
            )
        except KafkaError:
            # The sequence number of the failed record is used up: only a new producer can go on.
            await self.stop()
            raise


async def store(
    database: Database,
    dead_letters: DeadLetters,
    topic: str,
    messages: Sequence[Message],
    text_ids: datetime | None = None,
) -> Stored:
    """Store messages; return the documents, once MongoDB has acknowledged them and Kafka the dead letters.

    `text_ids` is the time of ingest before which readings may have been stored by an earlier version.

    Raises:
        DatabaseUnavailableError: some may be stored; the call can be repeated.
        KafkaError: likewise.
    """
    row = DESTINATIONS[topic]
    documents, sources, rejected = _documents(row, messages)
    written = await _write(database, row, documents, text_ids)
    if row is GAPS:
        await end_open_gaps(database, QUERY_MS)
    rejected += [Rejection(sources[index], "refused", error) for index, error in written.rejected.items()]
    await _send_dead_letters(row, dead_letters, rejected)
    _count(row, written, rejected)
    if row is READINGS and written.stored:
        _observe_latency(documents, datetime.now(UTC))
    old = written.rejected.keys() | written.repeats
    new = [document for index, document in enumerate(documents) if index not in old]
    return Stored(new, [(sources[index], documents[index]) for index in sorted(written.repeats)])


async def _write(
    database: Database, row: Destination, documents: Sequence[Document], text_ids: datetime | None
) -> Written:
    if row is not READINGS or text_ids is None:
        return await write(database, row.collection, documents, row.operation)
    indexes = await not_stored(database, documents, text_ids)
    written = await write(database, row.collection, [documents[index] for index in indexes], row.operation)
    rejected = {indexes[index]: reason for index, reason in written.rejected.items()}
    found = frozenset(range(len(documents))) - frozenset(indexes)
    repeats = found | {indexes[index] for index in written.repeats}
    return Written(written.stored, written.duplicates + len(found), rejected, repeats)


def _documents(
    row: Destination, messages: Sequence[Message]
) -> tuple[list[Document], list[Message], list[Rejection]]:
    documents, sources, rejected = [], [], []
    for message in messages:
        try:
            documents.append(row.document(message))
        except DecodeError as error:
            rejected.append(Rejection(message, error.reason, str(error)))
        else:
            sources.append(message)
    return documents, sources, rejected


async def _send_dead_letters(
    row: Destination, dead_letters: DeadLetters, rejected: Sequence[Rejection]
) -> None:
    if row is not INVALID:
        await asyncio.gather(*map(dead_letters.send, rejected))
        return
    # In its own topic it would be read and rejected again for ever. It stays in Kafka where it is.
    for rejection in rejected:
        logger.error("MongoDB refuses a record of the invalid topic: %s", rejection.error)


def _count(row: Destination, written: Written, rejected: Sequence[Rejection]) -> None:
    outcomes = {"stored": written.stored, "duplicate": written.duplicates, "invalid": len(rejected)}
    for outcome, count in outcomes.items():
        metrics.ARCHIVED.labels(row.topic.name, outcome).inc(count)
    for rejection in rejected:
        metrics.INVALID.labels("archive", rejection.reason).inc()


def _observe_latency(documents: Sequence[Document], now: datetime) -> None:
    # One observation per batch, of its oldest reading: one per reading would take a tenth of its time.
    oldest: datetime = min(document["ingest_ts"] for document in documents)
    metrics.INGEST_TO_PERSIST.observe(max((now - oldest).total_seconds(), 0.0))
