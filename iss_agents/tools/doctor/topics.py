"""Topic check: existence, partitions, configuration and replicas, compared with the declaration."""

from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import REPLICAS, wanted_configuration
from iss_agents.telemetry.topics import TOPICS, Topic
from iss_agents.tools.doctor.findings import Finding, failing, ok, warning
from iss_agents.tools.doctor.kafka import asked

MEND = "run `iss-agents topics`"
NO_LEADER = -1


async def check(settings: Settings) -> list[Finding]:
    """Return what of each topic is not as `topics.py` declares it."""
    async with asked(settings) as admin:
        # All topics: a question for one by name creates it on a broker with auto.create.topics.enable.
        found = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
        there = [topic for topic in TOPICS if topic.name in found]
        settings_of = await _configurations(admin, there)
        brokers = len((await admin.describe_cluster())["brokers"])
    wrong = [_missing(topic, settings) for topic in TOPICS if topic not in there]
    for topic in there:
        wrong += _of_partitions(topic, found[topic.name], min(REPLICAS, brokers))
        wrong += _of_configuration(topic, settings_of[topic.name])
    return wrong or [ok(f"All {len(TOPICS)} topics are as they should be.")]


def _missing(topic: Topic, settings: Settings) -> Finding:
    if settings.kafka_user:
        sentence = f"The topic {topic.name} is missing, or the user {settings.kafka_user} may not see it"
        return failing(f"{sentence}: {MEND}, or see its rights in docker/README.md.")
    return failing(f"The topic {topic.name} is missing: {MEND}.")


async def _configurations(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    answers = await admin.describe_configs(resources) if resources else []
    found = {}
    for code, message, _, topic, entries in (each for answer in answers for each in answer.resources):
        if code:
            raise for_code(code)(message)
        found[topic] = {name: value for name, value, *_ in entries}
    return found


def _of_partitions(topic: Topic, partitions: list[dict[str, Any]], copies: int) -> list[Finding]:
    wrong = []
    if len(partitions) != topic.partitions:
        sentence = f"The topic {topic.name} has {len(partitions)} partitions and needs {topic.partitions}"
        wrong += [failing(f"{sentence}: keep what you need of it, delete it, and {MEND}.")]
    if any(partition["leader"] == NO_LEADER for partition in partitions):
        wrong += [
            failing(f"The topic {topic.name} has partitions without a leader: start the missing brokers.")
        ]
    elif any(len(partition["isr"]) < len(partition["replicas"]) for partition in partitions):
        wrong += [warning(f"The topic {topic.name} lacks copies: start the missing brokers.")]
    if any(len(partition["replicas"]) < copies for partition in partitions):
        sentence = f"The topic {topic.name} has fewer than {copies} copies"
        wrong += [warning(f"{sentence}: raise them with `kafka-reassign-partitions`.")]
    return wrong


def _of_configuration(topic: Topic, has: Mapping[str, str]) -> list[Finding]:
    # Redpanda does not know all of the settings.
    wanted = {name: value for name, value in wanted_configuration(topic).items() if name in has}
    wrong = [name for name, value in wanted.items() if has[name] != value]
    if not wrong:
        return []
    sentence = f"The topic {topic.name} has {_joined(wrong, has)} and needs {_joined(wrong, wanted)}"
    return [failing(f"{sentence}: {MEND}.")]


def _joined(names: list[str], values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={values[name]}" for name in names)
