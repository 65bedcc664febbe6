from pathlib import Path

import pytest

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import client_config
from iss_agents.local_stack.kafka import Kafka


def refusal() -> str:
    with pytest.raises(UserError) as failure:
        load_settings()
    return str(failure.value)


def test_a_ca_file_that_is_not_there_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_KAFKA_TLS", "true")
    monkeypatch.setenv("ISS_KAFKA_CA_FILE", "/nowhere/ca.pem")

    sentence = refusal()

    assert sentence.startswith("ISS_KAFKA_CA_FILE is '/nowhere/ca.pem': it cannot be read as certificates (No")
    assert sentence.endswith("give a PEM file that this user may read")


def test_a_ca_file_without_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    monkeypatch.setenv("ISS_KAFKA_TLS", "true")
    monkeypatch.setenv("ISS_KAFKA_CA_FILE", str(tmp_path / "ca.pem"))

    assert "it cannot be read as certificates" in refusal()


def test_a_ca_file_without_tls_would_protect_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("ssl.create_default_context", lambda **_options: None)
    monkeypatch.setenv("ISS_KAFKA_CA_FILE", str(tmp_path))

    assert refusal() == "ISS_KAFKA_CA_FILE is used by TLS only, set ISS_KAFKA_TLS=true too"


@pytest.mark.parametrize(("given", "missing"), [("USER", "PASSWORD"), ("PASSWORD", "USER")])
def test_a_user_and_a_password_belong_together(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    monkeypatch.setenv(f"ISS_KAFKA_{given}", "secret-one")

    assert refusal() == f"Kafka needs a user and a password or neither, set ISS_KAFKA_{missing} too"


def test_an_unknown_mechanism_is_named_with_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_KAFKA_MECHANISM", "GSSAPI")

    assert refusal().startswith("ISS_KAFKA_MECHANISM is 'GSSAPI': Input should be 'PLAIN', 'SCRAM-SHA-256'")


def test_the_embedded_kafka_is_reached_plainly_whatever_is_set_for_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISS_KAFKA_USER", "iss")
    monkeypatch.setenv("ISS_KAFKA_PASSWORD", "secret")
    monkeypatch.setenv("ISS_KAFKA_TLS", "true")
    assert client_config(load_settings())["security_protocol"] == "SASL_SSL"

    for name, value in Kafka(tmp_path, 1234).variables().items():
        monkeypatch.setenv(name, value)

    plain = {"bootstrap_servers": ["127.0.0.1:1234"], "security_protocol": "PLAINTEXT", "ssl_context": None}
    assert client_config(load_settings()) == plain
