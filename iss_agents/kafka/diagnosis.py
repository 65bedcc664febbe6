"""Diagnosis of Kafka errors: one sentence that says what to correct.

aiokafka reports "Unable to bootstrap" for any reason, so the brokers are probed once more.
"""

import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from iss_agents.config.kafka import KafkaSettings
from iss_agents.kafka.clients import security

PROBE_MS = 2_000

AUTHORIZATION_ERRORS = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""The only permanent errors of a write. A wrong clock, a missing right or a producer that a broker has
forgotten can be put right by a person or a new producer, so such a write is retried. The errors' own
`retriable` does not make this distinction."""

SET_USER = "if it requires a user, set ISS_KAFKA_USER and ISS_KAFKA_PASSWORD"

DISCONNECTS = (ssl.SSLError, ConnectionError, KafkaConnectionError)
"""Errors of a client whose broker expects something else, for example TLS, and disconnects."""


def describe(error: BaseException) -> str:
    """Return the text of an error, and what to check if the text does not say so."""
    if isinstance(error, InvalidTimestampError):
        return f"{error}: is a clock wrong, this machine's or Kafka's?"
    return str(error) or type(error).__name__


async def explain(settings: KafkaSettings, error: BaseException) -> str:
    """Return a sentence that explains the error of a Kafka client and says what to do."""
    if refused := await explain_misconfiguration(settings, error):
        return refused
    where = ",".join(settings.brokers)
    return f"Kafka cannot be used at {where} ({describe(error)}): start it or set ISS_KAFKA_URL."


async def explain_misconfiguration(settings: KafkaSettings, error: BaseException) -> str:
    """Return what is wrong with settings or rights, or an empty text if Kafka is just unreachable."""
    if isinstance(error, AUTHORIZATION_ERRORS):
        user = settings.kafka_user or "without a name"
        return f"Kafka does not let the user {user} do this ({error}): see its rights in docker/README.md."
    if isinstance(error, KafkaConnectionError | OSError):
        for server in settings.brokers:
            if refused := await _probe(settings, server):
                return refused
    return ""


async def _probe(settings: KafkaSettings, server: str) -> str:
    host, _, port = server.rpartition(":")
    try:
        connection = await create_conn(
            host.strip("[]"), int(port), request_timeout_ms=PROBE_MS, **security(settings)
        )
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        return _explain_connection(settings, server, error)
    try:
        # To a client without a user a broker tells only its version: it disconnects at the next request.
        await connection.send(MetadataRequest([]))
    except (KafkaError, TimeoutError):
        return "" if settings.kafka_user else f"Kafka at {server} disconnects: {SET_USER}."
    finally:
        connection.close()
    return ""


def _explain_connection(settings: KafkaSettings, server: str, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return ""
    if isinstance(error, SaslAuthenticationFailed):
        return f"Kafka at {server} rejects user or password: correct ISS_KAFKA_USER, ISS_KAFKA_PASSWORD."
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"Kafka at {server} does not support {settings.kafka_mechanism}: correct ISS_KAFKA_MECHANISM."
    if isinstance(error, IllegalSaslStateError):
        return f"Kafka at {server} requires no user: unset ISS_KAFKA_USER, ISS_KAFKA_PASSWORD."
    return _explain_transport(settings, server, error)


def _explain_transport(settings: KafkaSettings, server: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of Kafka at {server} is not trusted ({error.verify_message}): "
            "set ISS_KAFKA_CA_FILE to the file of its CA, or ISS_KAFKA_URL to a name in the certificate."
        )
    if not isinstance(error, DISCONNECTS):
        return ""
    if settings.kafka_tls:
        return (
            f"Kafka at {server} disconnects before TLS begins: correct ISS_KAFKA_URL, "
            "or set ISS_KAFKA_TLS=false if it does not use TLS."
        )
    return f"Kafka at {server} disconnects: set ISS_KAFKA_TLS=true if that is its TLS port."
