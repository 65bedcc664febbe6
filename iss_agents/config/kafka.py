"""Kafka settings: servers, TLS, user."""

import ssl
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(BaseSettings):
    """How Kafka is reached; part of `Settings`."""

    kafka_url: str = Field("localhost:9092", description="Kafka's bootstrap servers, host:port, comma between")
    kafka_tls: bool = Field(default=False, description="whether Kafka is reached by TLS")
    kafka_ca_file: Path | None = Field(
        default=None, description="PEM file of the CA of Kafka's certificate; those of the system if unset"
    )
    kafka_user: str | None = Field(default=None, description="Kafka's user (SASL)")
    kafka_password: SecretStr | None = Field(default=None, description="password of Kafka's user")
    kafka_mechanism: Mechanism = Field(
        default="SCRAM-SHA-512", description="how the password is sent: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"
    )

    @field_validator("kafka_ca_file", "kafka_user", "kafka_password", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("kafka_ca_file")
    @classmethod
    def _is_readable(cls, file: Path | None) -> Path | None:
        if file is None:
            return None
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:  # ssl.SSLError, too
            raise PydanticCustomError(
                "ca_file",
                "it cannot be read as certificates ({why}); give a PEM file that this user may read",
                {"why": error.strerror or str(error)},
            ) from error
        return file

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.kafka_ca_file and not self.kafka_tls:
            raise ValueError("ISS_KAFKA_CA_FILE is used by TLS only, set ISS_KAFKA_TLS=true too")
        if bool(self.kafka_user) != bool(self.kafka_password):
            missing = "ISS_KAFKA_PASSWORD" if self.kafka_user else "ISS_KAFKA_USER"
            raise ValueError(f"Kafka needs a user and a password or neither, set {missing} too")
        return self

    @property
    def brokers(self) -> list[str]:
        """Kafka's bootstrap servers as host:port."""
        return [server.strip() for server in self.kafka_url.removeprefix("kafka://").split(",")]
