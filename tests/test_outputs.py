import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import REGISTRY

from iss_agents import producers
from iss_agents.outputs import BATCH_BYTES, Output, Outputs
from iss_agents.settings import Settings
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import Topic


async def test_all_records_are_in_kafka_in_order_when_send_returns(kafka_url: str, tmp_path: Path) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await ensure_topics(Settings(kafka_url=kafka_url), [topic])
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
    await ensure_topics(Settings(kafka_url=kafka_url), [topic])
    monkeypatch.setattr(producers, "ANSWER_SECONDS", 1.0)
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


def errors() -> float:
    return REGISTRY.get_sample_value("iss_publish_errors_total", {"sender": "agents"}) or 0.0


async def values(kafka_url: str, topic: Topic, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    async with consumer:
        return [(await consumer.getone()).value for _ in range(count)]
