"""What the doctor says of groups agrees with their logs, whatever became of these."""

from unittest.mock import AsyncMock

import pytest

from iss_agents.config.settings import Settings
from iss_agents.telemetry.topics import Topic
from iss_agents.tools.doctor import consumer_groups
from iss_agents.tools.doctor.consumer_groups import Group
from iss_agents.tools.doctor.findings import Finding
from tests.kafka.logs import Log, log_of_three


async def found(log: Log, kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> Finding:
    groups = (Group(log.group, "agents", (Topic(log.tp.topic, 1),)),)
    monkeypatch.setattr(consumer_groups, "GROUPS", groups)
    monkeypatch.setattr(consumer_groups, "_members", AsyncMock(return_value=1))
    [finding] = await consumer_groups.check(Settings(_env_file=None, kafka_url=kafka_url, feed="off"))
    return finding


async def test_what_has_been_removed_is_not_behind(kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with log_of_three(kafka_url) as log:
        await log.commit(0)
        unread = await found(log, kafka_url, monkeypatch)
        await log.remove(-1)
        emptied = await found(log, kafka_url, monkeypatch)

    assert unread.sentence == f"The group {log.group} has 1 member(s) and is 3 records behind."
    assert emptied.sentence == f"The group {log.group} has 1 member(s) and is 0 records behind."


async def test_what_was_committed_beyond_the_end_is_said(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with log_of_three(kafka_url) as log:
        await log.commit(8)
        finding = await found(log, kafka_url, monkeypatch)

    assert finding.level == "warning"
    assert finding.sentence.startswith(
        f"The group {log.group} has committed offsets beyond the end of its topics"
    )
