"""Create the topics that are missing, mend their settings, and refuse those that cannot be mended."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NodeNotReadyError, TopicAlreadyExistsError, for_code

from iss_agents.backoff import delays
from iss_agents.errors import UserError
from iss_agents.health import Health
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_trouble import trouble
from iss_agents.settings import Settings
from iss_agents.topics import DAY_MS, TOPICS, Topic

logger = logging.getLogger(__name__)

REPLICAS = 3
"""Copies of each partition where there are as many brokers."""

COMPACT_SEGMENT_MS = 600_000
COMPACT_SEGMENT_BYTES = 1 << 20
"""The least that Redpanda and Kafka 4 allow. What is not yet compacted, some 2,000 changes of each of twelve
partitions, is read in 2 s when a worker starts."""

REQUEST_SECONDS = 5
SET_ON_TOPIC = 1
"""`config_source` of a value that was set on the topic itself (Kafka protocol, DescribeConfigs)."""


Outcome = Literal["created", "found", "changed"]


@dataclass(frozen=True)
class Checked:
    """What was found of one topic and what was done about it."""

    topic: Topic
    outcome: Outcome

    def row(self) -> dict[str, object]:
        """Return what a person or a program is shown of it; `retention_ms` is None for compacted topics."""
        wanted = wanted_configuration(self.topic)
        return {
            "topic": self.topic.name,
            "partitions": self.topic.partitions,
            "cleanup_policy": wanted["cleanup.policy"],
            "retention_ms": int(wanted["retention.ms"]) if "retention.ms" in wanted else None,
            "outcome": self.outcome,
        }


async def ensure_topics(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[Checked]:
    """Make every topic what it is declared to be. Any number of workers may do so at once.

    Raises:
        UserError: a topic has another number of partitions; more would move items to another one.
        KafkaError, OSError, TimeoutError: Kafka did not answer.
    """
    admin = AIOKafkaAdminClient(**kafka_access(settings), request_timeout_ms=REQUEST_SECONDS * 1000)
    try:
        await admin.start()
        known = await _partitions(admin)
        created = await _create(admin, [topic for topic in topics if topic.name not in known])
        _require_partitions(await _partitions(admin), topics)
        changed = await _mend(admin, [topic for topic in topics if topic.name not in created])
    finally:
        await admin.close()
    return [Checked(topic, _outcome(topic.name, created, changed)) for topic in topics]


async def check_topics(settings: Settings) -> list[Checked]:
    """Do as `ensure_topics`, for a person who waits for the answer.

    Raises:
        UserError: a topic has another number of partitions, or Kafka did not answer within 5 s.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await ensure_topics(settings)
    except (KafkaError, OSError, TimeoutError) as error:
        raise UserError(await trouble(settings, error)) from error


async def wait_for_kafka(settings: Settings, health: Health) -> list[Checked]:
    """Return the checked topics as soon as Kafka answers, however long that takes; say once that it is away.

    Raises:
        UserError: a topic has another number of partitions.
    """
    for pause in delays(0.5, 5):
        try:
            checked = await ensure_topics(settings)
        except (KafkaError, OSError, TimeoutError) as error:
            health.bad("kafka", await trouble(settings, error))
            await asyncio.sleep(pause)
        else:
            health.good("kafka", f"Kafka answers at {','.join(settings.brokers)}")
            return checked
    raise AssertionError("delays never end")


def wanted_configuration(topic: Topic) -> dict[str, str]:
    """Return the settings that a topic must have. A compacted topic keeps the last record of a key for ever.

    Kafka neither deletes nor compacts a segment that is still written to, by default for a week or a GiB: a
    worker that starts would read every change of a week, at 70 readings/s for an hour (80 us each, measured).
    """
    if topic.cleanup_policy == "compact":
        segments = {"segment.ms": str(COMPACT_SEGMENT_MS), "segment.bytes": str(COMPACT_SEGMENT_BYTES)}
        return {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", **segments}
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "segment.ms": str(DAY_MS),
    }


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    # All topics: a question for one by name creates it on a broker with auto.create.topics.enable.
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> set[str]:
    if not topics:
        return set()
    copies = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
    new = [
        NewTopic(topic.name, topic.partitions, copies, topic_configs=wanted_configuration(topic))
        for topic in topics
    ]
    try:
        answer = await admin.create_topics(new)
    except AttributeError as without_controller:
        # aiokafka asks for the id of a controller that a starting cluster has not chosen yet.
        raise NodeNotReadyError("the cluster has no controller yet") from without_controller
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message}")
    await _until_known(admin, topics)
    logger.info("Created the topics %s", ", ".join(topic.name for topic in topics))
    return {topic.name for topic in topics}


async def _until_known(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    names = {topic.name for topic in topics}
    async with asyncio.timeout(REQUEST_SECONDS):
        while names - (await _partitions(admin)).keys():  # noqa: ASYNC110 - the broker sends no event
            await asyncio.sleep(0.05)


def _require_partitions(partitions: Mapping[str, int], topics: Sequence[Topic]) -> None:
    for topic in topics:
        has = partitions[topic.name]
        if has != topic.partitions:
            raise UserError(
                f"The topic {topic.name} has {has} partitions and needs {topic.partitions}: "
                "keep what you need of it, delete it, and start again."
            )


async def _mend(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> set[str]:
    answers = await admin.describe_configs([_resource(topic, None) for topic in topics])
    found = {answer[3]: answer[4] for response in answers for answer in response.resources}
    changed = {topic: change for topic in topics if (change := _change(topic, found[topic.name]))}
    if not changed:
        return set()
    await admin.alter_configs([_resource(topic, change) for topic, change in changed.items()])
    for topic in changed:
        logger.warning("Set the topic %s to %s", topic.name, wanted_configuration(topic))
    return {topic.name for topic in changed}


def _resource(topic: Topic, configuration: Mapping[str, str] | None) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic.name, configuration)


def _change(topic: Topic, entries: Sequence[Any]) -> dict[str, str]:
    # AlterConfigs replaces all settings of a topic, so those that somebody else has set go along.
    values = {name: value for name, value, *_ in entries}
    # Redpanda does not know all of them: it compacts whatever the share of what is new.
    wanted = {name: value for name, value in wanted_configuration(topic).items() if name in values}
    if wanted.items() <= values.items():
        return {}
    own = {name: value for name, value, _read_only, source, *_ in entries if source == SET_ON_TOPIC}
    return own | wanted


def _outcome(name: str, created: set[str], changed: set[str]) -> Outcome:
    if name in created:
        return "created"
    return "changed" if name in changed else "found"
