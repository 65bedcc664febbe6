"""The state view against real Kafka."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import structs
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings, load_settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.ports import free_port
from iss_agents.state_view.replica import CHANGELOGS, FOLLOWED
from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import Gap, Reading, encode
from iss_agents.telemetry.topics import Topic
from tests.broker import new_broker
from tests.factories import NOON, decision_on, last_seen, reading_of, urination
from tests.waiting import until


@pytest.fixture(autouse=True)
def changelogs(monkeypatch: pytest.MonkeyPatch) -> list[Topic]:
    """Topics of this test alone, the changelogs first: others share the broker and its real topics."""
    topics = [*CHANGELOGS.values(), *FOLLOWED.values()]
    own = [replace(topic, name=f"{topic.name}.{uuid4().hex}") for topic in topics]
    partitions = [TopicPartition(topic.name, number) for topic in own for number in range(topic.partitions)]
    monkeypatch.setattr("iss_agents.state_view.service.PARTITIONS", partitions)
    monkeypatch.setattr("iss_agents.state_view.service.ASK_SECONDS", 0.1)
    names = [topic.name for topic in own]
    monkeypatch.setattr("iss_agents.state_view.replica.TABLES", dict(zip(names, CHANGELOGS, strict=False)))
    monkeypatch.setattr(
        "iss_agents.state_view.replica.SUBJECTS", dict(zip(names[len(CHANGELOGS) :], FOLLOWED, strict=True))
    )
    return own


@asynccontextmanager
async def writing(kafka_url: str, changelogs: list[Topic]) -> AsyncIterator[AIOKafkaProducer]:
    await provision_topics(Settings(kafka_url=kafka_url), changelogs)
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
            assert view.reading("NODE3000005", "simulated") == tank
            assert measured() == before

            await write(producer, changelogs[0], processor)
            await until(lambda: view.reading("NODE3000004", "simulated") == processor)
            assert measured() == before + 1
            assert await view.reaches_kafka()


async def test_it_waits_for_topics_that_do_not_exist_yet(kafka_url: str, changelogs: list[Topic]) -> None:
    reading = reading_of("NODE3000005", "37")
    async with reading_from(kafka_url) as view:
        await until(view.reaches_kafka)
        assert not view.ready
        async with writing(kafka_url, changelogs) as producer:
            await write(producer, changelogs[0], reading)
        await until(lambda: view.ready)
        await until(lambda: view.reading("NODE3000005", "simulated") == reading)


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
    decision = decision_on("a1")
    gap = Gap(schema_version=1, gap_id="los-1", cause="los", start=NOON)
    async with writing(kafka_url, changelogs) as producer:
        await producer.send_and_wait(events.name, encode(urination("a1")))
        await producer.send_and_wait(gaps.name, encode(gap))
        async with reading_from(kafka_url) as view:
            await until(lambda: view.ready)
            assert [said for _, said in view.replica.uses.newest("isslive")] == [None]
            assert view.replica.gaps.of("isslive") == [gap]

            await producer.send_and_wait(decisions.name, encode(decision))
            await producer.send_and_wait(gaps.name, encode(structs.replace(gap, end=NOON)))
            await until(lambda: view.replica.uses.newest("isslive")[0][1] == decision)
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
        await until(lambda: view.reading("USLAB000059", "simulated") == mark)

        assert view.reading("USLAB000058", "simulated") == newer


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
            await until(lambda: view.reading("NODE3000009", "simulated") == reading)
            await until(lambda: view.ready)
            await until(lambda: view.away_since is None)

    said = [message.partition(":")[0] for message in caplog.messages if message.startswith("The state view")]
    assert said == [
        "The state view cannot read from Kafka and keeps trying",
        "The state view reads from Kafka again",
    ]


@pytest.mark.long
async def test_it_outlives_a_broker_that_dies_and_comes_back(tmp_path: Path, changelogs: list[Topic]) -> None:
    kafka = new_broker(tmp_path)
    jars = jar_folder(load_settings().home)
    before, after = reading_of("NODE3000005", "37"), reading_of("NODE3000004", "16")
    program = kafka.start(jars)
    try:
        program.wait_until(kafka.ready)
        async with writing(kafka.url, changelogs) as producer:
            await write(producer, changelogs[0], before)
        async with reading_from(kafka.url) as view:
            await until(lambda: view.reading("NODE3000005", "simulated") == before)
            program.request(signal.SIGKILL)
            await until(lambda: not program.running)
            assert not await view.reaches_kafka()
            assert view.reading("NODE3000005", "simulated") == before

            program = kafka.start(jars)
            program.wait_until(kafka.ready)
            async with writing(kafka.url, changelogs) as producer:
                await write(producer, changelogs[0], after)
            await until(lambda: view.reading("NODE3000004", "simulated") == after)
            assert await view.reaches_kafka()
    finally:
        program.stop()


async def test_a_log_that_shrinks_while_it_is_read_does_not_keep_the_view_from_being_ready(
    kafka_url: str, changelogs: list[Topic], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_of, asked = AIOKafkaConsumer.end_offsets, 0

    async def end_offsets(
        self: AIOKafkaConsumer, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        # What was there when the view began is gone right after it asked how much there is.
        nonlocal asked
        asked += 1
        ends: dict[TopicPartition, int] = await ends_of(self, partitions)
        return {partition: end + 5 for partition, end in ends.items()} if asked == 1 else ends

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", end_offsets)
    async with writing(kafka_url, changelogs) as producer:
        change = last_seen(reading_of("NODE3000005", "43", NOON))
        await producer.send_and_wait(changelogs[0].name, change.value, change.key)
        async with reading_from(kafka_url) as view:
            await until(lambda: view.ready)

    assert asked > 1
    assert view.reading("NODE3000005", "simulated")


async def test_callers_at_one_time_share_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = [], asyncio.Event()

    async def reaches(consumer: object) -> bool:
        asked.append(consumer)
        await answers.wait()
        return True

    monkeypatch.setattr("iss_agents.state_view.service.reaches_kafka", reaches)
    view = StateView(Settings(_env_file=None))
    view._consumer = cast("Any", object())
    callers = [asyncio.create_task(view.reaches_kafka()) for _ in range(100)]
    await until(lambda: bool(asked))
    answers.set()

    assert await asyncio.gather(*callers) == [True] * 100
    assert len(asked) == 1
    assert await view.reaches_kafka()
    assert len(asked) == 2
