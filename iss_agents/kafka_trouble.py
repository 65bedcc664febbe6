"""Why Kafka cannot be used, in a sentence that names what to correct.

aiokafka says "Unable to bootstrap" whatever the reason is, so the brokers are asked once more.
"""

import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from iss_agents.kafka_access import security
from iss_agents.settings import Settings

ASK_MS = 2_000

NOT_ALLOWED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
WANTS_USER = "if it wants a user, set ISS_KAFKA_USER and ISS_KAFKA_PASSWORD"

HUNG_UP = (ssl.SSLError, ConnectionError, KafkaConnectionError)
"""What a client sees whose broker expected something else, for example TLS, and hung up."""


async def trouble(settings: Settings, error: BaseException) -> str:
    """Return the sentence for a person who has seen `error` of a Kafka client."""
    if sentence := await refusal(settings, error):
        return sentence
    problem = str(error) or type(error).__name__
    return f"Kafka cannot be used at {','.join(settings.brokers)} ({problem}): start it or set ISS_KAFKA_URL."


async def refusal(settings: Settings, error: BaseException) -> str:
    """Return what is wrong with settings or rights, or nothing if Kafka is just away."""
    if isinstance(error, NOT_ALLOWED):
        user = settings.kafka_user or "without a name"
        return (
            f"Kafka does not let the user {user} do this ({error}): give it the rights that the README lists."
        )
    if isinstance(error, KafkaConnectionError | OSError):
        for server in settings.brokers:
            if sentence := await _refusal(settings, server):
                return sentence
    return ""


async def _refusal(settings: Settings, server: str) -> str:
    host, _, port = server.rpartition(":")
    try:
        connection = await create_conn(
            host.strip("[]"), int(port), request_timeout_ms=ASK_MS, **security(settings)
        )
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        return _sentence(settings, server, error)
    try:
        # A broker tells whoever comes without a user only its version, and hangs up at the next question.
        await connection.send(MetadataRequest([]))
    except (KafkaError, TimeoutError):
        return "" if settings.kafka_user else f"Kafka at {server} hangs up: {WANTS_USER}."
    finally:
        connection.close()
    return ""


def _sentence(settings: Settings, server: str, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return ""
    if isinstance(error, SaslAuthenticationFailed):
        return f"Kafka at {server} refuses user or password: correct ISS_KAFKA_USER, ISS_KAFKA_PASSWORD."
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"Kafka at {server} does not take {settings.kafka_mechanism}: correct ISS_KAFKA_MECHANISM."
    if isinstance(error, IllegalSaslStateError):
        return f"Kafka at {server} asks for no user: unset ISS_KAFKA_USER, ISS_KAFKA_PASSWORD."
    return _of_transport(settings, server, error)


def _of_transport(settings: Settings, server: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of Kafka at {server} is not trusted ({error.verify_message}): "
            "set ISS_KAFKA_CA_FILE to the file of its CA, or ISS_KAFKA_URL to a name that it is for."
        )
    if not isinstance(error, HUNG_UP):
        return ""
    if settings.kafka_tls:
        return (
            f"Kafka at {server} hangs up before TLS begins: correct ISS_KAFKA_URL, "
            "or set ISS_KAFKA_TLS=false if it does not speak it."
        )
    return f"Kafka at {server} hangs up: set ISS_KAFKA_TLS=true if that is its TLS port."
