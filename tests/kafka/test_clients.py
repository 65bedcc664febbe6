"""How Kafka clients connect, and that none of the project's does so in a way of its own."""

import ast
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from faust.auth import SASLCredentials, SSLCredentials

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config, faust_credentials, quiet_kafka_logs

ROOT = Path(__file__).parent.parent.parent
SOURCES = [path for folder in ("iss_agents", "web", "tables") for path in (ROOT / folder).rglob("*.py")]


def clients() -> Iterator[tuple[str, ast.Call]]:
    """Yield each place of the code that makes a Kafka client."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and (name.startswith("AIOKafka") or name == "create_conn"):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def is_secured(call: ast.Call) -> bool:
    return any(
        keyword.arg is None and ast.unparse(keyword.value).startswith(("client_config(", "security("))
        for keyword in call.keywords
    )


def test_every_kafka_client_is_given_its_access_by_the_one_place_for_it() -> None:
    places = dict(clients())

    assert len(places) > 15
    assert [place for place, call in places.items() if not is_secured(call)] == []


def test_without_a_user_and_tls_a_client_connects_plainly() -> None:
    assert client_config(Settings(kafka_url="kafka://a:1, b:2")) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    assert faust_credentials(Settings()) is None


def test_user_and_tls_are_the_same_for_direct_clients_and_for_faust(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    settings = Settings.model_validate(
        {
            "kafka_tls": True,
            "kafka_ca_file": tmp_path / "ca.pem",
            "kafka_user": "iss",
            "kafka_password": "secret",
        }
    )

    access, credentials = client_config(settings), faust_credentials(settings)

    context = access.pop("ssl_context")
    assert access == {
        "bootstrap_servers": ["localhost:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "iss",
        "sasl_plain_password": "secret",
    }
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert isinstance(credentials, SASLCredentials)
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (credentials.username, credentials.password) == ("iss", "secret")
    assert credentials.ssl_context is context


@pytest.mark.parametrize(
    ("changes", "protocol", "credentials"),
    [
        ({"kafka_tls": True}, "SSL", SSLCredentials),
        ({"kafka_user": "iss", "kafka_password": "secret"}, "SASL_PLAINTEXT", SASLCredentials),
    ],
)
def test_tls_and_a_user_go_without_each_other(
    changes: dict[str, object], protocol: str, credentials: type[object]
) -> None:
    settings = Settings.model_validate(changes)

    assert client_config(settings)["security_protocol"] == protocol
    assert isinstance(faust_credentials(settings), credentials)


def test_what_aiokafka_says_of_its_connections_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    quiet_kafka_logs()
    logging.getLogger("aiokafka").error('Unable connect to "%s"', "localhost")
    logging.getLogger("aiokafka.producer.sender").warning("Got error produce response")

    assert caplog.records == []
