"""Topic reader: what it believes of a group's commits."""

import pytest

from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import open_reader
from iss_agents.telemetry.topics import Topic
from tests.kafka.logs import log_of_three


@pytest.mark.parametrize(("offset", "held"), [(2, ["0", "1"]), (3, ["0", "1", "2"]), (5_003, [])])
async def test_a_record_is_committed_only_by_a_commit_of_its_own_log(
    kafka_url: str, offset: int, held: list[str]
) -> None:
    async with log_of_three(kafka_url) as log, open_reader(Settings(kafka_url=kafka_url)) as reader:
        await log.commit(offset)
        topic = Topic(log.tp.topic, partitions=1)

        committed = await reader.committed(log.group, [topic])

        records = [record async for batch in reader.records(topic) for record in batch]
        assert [record.value.decode() for record in records if committed.holds(record)] == held


async def test_a_group_that_has_never_committed_holds_nothing(kafka_url: str) -> None:
    async with log_of_three(kafka_url) as log, open_reader(Settings(kafka_url=kafka_url)) as reader:
        topic = Topic(log.tp.topic, partitions=1)

        committed = await reader.committed("never-committed", [topic])

        assert [committed.holds(record) async for batch in reader.records(topic) for record in batch] == [
            False
        ] * 3
