"""The state view against real Kafka."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from msgspec import structs
from prometheus_client import REGISTRY

from iss_agents.announcers.decision import Decision
from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import Kafka
from iss_agents.embedded.place import free_port
from iss_agents.records import Gap, Reading, encode
from iss_agents.settings import Settings, load_settings
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import Topic
from tests.announcers.factory import NOON, urination
from tests.waiting import until
from tests.web.conftest import last_seen, reading_of
from web.replica import CHANGELOGS, FOLLOWED
from web.state import StateView


@pytest.fixture(autouse=True)
def changelogs(monkeypatch: pytest.MonkeyPatch) -> list[Topic]:
    """Topics of this test alone, the changelogs first: others share the broker and its real topics."""
    topics = [*CHANGELOGS.values(), *FOLLOWED.values()]
    own = [replace(topic, name=f"{topic.name}.{uuid4().hex}") for topic in topics]
    partitions = [TopicPartition(topic.name, number) for topic in own for number in range(topic.partitions)]
    monkeypatch.setattr("web.state.PARTITIONS", partitions)
    monkeypatch.setattr("web.state.ASK_SECONDS", 0.1)
    names = [topic.name for topic in own]
    monkeypatch.setattr("web.replica.TABLES", dict(zip(names, CHANGELOGS, strict=False)))
    monkeypatch.setattr("web.replica.SUBJECTS", dict(zip(names[len(CHANGELOGS) :], FOLLOWED, strict=True)))
    return own


@asynccontextmanager
async def writing(kafka_url: str, changelogs: list[Topic]) -> AsyncIterator[AIOKafkaProducer]:
    await ensure_topics(Settings(kafka_url=kafka_url), changelogs)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_url)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def reading_from(url: str) -> AsyncIterator[StateView]:
    view = StateView(Settings(_env_file=None, kafka_url=url))
    await view.start()
    try:
        yield view
    finally:
        await view.stop()


async def write(producer: AIOKafkaProducer, topic: Topic, *readings: Reading) -> None:
    for reading in readings:
        record = last_seen(reading)
        # Zombie and successor write to the same partition; which one does not matter.
        await producer.send_and_wait(topic.name, record.value, record.key, partition=0)


def measured() -> float:
    return REGISTRY.get_sample_value("iss_ingest_to_state_seconds_count") or 0


async def test_what_was_written_before_and_after_is_read(kafka_url: str, changelogs: list[Topic]) -> None:
    tank, processor = reading_of("NODE3000005", "37"), reading_of("NODE3000004", "32")
    async with writing(kafka_url, changelogs) as producer:
        await write(producer, changelogs[0], tank)
        before = measured()
        async with reading_from(kafka_url) as view:
            await until(lambda: view.ready)
            assert view.reading("NODE3000005") == tank
            assert measured() == before

            await write(producer, changelogs[0], processor)
            await until(lambda: view.reading("NODE3000004") == processor)
            assert measured() == before + 1
            assert await view.reaches_kafka()


async def test_it_waits_for_topics_that_do_not_exist_yet(kafka_url: str, changelogs: list[Topic]) -> None:
    reading = reading_of("NODE3000005", "37")
    async with reading_from(kafka_url) as view:
        await until(view.reaches_kafka)
        assert not view.ready
        async with writing(kafka_url, changelogs) as producer:
            await write(producer, changelogs[0], reading)
        await until(lambda: view.ready, seconds=5)
        await until(lambda: view.reading("NODE3000005") == reading)


async def test_all_partitions_of_all_tables_are_followed(kafka_url: str, changelogs: list[Topic]) -> None:
    async with writing(kafka_url, changelogs) as producer, reading_from(kafka_url) as view:
        for topic in changelogs[: len(CHANGELOGS)]:
            for partition in range(topic.partitions):
                key = b'"key%d"' % partition
                await producer.send_and_wait(topic.name, b'{"sequence": 1}', key, partition=partition)
        await until(lambda: view.table("last_seen").keys() == {f"key{number}" for number in range(12)})
        await until(lambda: view.table("tank_levels") == {"key0": {"sequence": 1}})
        await until(lambda: view.table("tweet_cooldowns") == {"key0": {"sequence": 1}})


async def test_uses_decisions_and_gaps_are_followed(kafka_url: str, changelogs: list[Topic]) -> None:
    events, decisions, gaps = changelogs[len(CHANGELOGS) :]
    decision = Decision(
        schema_version=1,
        event_id="a1",
        decision="posted",
        decided_at=NOON,
        detected_at=NOON,
        text="A use.",
        source="isslive",
    )
    gap = Gap(schema_version=1, gap_id="los-1", cause="los", start=NOON)
    async with writing(kafka_url, changelogs) as producer:
        await producer.send_and_wait(events.name, encode(urination("a1")))
        await producer.send_and_wait(gaps.name, encode(gap))
        async with reading_from(kafka_url) as view:
            await until(lambda: view.ready)
            assert [use["decision"] for use in view.replica.uses.newest("isslive")] == [None]
            assert view.replica.gaps.of("isslive") == [gap]

            await producer.send_and_wait(decisions.name, encode(decision))
            await producer.send_and_wait(gaps.name, encode(structs.replace(gap, end=NOON)))
            await until(lambda: view.replica.uses.newest("isslive")[0]["decision"] == "posted")
            await until(lambda: not view.replica.gaps.of("isslive"))


async def test_a_late_record_of_a_zombie_is_not_believed(kafka_url: str, changelogs: list[Topic]) -> None:
    now = datetime.now(UTC)
    newer, older = (
        reading_of("USLAB000058", "742", now),
        reading_of("USLAB000058", "741", now - timedelta(hours=1)),
    )
    mark = reading_of("USLAB000059", "1")
    async with writing(kafka_url, changelogs) as producer, reading_from(kafka_url) as view:
        await write(producer, changelogs[0], newer, older, mark)
        await until(lambda: view.reading("USLAB000059") == mark)

        assert view.reading("USLAB000058") == newer


@asynccontextmanager
async def door(port: int, kafka_url: str) -> AsyncIterator[None]:
    """Lead a port to Kafka: it answers a first question there, and names its own address for the rest."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, kafka_port = kafka_url.partition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(kafka_port))
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    async with await asyncio.start_server(connect, "127.0.0.1", port):
        yield


