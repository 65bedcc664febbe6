"""Kafka check, and the connection that the other checks of Kafka use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config
from iss_agents.kafka.diagnosis import explain
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok

REQUEST_MS = 5_000
AWAY = (KafkaError, OSError, TimeoutError)


async def check(settings: Settings) -> list[Finding]:
    """Return whether Kafka can be reached with these settings."""
    try:
        async with _connected(settings) as admin:
            brokers = (await admin.describe_cluster())["brokers"]
    except AWAY as error:
        return [failing(await explain(settings, error))]
    return [ok(f"Kafka answers at {','.join(settings.brokers)} and has {len(brokers)} broker(s).")]


@asynccontextmanager
async def asked(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield an admin client during the block.

    Raises:
        NotCheckedError: Kafka does not answer.
    """
    try:
        async with _connected(settings) as admin:
            yield admin
    except AWAY as error:
        raise NotCheckedError(f"Kafka could not be asked ({type(error).__name__})") from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_config(settings), request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
