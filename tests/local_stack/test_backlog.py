"""What an earlier run left unfinished."""

from itertools import chain, repeat
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError

from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.spool_directory import open_spools
from iss_agents.kafka.offsets import PartitionPositions
from iss_agents.kafka.reader import TopicReader
from iss_agents.local_stack import backlog
from iss_agents.local_stack.backlog import before, published
from iss_agents.telemetry.topics import GAPS, RAW, Topic


@pytest.fixture(autouse=True)
def _short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "RETRY_SECONDS", 0.01)


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
    spool.append([ProducerRecord(topic.name, 0, None, b"1", 0.0) for topic in (RAW, RAW, GAPS)])

    second = await before(kafka_url, tmp_path, "spool-trial")
    assert (second.unfinished, second.published) == (first.unfinished + 2, first.published)
    spool.close()


@pytest.mark.parametrize("failures", [1, backlog.ATTEMPTS - 1])
async def test_a_broker_that_has_just_started_is_asked_again(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    await raw_topic(kafka_url)
    first = await before(kafka_url, tmp_path, "young-broker-trial")
    answers = chain(repeat(KafkaTimeoutError("no answer within 5 s"), failures), repeat(None))
    ask = TopicReader.positions

    async def positions(reader: TopicReader, group: str, topics: list[Topic]) -> PartitionPositions:
        if error := next(answers):
            raise error
        return await ask(reader, group, topics)

    monkeypatch.setattr(TopicReader, "positions", positions)
    assert await before(kafka_url, tmp_path, "young-broker-trial") == first


async def raw_topic(kafka_url: str) -> None:
    """Create the raw topic unless another test of this run has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    if RAW.name not in await admin.list_topics():
        await admin.create_topics([NewTopic(RAW.name, RAW.partitions, 1)])
    await admin.close()
