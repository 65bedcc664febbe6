"""Kafka clients: their configuration, how they start and stop whatever state Kafka is in, and what they log.

While Kafka is unreachable aiokafka would wait forever and log 25 lines a second; the health reports it once.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, ProducerClosed

from iss_agents.config.kafka import KafkaSettings
from iss_agents.runtime.log_throttle import LogThrottle

CLOSE_SECONDS = 2.0
"""How long a producer may take to disconnect."""

STOP_SECONDS = 3.0
"""How long a consumer may take to leave its group and disconnect."""

REACH_SECONDS = 2.0
"""How long Kafka may take to answer whether it is reachable."""

ANSWER_SECONDS = 30.0
"""As long as a batch of the feed has: electing new partition leaders takes some 10 s."""

METADATA_MS = 5_000
"""How often a consumer in a group refreshes its metadata, and so how soon it notices that a topic was deleted
and recreated. The default of aiokafka is five minutes."""

CONNECTION_LOGGERS = ("aiokafka", "aiokafka.producer.sender")
"""Loggers of aiokafka that report only connections and retries."""

OTHER_LOGGERS = (
    "aiokafka.conn",
    "aiokafka.cluster",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
)

Answer = TypeVar("Answer")


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that connect any aiokafka client."""
    return {"bootstrap_servers": settings.brokers, **security(settings)}


def security(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments for TLS and SASL of an aiokafka client."""
    return {"security_protocol": _protocol(settings), "ssl_context": _tls(settings), **_user(settings)}


def faust_credentials(settings: KafkaSettings) -> Any:
    """Return the `broker_credentials` of Faust, which all of its clients use."""
    from faust.auth import SASLCredentials, SSLCredentials  # noqa: PLC0415 - most commands need no Faust

    context = _tls(settings)
    if settings.kafka_user and settings.kafka_password:
        return SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None


def _protocol(settings: KafkaSettings) -> str:
    transport = "SSL" if settings.kafka_tls else "PLAINTEXT"
    return f"SASL_{transport}" if settings.kafka_user else transport


def _user(settings: KafkaSettings) -> dict[str, str]:
    if not settings.kafka_user or not settings.kafka_password:
        return {}
    return {
        "sasl_mechanism": settings.kafka_mechanism,
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }


def _tls(settings: KafkaSettings) -> ssl.SSLContext | None:
    return _context(settings.kafka_ca_file) if settings.kafka_tls else None


@cache
def _context(ca_file: Path | None) -> ssl.SSLContext:
    # Once per process: creating one reads the system's certificates, which takes some 10 ms.
    return ssl.create_default_context(cafile=ca_file)


async def with_timeout(call: Awaitable[Answer]) -> Answer:
    """Return Kafka's answer.

    Raises:
        KafkaError: there is no answer within ANSWER_SECONDS.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await call
    except TimeoutError:
        raise KafkaTimeoutError(f"no answer within {ANSWER_SECONDS:g} s") from None


async def reaches_kafka(consumer: AIOKafkaConsumer) -> bool:
    """Return whether Kafka answers now; a consumer's other calls do not fail while it is unreachable."""
    # In a task: if the connection is lost, aiokafka may cancel the request, which must not cancel the caller.
    asking = asyncio.create_task(consumer.topics())
    try:
        await asyncio.wait([asking], timeout=REACH_SECONDS)
        return asking.done() and not asking.cancelled() and asking.exception() is None
    finally:
        asking.cancel()


async def start_producer(settings: KafkaSettings, **options: Any) -> AIOKafkaProducer:
    """Return a connected idempotent producer: a retry can neither duplicate nor reorder its records.

    Raises:
        KafkaError, OSError: Kafka does not answer.
    """
    producer = AIOKafkaProducer(**client_config(settings), enable_idempotence=True, **options)
    try:
        await producer.start()
    except BaseException:
        await abort_producer(producer)
        raise
    return producer


async def abort_producer(producer: AIOKafkaProducer) -> None:
    """Abort what is in flight and disconnect, within CLOSE_SECONDS."""
    # An idempotent aiokafka producer never abandons a batch, and its `stop` would wait for it.
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await producer.stop()
    except TimeoutError:
        await producer.client.close()


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, if any, and disconnect; after `STOP_SECONDS` disconnect without leaving."""
    # In a separate task: after a lost connection aiokafka's `stop` raises the CancelledError of its own fetch.
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait([stopping], timeout=STOP_SECONDS)
    stopping.cancel()
    await asyncio.wait([stopping])
    if stopping.cancelled() or stopping.exception():
        await consumer._client.close()  # noqa: SLF001 - the rest of `stop`


def quiet_kafka_logs() -> None:
    """Silence aiokafka's lines about connections, and throttle the rest to one a minute."""
    for name in CONNECTION_LOGGERS:
        logging.getLogger(name).addFilter(_is_critical)
    for name in OTHER_LOGGERS:
        logging.getLogger(name).addFilter(_once_a_minute)


def _is_critical(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.CRITICAL


_once_a_minute = LogThrottle(burst=1)
