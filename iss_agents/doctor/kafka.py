"""Whether Kafka answers, and the connection that the other checks of it use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from iss_agents.doctor.findings import Finding, NotLookedAt, failing, ok
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_trouble import trouble
from iss_agents.settings import Settings

REQUEST_MS = 5_000
AWAY = (KafkaError, OSError, TimeoutError)


async def check(settings: Settings) -> list[Finding]:
    """Return whether Kafka can be reached with these settings."""
    try:
        async with _connected(settings) as admin:
            brokers = (await admin.describe_cluster())["brokers"]
    except AWAY as error:
        return [failing(await trouble(settings, error))]
    return [ok(f"Kafka answers at {','.join(settings.brokers)} and has {len(brokers)} broker(s).")]


@asynccontextmanager
async def asked(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give a client for the length of the block.

    Raises:
        NotLookedAt: Kafka does not answer.
    """
    try:
        async with _connected(settings) as admin:
            yield admin
    except AWAY as error:
        raise NotLookedAt(f"Kafka could not be asked ({type(error).__name__})") from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka_access(settings), request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
