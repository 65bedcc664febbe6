from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from iss_agents.outputs import BATCH_BYTES, Output, Outputs
from iss_agents.settings import Settings
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import Topic


async def test_all_records_are_in_kafka_in_order_when_send_returns(kafka_url: str, tmp_path: Path) -> None:
    topic = Topic(f"derived-{uuid4().hex[:8]}", partitions=1)
    await ensure_topics([kafka_url], [topic])
    outputs = Outputs(Settings(kafka_url=kafka_url, home=tmp_path))
    # More than one batch holds, and one record that is larger than a batch by itself.
    sizes = [BATCH_BYTES // 4] * 9 + [BATCH_BYTES + 1, 10]
    sent = [Output(b"key", f"{n}:".encode().ljust(size, b"x"), 1000 + n) for n, size in enumerate(sizes)]
    async with outputs:
        await outputs.send(topic, 0, sent)

    assert await values(kafka_url, topic, len(sent)) == [output.value for output in sent]


async def values(kafka_url: str, topic: Topic, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    async with consumer:
        return [(await consumer.getone()).value for _ in range(count)]
