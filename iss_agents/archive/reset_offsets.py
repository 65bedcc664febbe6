"""Offset reset: makes the stopped archive read Kafka again from a given time; duplicates are recognised."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import client_config, with_timeout
from iss_agents.kafka.diagnosis import explain
from iss_agents.kafka.offsets import Offsets, PartitionPosition, partitions_of
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import ARCHIVE_GROUP


class Rewound(NamedTuple):
    """How many records the archive will read again, of how many partitions."""

    records: int
    partitions: int


async def rewind(settings: Settings, to: datetime) -> Rewound:
    """Reset the group's offsets to the first records at or after `to`, by their time on Kafka.

    An offset never moves forward: that would skip records that were never archived.

    Raises:
        UserError: Kafka does not answer, or an archive is running.
    """
    try:
        await _require_stopped(settings)
        return await _set_back(settings, to)
    except (KafkaError, OSError) as error:
        raise UserError(await explain(settings, error)) from error


async def _require_stopped(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**client_config(settings))
    try:
        await admin.start()
        [description] = await admin.describe_consumer_groups([ARCHIVE_GROUP])
    finally:
        await admin.close()
    if members := _members(description):
        raise UserError(
            f"{members} running archive(s) would undo this; stop the workers with the role archive."
        )


def _members(description: Any) -> int:
    [group] = description.to_object()["groups"]
    return len(group["members"])


async def _set_back(settings: Settings, to: datetime) -> Rewound:
    positions = await _positions(settings)
    consumer = AIOKafkaConsumer(**client_config(settings), group_id=ARCHIVE_GROUP, enable_auto_commit=False)
    try:
        await consumer.start()
        earlier = await _earlier(consumer, positions, to)
        if earlier:
            await consumer.commit(earlier)
    finally:
        await consumer.stop()
    again = sum(positions[partition].next_offset - offset for partition, offset in earlier.items())
    return Rewound(again, len(earlier))


async def _positions(settings: Settings) -> dict[TopicPartition, PartitionPosition]:
    offsets = Offsets(settings)
    archived = set(partitions_of(row.topic for row in DESTINATIONS.values()))
    try:
        # Without a commit, a partition is read from its beginning anyway; its topic may not exist yet.
        committed = await with_timeout(offsets.committed(ARCHIVE_GROUP))
        return await with_timeout(offsets.positions(ARCHIVE_GROUP, archived & set(committed)))
    finally:
        await offsets.close()


async def _earlier(
    consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, PartitionPosition], to: datetime
) -> dict[TopicPartition, int]:
    if not positions:
        return {}
    consumer.assign(list(positions))
    times = await consumer.offsets_for_times(dict.fromkeys(positions, max(milliseconds(to), 0)))
    return {
        partition: found.offset
        for partition, found in times.items()
        if found is not None and found.offset < positions[partition].next_offset
    }
