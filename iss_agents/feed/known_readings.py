"""Known readings: the last one of each item before a feed begins, from the changelog of the Table `last_seen`.

A value that has not changed for a year is sent again with every session, and its time stamp has no year: unless
it is known, it would become a reading of today.
"""

import asyncio
import logging

import msgspec

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.reader import TopicReader, open_reader
from iss_agents.telemetry.records import Reading, decoder
from iss_agents.telemetry.series import TEST
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG

logger = logging.getLogger(__name__)

READ_SECONDS = 3.0
"""Nothing is received meanwhile. The oldest changes are read first, and only they matter: a value that has
changed within a year gets the right year anyway."""


class _Value(msgspec.Struct):
    """The part of a value of `last_seen` that is needed."""

    reading: Reading


decode_value = decoder(_Value)


async def known_readings(settings: Settings) -> dict[str, Reading]:
    """Return the last known reading by item, without test readings, as far as Kafka returns them in time."""
    changes: dict[bytes, bytes] = {}
    try:
        async with asyncio.timeout(READ_SECONDS), open_reader(settings) as reader:
            if await reader.has_topic(LAST_SEEN_CHANGELOG):
                await _read(reader, changes)
    except (UserError, TimeoutError):
        # The health reports once why Kafka cannot be read.
        logger.info(
            "The known readings cannot be read from Kafka: one older than a year may be mistaken for a new one"
        )
    readings = filter(None, map(_reading, changes.values()))
    return {reading.item_id: reading for reading in readings if reading.source != TEST}


def _reading(value: bytes) -> Reading | None:
    try:
        return decode_value(value).reading
    except msgspec.DecodeError:
        return None  # written by another program


async def _read(reader: TopicReader, changes: dict[bytes, bytes]) -> None:
    async for records in reader.records(LAST_SEEN_CHANGELOG):
        changes.update({record.key: record.value for record in records if record.value})
