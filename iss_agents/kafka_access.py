"""How every Kafka client of the project connects: the settings as arguments of aiokafka and of Faust."""

import ssl
from functools import cache
from pathlib import Path
from typing import Any

from iss_agents.kafka_settings import KafkaSettings


def kafka_access(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that connect an aiokafka client, whichever it is."""
    return {"bootstrap_servers": settings.brokers, **security(settings)}


def security(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that secure a connection of aiokafka."""
    return {"security_protocol": _protocol(settings), "ssl_context": _tls(settings), **_user(settings)}


def faust_credentials(settings: KafkaSettings) -> Any:
    """Return what Faust calls `broker_credentials`, for all of its own clients."""
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
    # Once a process: each reads the system's certificates, which takes some 10 ms.
    return ssl.create_default_context(cafile=ca_file)
