"""Messages of one topic into its collection: what is stored, what is there already, what is refused."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from iss_agents import metrics
from iss_agents.archive.database import Database, Document
from iss_agents.archive.destinations import DESTINATIONS, INVALID, READINGS, Destination
from iss_agents.archive.refusals import Refusal, Refusals
from iss_agents.archive.writes import Written, write
from iss_agents.messages import CannotDecode, Message

logger = logging.getLogger(__name__)


async def store(
    database: Database, refusals: Refusals, topic: str, messages: Sequence[Message]
) -> list[Document]:
    """Return the documents when MongoDB has acknowledged every one and Kafka everything refused.

    Raises:
        DatabaseAway: some may be stored; the call can be repeated.
        KafkaError: likewise.
    """
    row = DESTINATIONS[topic]
    documents, sources, refused = _documents(row, messages)
    written = await write(database, row, documents)
    refused += [Refusal(sources[index], "refused", error) for index, error in written.refused.items()]
    await _refuse(row, refusals, refused)
    _count(row, written, refused)
    if row is READINGS and written.stored:
        _observe_latency(documents, datetime.now(UTC))
    return documents


def _documents(
    row: Destination, messages: Sequence[Message]
) -> tuple[list[Document], list[Message], list[Refusal]]:
    documents, sources, refused = [], [], []
    for message in messages:
        try:
            documents.append(row.document(message))
        except CannotDecode as error:
            refused.append(Refusal(message, error.reason, str(error)))
        else:
            sources.append(message)
    return documents, sources, refused


async def _refuse(row: Destination, refusals: Refusals, refused: Sequence[Refusal]) -> None:
    if row is not INVALID:
        await asyncio.gather(*map(refusals.send, refused))
        return
    # Sent to its own topic it would come back and be refused for ever. Kafka keeps it where it is.
    for refusal in refused:
        logger.error("MongoDB refuses a record of the invalid topic: %s", refusal.error)


def _count(row: Destination, written: Written, refused: Sequence[Refusal]) -> None:
    outcomes = {"stored": written.stored, "duplicate": written.duplicates, "invalid": len(refused)}
    for outcome, count in outcomes.items():
        metrics.ARCHIVED.labels(row.topic.name, outcome).inc(count)
    for refusal in refused:
        metrics.INVALID.labels("archive", refusal.reason).inc()


def _observe_latency(documents: Sequence[Document], now: datetime) -> None:
    # One observation a batch, of its oldest reading: one a reading would cost a tenth of all the archive does.
    oldest: datetime = min(document["ingest_ts"] for document in documents)
    metrics.INGEST_TO_PERSIST.observe(max((now - oldest).total_seconds(), 0.0))