async def test_it_starts_without_kafka_and_reads_when_kafka_comes(
    kafka_url: str, changelogs: list[Topic], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reading, port = reading_of("NODE3000009", "88.1"), free_port()
    async with writing(kafka_url, changelogs) as producer, reading_from(f"127.0.0.1:{port}") as view:
        await write(producer, changelogs[0], reading)
        await until(lambda: "keeps trying" in caplog.text)
        assert not view.ready
        assert not await view.reaches_kafka()
        await until(lambda: view.away_since)
        since = view.away_since
        assert since
        assert datetime.now(UTC) - since < timedelta(seconds=10)

        async with door(port, kafka_url):
            await until(lambda: view.reading("NODE3000009") == reading)
            await until(lambda: view.ready)
            await until(lambda: view.away_since is None)

    said = [message.partition(":")[0] for message in caplog.messages if message.startswith("The state view")]
    assert said == [
        "The state view cannot read from Kafka and keeps trying",
        "The state view reads from Kafka again",
    ]


@pytest.mark.long
async def test_it_outlives_a_broker_that_dies_and_comes_back(tmp_path: Path, changelogs: list[Topic]) -> None:
    kafka = Kafka(tmp_path, free_port())
    jars = jar_folder(load_settings().home)
    before, after = reading_of("NODE3000005", "37"), reading_of("NODE3000004", "16")
    program = kafka.start(jars)
    try:
        program.wait_until(kafka.ready)
        async with writing(kafka.url, changelogs) as producer:
            await write(producer, changelogs[0], before)
        async with reading_from(kafka.url) as view:
            await until(lambda: view.reading("NODE3000005") == before)
            program.request(signal.SIGKILL)
            await until(lambda: not program.running)
            assert not await view.reaches_kafka()
            assert view.reading("NODE3000005") == before

            program = kafka.start(jars)
            program.wait_until(kafka.ready)
            async with writing(kafka.url, changelogs) as producer:
                await write(producer, changelogs[0], after)
            await until(lambda: view.reading("NODE3000004") == after)
            assert await view.reaches_kafka()
    finally:
        program.stop()
