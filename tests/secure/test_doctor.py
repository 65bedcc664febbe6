"""The doctor needs no more rights than a worker, and does not take a missing right for health."""

import pytest

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.tools.doctor import consumer_groups, kafka, topics
from iss_agents.tools.doctor.findings import NotCheckedError
from tests.secure.broker import STRANGER, SecureKafka
from tests.secure.rights import grant_least_rights

pytestmark = pytest.mark.long


async def test_the_least_rights_of_a_worker_are_enough(secure_kafka: SecureKafka) -> None:
    await provision_topics(Settings(_env_file=None, kafka_url=secure_kafka.url))
    await grant_least_rights(secure_kafka.url)
    settings = secure_kafka.settings()

    assert [finding.level for finding in await kafka.check(settings)] == ["ok"]
    assert [finding.level for finding in await topics.check(settings)] == ["ok"]
    assert all("group iss-" in finding.sentence for finding in await consumer_groups.check(settings))


async def test_a_user_without_rights_is_told_so(secure_kafka: SecureKafka) -> None:
    await provision_topics(Settings(_env_file=None, kafka_url=secure_kafka.url))
    settings = secure_kafka.settings(kafka_user=STRANGER, kafka_mechanism="PLAIN")
    found = await topics.check(settings)

    assert {finding.level for finding in found} == {"failing"}
    assert (
        "or the user stranger may not see it: run `iss-agents topics`, or see its rights" in found[0].sentence
    )
    with pytest.raises(NotCheckedError, match="GroupAuthorizationFailedError"):
        await consumer_groups.check(settings)
