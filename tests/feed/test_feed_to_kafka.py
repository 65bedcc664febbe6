"""The feed on the real publisher and a real broker: what comes in is what Kafka has."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.service import Feed
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.runtime.health import Health
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.telemetry.topics import INVALID, RAW
from tests.feed.factory import NUMBERS, reading
from tests.waiting import until


def partitions() -> list[TopicPartition]:
    raw = [TopicPartition(RAW.name, number) for number in range(RAW.partitions)]
    return [*raw, TopicPartition(INVALID.name, 0)]


async def everything_after(starts: dict[TopicPartition, int], kafka_url: str) -> dict[str, list[bytes]]:
    """The values of the raw and the invalid topic from `starts` to their ends."""
    values: dict[str, list[bytes]] = {RAW.name: [], INVALID.name: []}
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url) as consumer:
        consumer.assign(list(starts))
        ends = await consumer.end_offsets(list(starts))
        for partition, start in starts.items():
            consumer.seek(partition, start)
        missing = sum(ends[partition] - start for partition, start in starts.items())
        while missing > 0:
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                values[partition.topic] += [record.value for record in records]
                missing -= len(records)
    return values


def received() -> float:
    name = "iss_feed_received_total"
    return sum(REGISTRY.get_sample_value(name, {"source": source}) or 0 for source in ("simulated", "test"))


async def test_after_a_drain_kafka_has_everything_that_came_in_in_order(
    station: Station, kafka_url: str, tmp_path: Path
) -> None:
    await provision_topics(Settings(kafka_url=kafka_url))
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url) as consumer:
        starts = await consumer.end_offsets(partitions())
    settings = Settings(feed_url=station.url, kafka_url=kafka_url, home=tmp_path)
    health = Health()
    publisher = Publisher(settings, health)
    feed = Feed(settings, health, publisher)
    before = received()
    station.signal()
    async with publisher, feed:
        await until(lambda: received() - before == 1)
        for number in range(200):
            station.signal()
            for item in NUMBERS:
                station.publish(item, str(1000 + number))
            if number == 100:
                station.faults.drop()
        station.push("NODE3000005", {"TimeStamp": "noon", "Value": "1"})
        feed.submit(reading("NODE3000005", "37", source="test"))
        await until(lambda: received() - before == 200 * (len(NUMBERS) + 1) + 3)
        await feed.drain()

        assert health.parts["feed"].detail == "drained"
        values = await everything_after(starts, kafka_url)

    readings = [decode_reading(value) for value in values[RAW.name]]
    assert len(readings) + len(values[INVALID.name]) == received() - before
    for item in NUMBERS:
        assert simulated(readings, item) == [str(1000 + number) for number in range(200)]
    assert [one.value for one in readings if one.source == "test"] == ["37"]


def simulated(readings: list[Reading], item_id: str) -> list[str]:
    return [one.value for one in readings if (one.item_id, one.source) == (item_id, "simulated")]
