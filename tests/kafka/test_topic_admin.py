import asyncio
import json
import logging
from time import monotonic

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka import topic_admin
from iss_agents.kafka.commands import topics as topics_command
from iss_agents.kafka.topic_admin import check_topics, provision_topics, wait_for_kafka, wanted_configuration
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import TOPICS, Topic
from tests.waiting import until

DELETED = Topic("check.deleted.v1", partitions=3, retention_ms=3_600_000)
COMPACTED = Topic("check.compacted.v1", partitions=2, cleanup_policy="compact")


async def outcomes(url: str, *topics: Topic) -> list[str]:
    return [checked.outcome for checked in await provision_topics(Settings(kafka_url=url), topics)]


async def configuration(admin: AIOKafkaAdminClient, topic: Topic) -> dict[str, str]:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
    return {name: value for name, value, *_ in answer.resources[0][4]}


async def test_missing_topics_are_created_once_as_declared(kafka_url: str) -> None:
    assert await outcomes(kafka_url, DELETED, COMPACTED) == ["created", "created"]
    assert await outcomes(kafka_url, DELETED, COMPACTED) == ["found", "found"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    deleted, compacted = await configuration(admin, DELETED), await configuration(admin, COMPACTED)
    sizes = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    await admin.close()

    assert wanted_configuration(DELETED) == {
        "cleanup.policy": "delete",
        "retention.ms": "3600000",
        "segment.ms": "86400000",
    }
    assert wanted_configuration(COMPACTED) == {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.01",
        "min.compaction.lag.ms": "60000",
        "segment.ms": "600000",
        "segment.bytes": "1048576",
    }
    assert wanted_configuration(DELETED).items() <= deleted.items()
    assert wanted_configuration(COMPACTED).items() <= compacted.items()
    assert (sizes[DELETED.name], sizes[COMPACTED.name]) == (3, 2)


async def test_other_partitions_are_refused_with_what_to_do(kafka_url: str) -> None:
    await outcomes(kafka_url, Topic("check.partitions.v1", partitions=2))

    with pytest.raises(
        UserError, match=r"check\.partitions\.v1 has 2 partitions and needs 12: .* delete it, and start again"
    ):
        await outcomes(kafka_url, Topic("check.partitions.v1", partitions=12))


async def test_other_settings_are_mended_and_foreign_ones_kept(
    kafka_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Topic("check.settings.v1", partitions=1, retention_ms=3_600_000)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    foreign = {"cleanup.policy": "compact", "max.message.bytes": "2000000"}
    await admin.create_topics([NewTopic(topic.name, 1, 1, topic_configs=foreign)])
    with caplog.at_level(logging.WARNING, "iss_agents"):
        assert await outcomes(kafka_url, topic) == ["changed"]
        assert await outcomes(kafka_url, topic) == ["found"]
    found = await configuration(admin, topic)
    await admin.close()

    assert {
        "cleanup.policy": "delete",
        "retention.ms": "3600000",
        "max.message.bytes": "2000000",
    }.items() <= found.items()
    assert len(caplog.records) == 1


async def test_a_broker_that_has_not_heard_of_a_topic_is_asked_again(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic("check.lagging.v1", partitions=2)
    ask, answers = topic_admin._partitions, 0

    async def lagging(admin: AIOKafkaAdminClient) -> dict[str, int]:
        nonlocal answers
        answers += 1
        known = dict(await ask(admin))
        # The first broker knows the topic, the next two do not yet.
        return {topic.name: 2} if answers == 1 else {} if answers < 4 else known

    await outcomes(kafka_url, topic)
    monkeypatch.setattr(topic_admin, "_partitions", lagging)

    assert await outcomes(kafka_url, topic) == ["found"]
    assert answers == 4


async def test_two_workers_may_create_at_once(kafka_url: str) -> None:
    both = await asyncio.gather(*(outcomes(kafka_url, Topic("check.race.v1", partitions=4)) for _ in range(2)))

    assert ["created"] in both


async def test_no_kafka_is_a_sentence_within_five_seconds() -> None:
    began = monotonic()
    with pytest.raises(
        UserError, match=r"cannot be used at 127\.0\.0\.1:\d+ .*: start it or set ISS_KAFKA_URL"
    ):
        await check_topics(Settings(kafka_url=f"127.0.0.1:{free_port()}"))

    assert monotonic() - began < 5


async def test_a_server_that_accepts_and_says_nothing_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topic_admin, "REQUEST_SECONDS", 1)
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    with pytest.raises(UserError, match="cannot be used"):
        await check_topics(Settings(kafka_url=f"127.0.0.1:{port}"))
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    server.close()


async def test_waiting_for_kafka_says_so_once_and_again_when_it_is_there(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health()
    attempts = []

    async def away_twice(settings: Settings) -> list[object]:
        attempts.append(settings)
        if len(attempts) < 3:
            raise OSError("nobody there")
        return list(await provision_topics(settings, [DELETED]))

    monkeypatch.setattr("iss_agents.kafka.topic_admin.provision_topics", away_twice)
    monkeypatch.setattr("iss_agents.kafka.topic_admin.delays", lambda *_: iter([0.0] * 9))
    await wait_for_kafka(Settings(kafka_url=kafka_url), health)

    assert len(attempts) == 3
    assert health.parts["kafka"].detail == f"Kafka answers at {kafka_url}"


async def test_the_command_shows_every_topic(kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_KAFKA_URL", kafka_url)
    shown = await asyncio.to_thread(CliRunner().invoke, topics_command, ["--json"])

    async def is_found() -> bool:
        table = await asyncio.to_thread(CliRunner().invoke, topics_command)
        return table.stdout.splitlines()[0].split() == [
            "telemetry.raw.v1",
            "12",
            "delete",
            "7",
            "days",
            "found",
        ]

    assert [row["topic"] for row in json.loads(shown.stdout)] == [topic.name for topic in TOPICS]
    # A broker tells of a setting that has just been changed a moment later.
    await until(is_found)
