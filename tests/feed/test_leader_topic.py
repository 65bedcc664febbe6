"""The leader's topic is deleted and recreated. A broker that recreates topics by itself hides it."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from iss_agents.config.settings import Settings
from iss_agents.feed import leader_election
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.topics import FEED_LEADER, Topic
from tests.feed.test_leader_election import working
from tests.waiting import until


async def delete(url: str, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=url)
    await admin.start()
    await admin.delete_topics([topic.name])
    await admin.close()


async def test_a_leader_leads_on_while_its_topic_is_deleted_and_recreated(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_election, "METADATA_MS", 300)
    async with working(kafka_url) as worker:
        await until(lambda: worker.told == ["gained"])
        consumer = worker.leadership._consumer
        assert consumer
        await delete(kafka_url, FEED_LEADER)
        await until(lambda: not consumer.assignment() and not consumer.partitions_for_topic(FEED_LEADER.name))
        await provision_topics(Settings(kafka_url=kafka_url))
        await until(lambda: bool(consumer.assignment()))

        assert worker.told == ["gained"]
