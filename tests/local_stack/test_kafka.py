"""The real broker: it starts, keeps its data whatever ends it, and refuses with one sentence."""

import signal
import socket
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import accepts, free_port


def jars() -> Path:
    return jar_folder(load_settings().home)


async def create_topic(url: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=url)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()


async def test_kafka_takes_topics_and_messages_as_soon_as_it_is_ready(kafka_url: str) -> None:
    await create_topic(kafka_url, "ready.at.once", 12)
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        sent = await producer.send_and_wait("ready.at.once", b"1", partition=3)

    assert (sent.partition, sent.offset) == (3, 0)


async def test_a_topic_is_never_made_by_writing_to_it(kafka_url: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka_url, request_timeout_ms=1000) as producer:
        with pytest.raises(UnknownTopicOrPartitionError):
            await producer.send_and_wait("never.created", b"1")


@pytest.mark.long
async def test_kafka_keeps_what_it_acknowledged_when_it_is_killed(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path, free_port())
    first = kafka.start(jars())
    try:
        first.wait_until(kafka.ready)
        await create_topic(kafka.url, "kept", 1)
        async with AIOKafkaProducer(bootstrap_servers=kafka.url, acks="all") as producer:
            await producer.send_and_wait("kept", b"37")
    finally:
        first.request(signal.SIGKILL)
        first.stop()
    assert not accepts(kafka.port)

    second = kafka.start(jars())
    try:
        second.wait_until(kafka.ready)
        async with AIOKafkaConsumer(
            "kept", bootstrap_servers=kafka.url, auto_offset_reset="earliest"
        ) as consumer:
            message = await consumer.getone()
    finally:
        second.stop()

    assert (message.offset, message.value) == (0, b"37")
    assert not accepts(kafka.port)


async def test_kafka_stores_offsets_of_groups_within_its_first_seconds(kafka_url: str) -> None:
    await create_topic(kafka_url, "with.offsets", 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        await producer.send_and_wait("with.offsets", b"1")

    async with AIOKafkaConsumer(
        "with.offsets", bootstrap_servers=kafka_url, group_id="trial", auto_offset_reset="earliest"
    ) as consumer:
        message = await consumer.getone()
        await consumer.commit()

    assert message.value == b"1"


@pytest.mark.long
def test_an_interrupted_format_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "meta.properties").write_text("half")
    kafka = Kafka(tmp_path, free_port())

    program = kafka.start(jars())
    try:
        program.wait_until(kafka.ready)
    finally:
        program.stop()

    assert "cluster.id" in (tmp_path / "data" / "meta.properties").read_text()
    assert not (tmp_path / "data.new").exists()


@pytest.mark.long
def test_a_foreign_folder_in_the_storage_is_told_from_the_log(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path, free_port())
    program = kafka.start(jars())
    program.wait_until(kafka.ready)
    program.stop()
    (tmp_path / "data" / "foreign").mkdir()

    program = kafka.start(jars())

    with pytest.raises(UserError, match=r"Kafka has ended \(exit code 1\); its whole log is .*kafka.log"):
        program.wait_until(kafka.ready)


@pytest.mark.long
def test_a_storage_that_cannot_be_made_is_told_with_kafkas_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("iss_agents.local_stack.kafka.free_port", lambda: port)

    with pytest.raises(UserError) as refusal:
        Kafka(tmp_path, port).start(jars())

    said, reason, *more = str(refusal.value).splitlines()
    assert said == f"Kafka's storage in {tmp_path} could not be made; the whole log is {tmp_path}/format.log"
    assert "requirement failed: If you have two listeners on the same port" in reason
    assert more == []


def test_a_taken_port_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(UserError, match=f"Port {port} for Kafka is taken"):
            Kafka(tmp_path / "kafka", port).start(jars())

    assert not (tmp_path / "kafka").exists()
