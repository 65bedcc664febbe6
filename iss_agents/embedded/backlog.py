"""What an earlier run left unfinished: received then, stored in MongoDB now."""

from pathlib import Path

from iss_agents.topics import RAW


async def unfinished(kafka_url: str, home: Path, group: str) -> int:
    """Return how many readings wait for `group` in Kafka's raw topic or in a spool under `home`.

    Ask after Kafka is up and before a worker starts.
    """
    from iss_agents.feed.spool import waiting_for  # noqa: PLC0415 - the embedded programs start without it

    return await _behind(kafka_url, group) + waiting_for(RAW.name, home)


async def _behind(kafka_url: str, group: str) -> int:
    from aiokafka import AIOKafkaConsumer, TopicPartition  # noqa: PLC0415 - slow to import

    async with AIOKafkaConsumer(
        bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False
    ) as consumer:
        if RAW.name not in await consumer.topics():
            return 0
        partitions = [TopicPartition(RAW.name, number) for number in range(RAW.partitions)]
        ends = await consumer.end_offsets(partitions)
        beginnings = await consumer.beginning_offsets(partitions)
        committed = {each: await consumer.committed(each) for each in partitions}
    # A group that has not committed starts at earliest; retention may have passed one that has.
    return sum(ends[each] - max(committed[each] or 0, beginnings[each]) for each in partitions)
