"""A real Kafka: a plain listener for its operator, one with TLS, users and rights for everybody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from iss_agents.config.settings import Settings, load_settings
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.process import Program

USER, PASSWORD = "worker", "right-password"
OPERATOR, OPERATOR_PASSWORD = "operator", "operators-own"
"""May do everything."""
STRANGER = "stranger"
"""Comes in by PLAIN, and is never given a right."""

LOGIN = "org.apache.kafka.common.security"

SECURE = """\
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={keystore}
listener.name.clients.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.clients.plain.sasl.jaas.config={login}.plain.PlainLoginModule required {users};
listener.name.clients.scram-sha-256.sasl.jaas.config={login}.scram.ScramLoginModule required;
listener.name.clients.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{operator}
"""


class SecureKafka(Kafka):
    """Listens at `url` without security, for its operator, and at `secure_url` with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, free_port())
        self._secure_port = free_port()
        self.secure_url = f"127.0.0.1:{self._secure_port}"
        self.ca_file = folder / "ca.pem"
        self._keystore = folder / "server.pem"

    def certify(self) -> None:
        """Make a CA and the broker's certificate."""
        authority = trustme.CA()
        self.ca_file.parent.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("127.0.0.1")
        chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
        self._keystore.write_bytes(_pkcs8(certificate.private_key_pem.bytes()) + chain)

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        """Run a broker with certificates of its own in a folder."""
        kafka = cls(folder)
        kafka.certify()
        program = kafka.begin()
        try:
            yield kafka
        finally:
            program.stop()

    def begin(self) -> Program:
        """Start, also again, and return when topics can be made."""
        program = self.start(jar_folder(load_settings().home))
        program.wait_until(self.ready)
        return program

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a worker that may come in."""
        return {
            "ISS_KAFKA_URL": self.secure_url,
            "ISS_KAFKA_TLS": "true",
            "ISS_KAFKA_CA_FILE": str(self.ca_file),
            "ISS_KAFKA_USER": USER,
            "ISS_KAFKA_PASSWORD": PASSWORD,
        }

    def settings(self, **changes: object) -> Settings:
        """Return the settings of a worker that may come in, with `changes`."""
        access = {"kafka_url": self.secure_url, "kafka_tls": True, "kafka_ca_file": self.ca_file}
        user = {"kafka_user": USER, "kafka_password": PASSWORD}
        return Settings.model_validate(access | user | changes)

    def _configure(self, data: Path) -> None:
        super()._configure(data)
        plain = self._properties.read_text().replace(
            ",CONTROLLER://", f",CLIENTS://127.0.0.1:{self._secure_port},CONTROLLER://"
        )
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in (USER, STRANGER))
        secure = SECURE.format(keystore=self._keystore, login=LOGIN, users=users, operator=OPERATOR)
        self._properties.write_text(plain + secure)

    def _format_arguments(self) -> list[str]:
        scram = [
            f"--add-scram={mechanism}=[name={user},password={password}]"
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for user, password in ((USER, PASSWORD), (OPERATOR, OPERATOR_PASSWORD))
        ]
        return [*super()._format_arguments(), *scram]


def _pkcs8(key: bytes) -> bytes:
    # The only form of a key that Kafka reads.
    private = load_pem_private_key(key, password=None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
