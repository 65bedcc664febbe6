"""The doctor needs no more rights than a worker, and does not take a missing right for health."""

import pytest

from iss_agents.doctor import groups, kafka, topics
from iss_agents.doctor.findings import NotLookedAt
from iss_agents.settings import Settings
from iss_agents.topic_check import ensure_topics
from tests.secure.broker import STRANGER, SecureKafka
from tests.secure.rights import grant_least_rights


async def test_the_least_rights_of_a_worker_are_enough(secure_kafka: SecureKafka) -> None:
    await ensure_topics(Settings(_env_file=None, kafka_url=secure_kafka.url))
    await grant_least_rights(secure_kafka.url)
    settings = secure_kafka.settings()

    assert [finding.level for finding in await kafka.check(settings)] == ["ok"]
    assert [finding.level for finding in await topics.check(settings)] == ["ok"]
    assert all("group iss-" in finding.sentence for finding in await groups.check(settings))


async def test_a_user_without_rights_is_told_so(secure_kafka: SecureKafka) -> None:
    await ensure_topics(Settings(_env_file=None, kafka_url=secure_kafka.url))
    settings = secure_kafka.settings(kafka_user=STRANGER, kafka_mechanism="PLAIN")
    found = await topics.check(settings)

    assert {finding.level for finding in found} == {"failing"}
    assert "or the user stranger may not see it: run `iss-agents topics`, or give" in found[0].sentence
    with pytest.raises(NotLookedAt, match="GroupAuthorizationFailedError"):
        await groups.check(settings)
