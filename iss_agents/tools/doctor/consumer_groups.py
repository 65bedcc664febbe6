"""Consumer-group check: members and consumer lag of each group, and a member for each shard of the feed."""

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, for_code

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.config.settings import Role, Settings
from iss_agents.feed.leader_election import group_of
from iss_agents.kafka.offsets import Offsets, PartitionPosition
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import AGENTS_GROUP, ARCHIVE_GROUP, EVENTS, RAW, WATER, Topic
from iss_agents.tools.doctor.findings import Finding, ok, warning
from iss_agents.tools.doctor.kafka import asked

MUCH = 50_000
"""Consumer lag in records: twelve minutes of the public feed at 70/s, far more than a restart leaves."""


class Group(NamedTuple):
    """A consumer group, the role of its workers, and the topics they read."""

    name: str
    role: Role
    topics: tuple[Topic, ...]


GROUPS = (
    Group(AGENTS_GROUP, "agents", (RAW, WATER, EVENTS)),
    Group(ARCHIVE_GROUP, "archive", tuple(row.topic for row in DESTINATIONS.values())),
)


async def check(settings: Settings) -> list[Finding]:
    """Return which groups have no member, lag far behind, or have commits beyond the end of a log."""
    shards = settings.feed_shard.siblings if settings.feed == "leader" else []
    async with asked(settings) as admin:
        consumers = [await _of(group, settings, admin) for group in GROUPS]
        return consumers + [await _of_feed(shard, admin) for shard in shards]


async def _of_feed(shard: Shard, admin: AIOKafkaAdminClient) -> Finding:
    name, members = group_of(shard), await _members(group_of(shard), admin)
    if not members:
        which = "" if shard.is_whole else f" and ISS_FEED_SHARD={shard}"
        return warning(f"Nobody is in the group {name}: start a worker with the role feed{which}.")
    return ok(f"The group {name} has {members} member(s), one of which runs the feed.")


async def _of(group: Group, settings: Settings, admin: AIOKafkaAdminClient) -> Finding:
    positions = await _positions(settings, admin, group)
    behind = sum(position.lag for position in positions)
    members = await _members(group.name, admin)
    if any(position.ahead for position in positions):
        sentence = f"The group {group.name} has committed offsets beyond the end of its topics"
        return warning(f"{sentence}: /healthz of its workers says where they read on.")
    if not members:
        return warning(f"Nobody is in the group {group.name}: start a worker with the role {group.role}.")
    if behind > MUCH:
        sentence = f"The group {group.name} is {behind:,} records behind"
        return warning(f"{sentence}: see /healthz of its workers, or add some with the role {group.role}.")
    return ok(f"The group {group.name} has {members} member(s) and is {behind:,} records behind.")


async def _members(name: str, admin: AIOKafkaAdminClient) -> int:
    try:
        [description] = await admin.describe_consumer_groups([name])
    except GroupCoordinatorNotAvailableError:
        return 0  # so says a Kafka that has never had a group
    [group] = description.to_object()["groups"]
    if for_code(group["error_code"]) is GroupAuthorizationFailedError:
        raise GroupAuthorizationFailedError(group["group"])
    return len(group["members"])


async def _positions(
    settings: Settings, admin: AIOKafkaAdminClient, group: Group
) -> Sequence[PartitionPosition]:
    names = {topic.name for topic in group.topics}
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in await admin.describe_topics()
        if topic["topic"] in names
        for partition in topic["partitions"]
    ]
    offsets = Offsets(settings)
    try:
        return list((await offsets.positions(group.name, partitions)).values())
    finally:
        await offsets.close()
