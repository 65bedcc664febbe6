"""From a Kafka message to a record of ours, or to the reason why it is none."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from iss_agents.records import SCHEMA_VERSION, decoder

LARGEST_PAYLOAD = 512 * 1024
"""Bytes of a value that are kept: as base64 they still fit into a record of 1 MiB, Kafka's own limit."""

LONGEST_ERROR = 4096
"""Characters of an error that are kept; it may repeat a value of any length."""

RETRIED = "retried"
"""Header of a message that was sent again: the id under which it is in the invalid topic."""

LONGEST_ID = 64
Headers = Sequence[tuple[str, bytes]]


class Message(Protocol):
    """What is needed of a Kafka record. `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: Headers


class CannotDecode(ValueError):  # noqa: N818 - says what happened
    """A message is none of our records. `reason` is `undecodable` or `newer_schema`."""

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


def place(message: Message) -> str:
    """Return `topic:partition:offset`, which names a message for good."""
    return f"{message.topic}:{message.partition}:{message.offset}"


def payload(message: Message) -> bytes:
    """Return the value as it is kept in the invalid topic."""
    return (message.value or b"")[:LARGEST_PAYLOAD]


def invalid_id(message: Message) -> str:
    """Return the id under which a message is kept that cannot be used.

    It follows from the message's place, so that whichever stage meets it keeps the same one thing. A message
    that was sent again and is no better keeps its first id.
    """
    for name, value in message.headers:
        if name == RETRIED:
            return value.decode(errors="replace")[:LONGEST_ID]
    return hashlib.sha256(place(message).encode()).hexdigest()


def origin(message: Message, error: str) -> Headers:
    """Return the headers of what is kept of a message: where it came from, and what is wrong with it."""
    return [
        ("topic", message.topic.encode()),
        ("partition", str(message.partition).encode()),
        ("offset", str(message.offset).encode()),
        ("error", error[:LONGEST_ERROR].encode()),
    ]


def decode_message(decode: Callable[[bytes], Record], message: Message) -> Record:
    """Return the record of a message. Older schema versions are accepted, newer ones are not.

    Raises:
        CannotDecode: names the place, the field, the value and what was expected.
    """
    value = message.value or b""
    try:
        record = decode(value)
    except msgspec.DecodeError as error:
        raise CannotDecode(_reason(value), f"{place(message)}: {error}") from error
    if record.schema_version > SCHEMA_VERSION:
        raise CannotDecode(
            "newer_schema",
            f"{place(message)}: schema_version is {record.schema_version}, at most {SCHEMA_VERSION} is known",
        )
    return record


def _reason(value: bytes) -> str:
    # A newer record may well have other fields, which then look like errors in this version's.
    try:
        newer = _decode_version(value).schema_version > SCHEMA_VERSION
    except msgspec.DecodeError:
        return "undecodable"
    return "newer_schema" if newer else "undecodable"
