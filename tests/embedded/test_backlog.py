"""What an earlier run left unfinished."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from iss_agents.embedded.backlog import before, published
from iss_agents.feed.outgoing import Outgoing
from iss_agents.feed.takeover import open_spools
from iss_agents.topics import GAPS, RAW


async def test_readings_behind_the_commit_of_the_group_are_unfinished(kafka_url: str, tmp_path: Path) -> None:
    await raw_topic(kafka_url)
    first = await before(kafka_url, tmp_path, "backlog-trial")
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        for number in range(5):
            last = await producer.send_and_wait(RAW.name, b"%d" % number, partition=3)
    second = await before(kafka_url, tmp_path, "backlog-trial")
    assert (second.unfinished, second.published) == (first.unfinished + 5, first.published + 5)
    assert await published(kafka_url, seconds=10) == second.published

    async with AIOKafkaConsumer(
        bootstrap_servers=kafka_url, group_id="backlog-trial", enable_auto_commit=False
    ) as consumer:
        partition = TopicPartition(RAW.name, 3)
        consumer.assign([partition])
        earliest = (await consumer.beginning_offsets([partition]))[partition]
        await consumer.commit({partition: last.offset})

    third = await before(kafka_url, tmp_path, "backlog-trial")
    assert third.unfinished == second.unfinished - (last.offset - earliest)


async def test_only_readings_in_the_spool_are_unfinished(kafka_url: str, tmp_path: Path) -> None:
    await raw_topic(kafka_url)
    first = await before(kafka_url, tmp_path, "spool-trial")
    [spool] = open_spools(tmp_path, 1 << 20)
    spool.append([Outgoing(topic.name, 0, None, b"1", 0.0) for topic in (RAW, RAW, GAPS)])

    second = await before(kafka_url, tmp_path, "spool-trial")
    assert (second.unfinished, second.published) == (first.unfinished + 2, first.published)
    spool.close()


async def raw_topic(kafka_url: str) -> None:
    """Create the raw topic unless another test of this run has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    if RAW.name not in await admin.list_topics():
        await admin.create_topics([NewTopic(RAW.name, RAW.partitions, 1)])
    await admin.close()
