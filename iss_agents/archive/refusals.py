"""What cannot be archived goes to the invalid topic, with its reason, before its offset is committed."""

import hashlib
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from iss_agents.archive.documents import seen_at
from iss_agents.messages import Message, payload, place
from iss_agents.records import SCHEMA_VERSION, Invalid, encode
from iss_agents.settings import Settings
from iss_agents.topics import INVALID

LARGEST_ERROR = 4096
"""How much of the database's explanation is kept, characters."""


class Refusal(NamedTuple):
    """A message that will never be a document. `reason` is undecodable, newer_schema, or refused by MongoDB."""

    message: Message
    reason: str
    error: str


class Refusals:
    """Sends refused messages to the invalid topic."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; raises KafkaError if Kafka does not answer."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.brokers, client_id="iss-archive", enable_idempotence=True
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer:
            await self._producer.stop()

    async def send(self, refusal: Refusal) -> None:
        """Return when Kafka has the refusal; raises KafkaError if it does not take it."""
        assert self._producer  # noqa: S101 - started before anything is read
        invalid = invalid_record(refusal)
        await self._producer.send_and_wait(
            INVALID.name, encode(invalid), partition=0, headers=_headers(refusal)
        )


def invalid_record(refusal: Refusal) -> Invalid:
    """Return the record of a refusal; its id follows from the message's place, so that a repeat is the same."""
    message = refusal.message
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=hashlib.sha256(f"archive|{place(message)}".encode()).hexdigest(),
        stage="archive",
        reason=refusal.reason,
        error=refusal.error[:LARGEST_ERROR],
        payload=payload(message),
        seen_at=seen_at(message),
    )


def _headers(refusal: Refusal) -> list[tuple[str, bytes]]:
    message = refusal.message
    return [
        ("topic", message.topic.encode()),
        ("partition", str(message.partition).encode()),
        ("offset", str(message.offset).encode()),
        ("error", refusal.error[:LARGEST_ERROR].encode()),
    ]
