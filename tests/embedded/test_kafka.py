"""The real broker: it starts, keeps its data whatever ends it, and refuses with one sentence."""

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def test_kafka_creates_topics_and_takes_messages_as_soon_as_it_is_ready(kafka_url: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    await admin.create_topics([NewTopic("ready.at.once", 12, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        sent = await producer.send_and_wait("ready.at.once", b"1", partition=3)

    assert (sent.partition, sent.offset) == (3, 0)
