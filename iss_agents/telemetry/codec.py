"""Codec of Kafka messages: from a message to a record, or to the reason why it cannot be decoded."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from iss_agents.telemetry.records import SCHEMA_VERSION, decoder

LONGEST_ERROR = 4096
"""Characters of an error at most: it may repeat a value of any length."""

Headers = Sequence[tuple[str, bytes]]


class Message(Protocol):
    """The part of a Kafka record that decoding needs. `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: Headers


class DecodeError(ValueError):
    """A message that cannot be decoded. `reason` is `undecodable` or `newer_schema`."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error[:LONGEST_ERROR])
        self.reason = reason


class _Version(msgspec.Struct):
    schema_version: int = 0


class _Versioned(Protocol):
    @property
    def schema_version(self) -> int: ...


Record = TypeVar("Record", bound=_Versioned)

_decode_version = decoder(_Version)


def coordinates(message: Message) -> str:
    """Return `topic:partition:offset`, the permanent name of a message."""
    return f"{message.topic}:{message.partition}:{message.offset}"


def decode_message(decode: Callable[[bytes], Record], message: Message) -> Record:
    """Return the record of a message. Older schema versions are accepted, newer ones are not.

    Raises:
        DecodeError: names the coordinates, the field, the value and what was expected.
    """
    value = message.value or b""
    try:
        record = decode(value)
    except msgspec.DecodeError as error:
        raise DecodeError(_reason(value), f"{coordinates(message)}: {error}") from error
    if record.schema_version > SCHEMA_VERSION:
        raise DecodeError(
            "newer_schema",
            f"{coordinates(message)}: schema_version is {record.schema_version}, "
            f"at most {SCHEMA_VERSION} is known",
        )
    return record


def _reason(value: bytes) -> str:
    # Fields that a newer version has changed look like errors to this one.
    try:
        newer = _decode_version(value).schema_version > SCHEMA_VERSION
    except msgspec.DecodeError:
        return "undecodable"
    return "newer_schema" if newer else "undecodable"
