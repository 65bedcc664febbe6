"""Let the archive read the bus again from a time on; what it has already is found to be a duplicate."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.intake import GROUP
from iss_agents.errors import UserError
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_trouble import trouble
from iss_agents.settings import Settings
from iss_agents.station_clock import milliseconds


class Rewound(NamedTuple):
    """How far the offsets went back: records between where the group stood and stands, and their partitions."""

    records: int
    partitions: int


async def rewind(settings: Settings, to: datetime) -> Rewound:
    """Set the group's offsets back to the first records at or after `to`, by their time on Kafka.

    An offset never goes forward: that would skip records that were never archived.

    Raises:
        UserError: Kafka does not answer, its topics are missing, or an archive is running.
    """
    try:
        await _require_stopped(settings)
        return await _set_back(settings, to)
    except KafkaError as error:
        raise UserError(await trouble(settings, error)) from error


async def _require_stopped(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**kafka_access(settings))
    try:
        await admin.start()
        [description] = await admin.describe_consumer_groups([GROUP])
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
    consumer = AIOKafkaConsumer(**kafka_access(settings), group_id=GROUP, enable_auto_commit=False)
    try:
        await consumer.start()
        committed = await _committed(consumer)
        earlier = await _earlier(consumer, committed, to)
        if earlier:
            await consumer.commit(earlier)
    finally:
        await consumer.stop()
    again = sum(committed[partition] - offset for partition, offset in earlier.items())
    return Rewound(again, len(earlier))


async def _committed(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    # What has no offset yet is read from its beginning anyway.
    partitions = [
        TopicPartition(row.topic.name, number)
        for row in DESTINATIONS.values()
        for number in range(row.topic.partitions)
    ]
    consumer.assign(partitions)
    offsets = {partition: await consumer.committed(partition) for partition in partitions}
    return {partition: offset for partition, offset in offsets.items() if offset is not None}


async def _earlier(
    consumer: AIOKafkaConsumer, committed: Mapping[TopicPartition, int], to: datetime
) -> dict[TopicPartition, int]:
    if not committed:
        return {}
    times = await consumer.offsets_for_times(dict.fromkeys(committed, max(milliseconds(to), 0)))
    return {
        partition: found.offset
        for partition, found in times.items()
        if found is not None and found.offset < committed[partition]
    }
