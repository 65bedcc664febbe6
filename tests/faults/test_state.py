"""What a worker has on disk and in the changelogs is lost, and everything is read again from the beginning."""

import json
import shutil

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from iss_agents.soak.numbers import NUMBERED_ITEMS
from iss_agents.soak.oracle import READ_BY
from iss_agents.soak.patience import until
from iss_agents.topics import LAST_SEEN_CHANGELOG, Topic, partition_for
from iss_agents.verification.bus import look_at
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CHANGES = 250
"""Changes of each item: 3.8 MiB in each partition, of which all but the newest segment is compacted."""


async def test_a_worker_whose_folder_was_wiped_goes_on(stage: Stage) -> None:
    await stage.worker.kill()
    shutil.rmtree(stage.worker.home)
    stage.worker.home.mkdir()
    stage.worker.start()
    await stage.recovered("worker killed, its folder wiped")

    assert await stage.differences() == []


async def test_everything_is_read_again_from_the_beginning_and_nothing_changes(stage: Stage) -> None:
    await stage.recovered("nothing")
    await stage.worker.end()
    await _read_again(stage, "iss-agents", "iss-archive")
    stage.worker.start()
    await stage.recovered("both groups reset to the beginning")

    assert await stage.differences() == []


async def test_a_changelog_that_was_emptied_is_filled_again_by_a_replay(stage: Stage) -> None:
    await stage.recovered("nothing")
    await stage.worker.end()
    await _empty(stage, LAST_SEEN_CHANGELOG)
    await _read_again(stage, "iss-agents")
    stage.worker.start()
    await stage.recovered("changelog emptied and replayed")

    assert await stage.differences() == []


async def test_a_changelog_is_compacted_soon_so_that_a_start_takes_seconds_for_ever(stage: Stage) -> None:
    await stage.worker.kill()
    first, last = (_changes(number) for number in (0, CHANGES - 1))
    async with AIOKafkaProducer(bootstrap_servers=stage.system.settings.brokers, linger_ms=5) as producer:
        for number in range(CHANGES):
            for item, change in _changes(number).items():
                key, partition = json.dumps(item).encode(), partition_for(item)
                await producer.send(LAST_SEEN_CHANGELOG.name, change, key, partition=partition)
        await producer.flush()

    async def kept() -> set[bytes]:
        async with look_at(stage.system.settings) as bus:
            return {record.value async for records in bus.records(LAST_SEEN_CHANGELOG) for record in records}

    async def compacted() -> bool:
        return not (await kept()).intersection(first.values())

    await until("what was changed first is gone", compacted, SETTLE_SECONDS)
    assert set(last.values()) <= await kept()


def _changes(number: int) -> dict[str, bytes]:
    """Return item -> a change of it, of the size of a real one."""
    return {
        item: b'{"sequence": %d, "item": "%s", "padding": "%s"}' % (number, item.encode(), b"x" * 500)
        for item in NUMBERED_ITEMS
    }


async def _read_again(stage: Stage, *groups: str) -> None:
    for group in groups:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=stage.system.settings.brokers, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        partitions = [partition for topic in READ_BY[group] for partition in _partitions(topic)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
        await consumer.stop()


async def _empty(stage: Stage, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.system.settings.brokers)
    await admin.start()
    await admin.delete_topics([topic.name])
    await admin.close()


def _partitions(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]
