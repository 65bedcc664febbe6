"""Topic administration: creates missing topics, corrects settings, rejects a wrong number of partitions."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NodeNotReadyError, TopicAlreadyExistsError, for_code

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import client_config
from iss_agents.kafka.diagnosis import explain
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import DAY_MS, TOPICS, Topic

logger = logging.getLogger(__name__)

REPLICAS = 3
"""Replicas of each partition, if there are as many brokers."""

COMPACT_SEGMENT_MS = 600_000
COMPACT_SEGMENT_BYTES = 1 << 20
"""The minimum of Redpanda and Kafka 4. What is not compacted yet, some 2,000 changes in each of twelve
partitions, is read in 2 s when a worker starts."""

COMPACTION_LAG_MS = 60_000
"""All values of a key are kept this long, longer than a dead worker's partitions wait for their next owner: it
must find the newest value, though the last one may be older (`NewestTable`)."""

REQUEST_SECONDS = 5
SET_ON_TOPIC = 1
"""`config_source` of a value that was set on the topic itself (Kafka protocol, DescribeConfigs)."""


Outcome = Literal["created", "found", "changed"]


@dataclass(frozen=True)
class TopicStatus:
    """State of one topic, and what was done about it."""

    topic: Topic
    outcome: Outcome

    def row(self) -> dict[str, object]:
        """Return the row of the `topics` command; `retention_ms` is None for compacted topics."""
        wanted = wanted_configuration(self.topic)
        return {
            "topic": self.topic.name,
            "partitions": self.topic.partitions,
            "cleanup_policy": wanted["cleanup.policy"],
            "retention_ms": int(wanted["retention.ms"]) if "retention.ms" in wanted else None,
            "outcome": self.outcome,
        }


async def provision_topics(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[TopicStatus]:
    """Make every topic match its declaration. Any number of workers may do so concurrently.

    Raises:
        UserError: a topic has a different number of partitions; adding some would move items to others.
        KafkaError, OSError, TimeoutError: Kafka did not answer.
    """
    admin = AIOKafkaAdminClient(**client_config(settings), request_timeout_ms=REQUEST_SECONDS * 1000)
    try:
        await admin.start()
        known = await _partitions(admin)
        created = await _create(admin, [topic for topic in topics if topic.name not in known])
        _require_partitions(await _partitions_once_known(admin, topics), topics)
        changed = await _correct_settings(admin, [topic for topic in topics if topic.name not in created])
    finally:
        await admin.close()
    return [TopicStatus(topic, _outcome(topic.name, created, changed)) for topic in topics]


async def check_topics(settings: Settings) -> list[TopicStatus]:
    """Provision the topics as `provision_topics` does, for a person who waits for the answer.

    Raises:
        UserError: a topic has a different number of partitions, or Kafka did not answer within 5 s.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await provision_topics(settings)
    except (KafkaError, OSError, TimeoutError) as error:
        raise UserError(await explain(settings, error)) from error


async def wait_for_kafka(settings: Settings, health: Health) -> list[TopicStatus]:
    """Return the provisioned topics as soon as Kafka answers, however long that takes.

    Raises:
        UserError: a topic has a different number of partitions.
    """
    pauses = delays(0.5, 5)
    while True:
        try:
            checked = await provision_topics(settings)
        except (KafkaError, OSError, TimeoutError) as error:
            health.down("kafka", await explain(settings, error))
            await asyncio.sleep(next(pauses))
        else:
            health.up("kafka", f"Kafka answers at {','.join(settings.brokers)}")
            return checked


def wanted_configuration(topic: Topic) -> dict[str, str]:
    """Return the settings that a topic must have. A compacted topic keeps the last record of a key forever.

    Kafka neither deletes nor compacts the active segment, by default for a week or 1 GiB: a worker that starts
    would read every change of a week, which takes an hour at 70 readings/s (80 us each, measured).
    """
    if topic.cleanup_policy == "compact":
        return {
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.01",
            "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
            "segment.ms": str(COMPACT_SEGMENT_MS),
            "segment.bytes": str(COMPACT_SEGMENT_BYTES),
        }
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "segment.ms": str(DAY_MS),
    }


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    # All topics: asking for one by name creates it on a broker with auto.create.topics.enable.
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
        # aiokafka asks for the id of the controller, which a starting cluster has not elected yet.
        raise NodeNotReadyError("the cluster has no controller yet") from without_controller
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message}")
    logger.info("Created the topics %s", ", ".join(topic.name for topic in topics))
    return {topic.name for topic in topics}


async def _partitions_once_known(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> Mapping[str, int]:
    """Return the partitions of each topic once a broker knows all: they learn of a topic one by one."""
    names = {topic.name for topic in topics}
    async with asyncio.timeout(REQUEST_SECONDS):
        while names - (known := await _partitions(admin)).keys():  # noqa: ASYNC110 - the broker sends no event
            await asyncio.sleep(0.05)
    return known


def _require_partitions(partitions: Mapping[str, int], topics: Sequence[Topic]) -> None:
    for topic in topics:
        has = partitions[topic.name]
        if has != topic.partitions:
            raise UserError(
                f"The topic {topic.name} has {has} partitions and needs {topic.partitions}: "
                "save what you need of it, delete it, and start again."
            )


async def _correct_settings(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> set[str]:
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
    # AlterConfigs replaces all settings of a topic, so those that somebody else has set are sent along.
    values = {name: value for name, value, *_ in entries}
    # Redpanda does not know all of them: it compacts at any dirty ratio.
    wanted = {name: value for name, value in wanted_configuration(topic).items() if name in values}
    if wanted.items() <= values.items():
        return {}
    own = {name: value for name, value, _read_only, source, *_ in entries if source == SET_ON_TOPIC}
    return own | wanted


def _outcome(name: str, created: set[str], changed: set[str]) -> Outcome:
    if name in created:
        return "created"
    return "changed" if name in changed else "found"
