"""What cannot be archived goes to the invalid topic, with its reason, before its offset is committed."""

from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from iss_agents.archive.documents import seen_at
from iss_agents.kafka_access import kafka_access
from iss_agents.messages import LONGEST_ERROR, Message, invalid_id, origin, payload
from iss_agents.producers import give_up_producer, in_time
from iss_agents.records import SCHEMA_VERSION, Invalid, encode
from iss_agents.settings import Settings
from iss_agents.topics import INVALID


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
            **kafka_access(self._settings), client_id="iss-archive", enable_idempotence=True
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what Kafka has not taken comes again."""
        if self._producer:
            await give_up_producer(self._producer)

    async def send(self, refusal: Refusal) -> None:
        """Return when Kafka has the refusal; raises KafkaError if it does not take it."""
        assert self._producer  # noqa: S101 - started before anything is read
        value, headers = encode(invalid_record(refusal)), origin(refusal.message, refusal.error)
        await in_time(self._producer.send_and_wait(INVALID.name, value, partition=0, headers=headers))


def invalid_record(refusal: Refusal) -> Invalid:
    """Return the record of a refusal."""
    message = refusal.message
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=invalid_id(message),
        stage="archive",
        reason=refusal.reason,
        error=refusal.error[:LONGEST_ERROR],
        payload=payload(message),
        seen_at=seen_at(message),
    )
