"""Log faults: topics are deleted and recreated, committed offsets are moved beyond the end."""

from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.topics import FEED_LEADER, RAW, TOPICS, Topic
from iss_agents.tools.soak.context import GUEST, SHORT, SoakContext
from iss_agents.tools.soak.invariants import READ_BY, last_values
from iss_agents.tools.testbed.polling import until

INNER = tuple(topic for topic in TOPICS if topic is not RAW)

BEYOND = (100_000, 1_000_000_000)
"""Records. A smaller distance could be passed before a worker has started, and would go unnoticed."""

PATIENCE_SECONDS = 60.0


async def recreate_raw_topic(context: SoakContext) -> None:
    """The raw topic is deleted once every consumer has read it, and recreated after a while."""
    await _recreate(context, RAW)


async def recreate_topic(context: SoakContext) -> None:
    """The same for any other topic. The Table's owner writes the values of a changelog again."""
    await _recreate(context, context.random.choice(INNER))


async def move_offsets(context: SoakContext) -> None:
    """A group's offset in one partition is set beyond the end of the log while no worker runs."""
    group = context.random.choice(list(READ_BY))
    topic = context.random.choice(list(READ_BY[group]))
    partition = TopicPartition(topic.name, context.random.randrange(topic.partitions))
    context.detail = f" of {group} on {topic.name} {partition.partition}"
    await context.main.end()
    if context.system.worker(GUEST).wanted:
        await context.system.worker(GUEST).end()
    move = partial(_moves, context.system.settings, group, partition, context.random.randint(*BEYOND))
    await until(f"{group} has no member any more", move, PATIENCE_SECONDS)
    context.main.start()


async def _recreate(context: SoakContext, topic: Topic) -> None:
    context.detail, settings = f" {topic.name}", context.system.settings
    async with context.quiet(), open_reader(settings) as reader:
        await context.deleted.keep(reader, topic)
        values = await last_values(reader, topic) if topic.cleanup_policy == "compact" else {}
        if topic is FEED_LEADER:
            context.station.disturb()  # another worker may lead afterwards
        await _delete(settings, topic)
    await context.pass_time(SHORT)
    await provision_topics(settings)
    await until(f"{topic.name} has its values again", partial(_has, settings, topic, values), PATIENCE_SECONDS)


async def _delete(settings: Settings, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(**client_config(settings))
    try:
        await admin.start()
        await admin.delete_topics([topic.name])
    finally:
        await admin.close()


async def _has(settings: Settings, topic: Topic, values: dict[str, object]) -> bool:
    if not values:
        return True
    async with open_reader(settings) as reader:
        return values.keys() <= (await last_values(reader, topic)).keys()


async def _moves(settings: Settings, group: str, partition: TopicPartition, beyond: int) -> bool:
    consumer = AIOKafkaConsumer(**client_config(settings), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.commit({partition: end + beyond})
    except KafkaError:
        return False
    finally:
        await consumer.stop()
    return True
