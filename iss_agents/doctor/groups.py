"""Whether somebody consumes, and how far behind, and whether somebody runs each shard of the feed."""

from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, for_code

from iss_agents.application import GROUP as AGENTS
from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.intake import GROUP as ARCHIVE
from iss_agents.doctor.findings import Finding, ok, warning
from iss_agents.doctor.kafka import REQUEST_MS, asked
from iss_agents.feed.leadership import group_of
from iss_agents.kafka_access import kafka_access
from iss_agents.settings import Role, Settings
from iss_agents.shard import Shard
from iss_agents.topics import EVENTS, RAW, WATER, Topic

MUCH = 50_000
"""Records behind: twelve minutes of the public feed at 70/s, far more than a restart leaves."""


class Group(NamedTuple):
    """A consumer group, the role whose workers are in it, and what they read."""

    name: str
    role: Role
    topics: tuple[Topic, ...]


GROUPS = (
    Group(AGENTS, "agents", (RAW, WATER, EVENTS)),
    Group(ARCHIVE, "archive", tuple(row.topic for row in DESTINATIONS.values())),
)


async def check(settings: Settings) -> list[Finding]:
    """Return which groups have no member or are far behind."""
    shards = settings.feed_shard.siblings if settings.feed == "leader" else []
    async with asked(settings) as admin:
        ends = await _ends(settings, admin)
        consumers = [await _of(group, admin, ends) for group in GROUPS]
        return consumers + [await _of_feed(shard, admin) for shard in shards]


async def _of_feed(shard: Shard, admin: AIOKafkaAdminClient) -> Finding:
    name, members = group_of(shard), await _members(group_of(shard), admin)
    if not members:
        which = "" if shard.is_whole else f" and ISS_FEED_SHARD={shard}"
        return warning(f"Nobody is in the group {name}: start a worker with the role feed{which}.")
    return ok(f"The group {name} has {members} member(s), one of which runs the feed.")


async def _of(group: Group, admin: AIOKafkaAdminClient, ends: dict[TopicPartition, int]) -> Finding:
    behind = await _behind(group, admin, ends)
    members = await _members(group.name, admin)
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


async def _behind(group: Group, admin: AIOKafkaAdminClient, ends: dict[TopicPartition, int]) -> int:
    try:
        offsets = await admin.list_consumer_group_offsets(group.name)
    except GroupCoordinatorNotAvailableError:
        offsets = {}
    names = {topic.name for topic in group.topics}
    done = {each: found.offset for each, found in offsets.items() if found.offset >= 0}
    return sum(max(end - done.get(each, 0), 0) for each, end in ends.items() if each.topic in names)


async def _ends(settings: Settings, admin: AIOKafkaAdminClient) -> dict[TopicPartition, int]:
    names = {topic.name for group in GROUPS for topic in group.topics}
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in await admin.describe_topics()
        if topic["topic"] in names
        for partition in topic["partitions"]
    ]
    if not partitions:
        return {}  # an aiokafka consumer that is stopped at once is cancelled, and whoever stops it too
    consumer = AIOKafkaConsumer(**kafka_access(settings), request_timeout_ms=REQUEST_MS)
    try:
        await consumer.start()
        return dict(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()
