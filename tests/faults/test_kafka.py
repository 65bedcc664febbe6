"""Kafka ends, dies, stands still, is slow, has no disk and loses a topic, under a whole system.

The publisher and its spool are tested in tests/feed/test_publisher.py and
test_killed_publisher.py, a start without Kafka in tests/pipeline.
"""

import asyncio
import resource

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from iss_agents.telemetry.topics import RAW
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.polling import until
from tests.faults.lengths import KAFKA_AWAY_SECONDS, TEST_SECONDS
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(TEST_SECONDS)]


async def test_kafka_is_away_and_the_worker_is_killed_meanwhile(stage: Stage) -> None:
    await processes.end(stage.system.kafka)
    await until("the spool takes the readings", lambda: stage.generator.publisher.spooled, SETTLE_SECONDS)
    await stage.worker.kill()
    await asyncio.sleep(KAFKA_AWAY_SECONDS)
    stage.worker.start()
    await stage.system.start_kafka()
    await stage.recovered(f"Kafka away for {KAFKA_AWAY_SECONDS} s, worker killed meanwhile")

    assert await stage.differences() == []


async def test_kafka_is_killed_and_then_stands_still(stage: Stage) -> None:
    await processes.kill(stage.system.kafka)
    await stage.system.start_kafka()
    await stage.recovered("Kafka killed and started")
    async with processes.halted(stage.system.kafka):
        await asyncio.sleep(KAFKA_AWAY_SECONDS)
    await stage.recovered(f"Kafka halted for {KAFKA_AWAY_SECONDS} s")

    assert await stage.differences() == []


async def test_kafka_is_slow_and_then_has_no_room_on_its_disk(stage: Stage) -> None:
    async with processes.slowed(stage.system.kafka):
        await asyncio.sleep(KAFKA_AWAY_SECONDS)
    await stage.recovered(f"Kafka slow for {KAFKA_AWAY_SECONDS} s")
    broker = stage.system.kafka
    assert broker.pid
    # The disk of a test is not there to be filled: no file of this process grows any more.
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, 1))
    await until("Kafka ends, as it does without a disk", lambda: not broker.running, SETTLE_SECONDS)
    await until("the spool takes the readings", lambda: stage.generator.publisher.spooled, SETTLE_SECONDS)
    await stage.system.start_kafka()
    await stage.recovered("Kafka's disk was full")

    assert await stage.differences() == []


async def test_a_topic_deleted_under_a_running_system_is_named_and_made_anew_by_a_restart(stage: Stage) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.system.settings.brokers)
    await admin.start()
    await admin.delete_topics([RAW.name])
    await admin.close()

    async def is_named() -> bool:
        health = await stage.worker.document("/healthz")
        topics = health["parts"].get("topics", {"ok": True})
        return not topics["ok"] and RAW.name in topics["detail"]

    await until("the health names the topic", is_named, SETTLE_SECONDS)
    await stage.worker.end()
    stage.worker.start()
    await stage.recovered("raw topic deleted, worker started again")
