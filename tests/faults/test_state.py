"""What a worker has on disk and in the changelogs is lost, and everything is read again from the beginning."""

import shutil

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG, Topic
from iss_agents.tools.soak.invariants import READ_BY
from tests.faults.stage import Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


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
