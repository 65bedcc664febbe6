"""Compaction of a changelog fetch: only the newest change of each key is restored."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from aiokafka import ConsumerRecord

from iss_agents.runtime.metrics import INVALID
from iss_agents.telemetry.codec import coordinates
from iss_agents.telemetry.ordering import NO_VALUE, Version, decode_version
from iss_agents.telemetry.records import decoder

logger = logging.getLogger(__name__)

NO_KEY = b'""'
"""A key that no Table has, as JSON."""

decode_key = decoder(str)


def compact(changes: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
    """Return the changes of one partition without those that a later one of the same key replaces.

    A changelog that Kafka has not compacted yet has thousands of each key, and skipping a change takes a tenth
    of the time that restoring it does (measured). A change replaces earlier ones whose version is not greater,
    as in `NewestTable`. The last change always stays: its offset shows that everything has been read. A record
    that is not a change of a Table becomes the tombstone of an unused key.
    """
    kept: list[ConsumerRecord] = []
    greatest: dict[bytes | None, Version] = {}
    for change in reversed(changes):
        version = _version(change)
        if version is None:
            kept.append(change)
        elif version > greatest.get(change.key, NO_VALUE):
            kept.append(change)
            greatest[change.key] = version
    return [change if _is_usable(change) else _reported(change) for change in reversed(kept)]


def tombstone(change: ConsumerRecord) -> ConsumerRecord:
    """Return the change that deletes a key that no Table has, with the offset of `change`."""
    return replace(change, key=NO_KEY, value=None)


def _is_usable(change: ConsumerRecord) -> bool:
    try:
        decode_key(change.key or b"")
    except msgspec.DecodeError:
        return False
    return change.value is None or _version(change) is not None


def _reported(change: ConsumerRecord) -> ConsumerRecord:
    INVALID.labels("agents", "undecodable").inc()
    logger.warning("%s is not a change of a Table and is ignored: %.200r", coordinates(change), change.value)
    return tombstone(change)


def _version(change: ConsumerRecord) -> Version | None:
    try:
        return decode_version(change.value or b"")
    except msgspec.DecodeError:
        return None
