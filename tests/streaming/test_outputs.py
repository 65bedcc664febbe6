import asyncio
import os
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.kafka import clients
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.streaming import outputs as module
from iss_agents.streaming.outputs import BATCH_BYTES, Output, Outputs
from iss_agents.telemetry.topics import Topic
from tests.kafka.requests import requests_to_kafka
from tests.waiting import until


async def test_all_records_are_in_kafka_in_order_when_send_returns(kafka_url: str, tmp_path: Path) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    # More than one batch holds, and one record that is larger than a batch by itself.
    sizes = [BATCH_BYTES // 4] * 9 + [BATCH_BYTES + 1, 10]
    sent = [Output(b"key", f"{n}:".encode().ljust(size, b"x"), 1000 + n) for n, size in enumerate(sizes)]
    async with outputs:
        await outputs.send(topic, 0, sent)

    assert await values(kafka_url, topic, len(sent)) == [output.value for output in sent]


async def test_a_producer_that_does_not_answer_is_replaced_and_its_records_are_sent_again(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    monkeypatch.setattr(clients, "ANSWER_SECONDS", 1.0)
    whole, asked = AIOKafkaProducer.send_batch, set()

    async def hang_at_first(self: Any, *arguments: Any, **options: Any) -> Any:
        asked.add(self)
        return asyncio.Future() if len(asked) == 1 else await whole(self, *arguments, **options)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", hang_at_first)
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    sent = [Output(None, b"1", 1), Output(None, b"2", 2)]
    before = errors()
    async with outputs:
        await asyncio.gather(*(outputs.send(topic, 0, [output]) for output in sent))

        assert (len(asked), outputs.failures, errors() - before) == (2, 2, 2)
    assert sorted(await values(kafka_url, topic, 2)) == [b"1", b"2"]


async def test_a_clock_ahead_of_kafkas_is_waited_for_and_said(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    ahead = int(time() + 7200) * 1000
    monkeypatch.setattr(module, "time", lambda: time() + 7200)
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    async with outputs:
        sending = asyncio.create_task(
            outputs.send(topic, 0, [Output(None, b"1", ahead), Output(None, b"2", ahead)])
        )
        await until(lambda: outputs.failures == 2)
        assert outputs.problems[topic.name].endswith("is a clock wrong, this machine's or Kafka's?")

        monkeypatch.setattr(module, "time", time)
        await asyncio.wait_for(sending, 20)

        assert outputs.problems == {}
    assert await values(kafka_url, topic, 2) == [b"1", b"2"]


async def test_a_record_larger_than_kafka_ever_takes_is_not_waited_for(kafka_url: str, tmp_path: Path) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    async with outputs:
        with pytest.raises(MessageSizeTooLargeError):
            await outputs.send(topic, 0, [Output(None, os.urandom(2_000_000), 1)])


async def test_the_offsets_of_what_was_sent_are_returned(kafka_url: str, tmp_path: Path) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    async with outputs:
        large = [Output(None, b"x" * BATCH_BYTES, 1)] * 2  # each is a batch of its own
        written = [await outputs.send(topic, 0, sent) for sent in ([Output(None, b"1", 1)], [], large)]

    assert written == [range(1), range(0), range(1, 3)]


async def test_what_is_sent_to_several_partitions_within_a_while_takes_one_request(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=5)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    async with outputs, asyncio.TaskGroup() as sending:
        await outputs.send(topic, 0, [Output(None, b"the topic is known now", 1)])
        monkeypatch.setattr(module, "LINGER_SECONDS", 1.0)
        requests = requests_to_kafka(monkeypatch)
        for partition in range(topic.partitions):
            sending.create_task(outputs.send(topic, partition, [Output(None, b"1", 1)]))
            await asyncio.sleep(0.001)

    assert requests["ProduceRequest"] == 1


async def test_a_process_that_may_not_write_any_more_writes_nothing(kafka_url: str, tmp_path: Path) -> None:
    def end() -> None:
        raise SystemExit

    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=kafka_url), [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path), check=end)
    async with outputs:
        with pytest.raises(SystemExit):
            await outputs.send(topic, 0, [Output(None, b"1", 1)])

        async with open_reader(Settings(kafka_url=kafka_url)) as reader:
            assert list((await reader.end_offsets(topic)).values()) == [0]


def errors() -> float:
    return REGISTRY.get_sample_value("iss_publish_errors_total", {"sender": "agents"}) or 0.0


async def values(kafka_url: str, topic: Topic, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    async with consumer:
        return [(await consumer.getone()).value for _ in range(count)]
