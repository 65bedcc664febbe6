"""Kafka with TLS, users and rights: a real one, and a worker as an operator runs it."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaConnectionError
from pymongo.collection import Collection

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.diagnosis import explain_misconfiguration
from iss_agents.kafka.topic_admin import check_topics, provision_topics
from iss_agents.simulator.station import Station
from iss_agents.streaming.outputs import Output, Outputs
from iss_agents.telemetry.topics import Topic
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.secure import rights
from tests.secure.broker import PASSWORD, STRANGER, USER, SecureKafka
from tests.secure.rights import grant_least_rights
from tests.waiting import until

pytestmark = pytest.mark.long

ITEM = "USLAB000058"
REFUSED = r"Kafka at 127\.0\.0\.1:\d+ rejects user or password: correct ISS_KAFKA_USER, ISS_KAFKA_PASSWORD\."


@pytest.fixture
def environment(secure_kafka: SecureKafka) -> dict[str, str]:
    return secure_kafka.variables()


async def test_without_a_right_the_sentence_says_so(secure_kafka: SecureKafka) -> None:
    with pytest.raises(UserError, match="does not let the user stranger do this"):
        await check_topics(secure_kafka.settings(kafka_user=STRANGER, kafka_mechanism="PLAIN"))


async def test_what_agents_derive_waits_for_the_right_to_write_it_and_says_so(
    secure_kafka: SecureKafka, tmp_path: Path
) -> None:
    topic = Topic(f"private-{uuid4().hex[:8]}", partitions=1)
    await provision_topics(Settings(kafka_url=secure_kafka.url), [topic])
    outputs = Outputs(secure_kafka.settings(home=tmp_path))
    async with outputs:
        sending = asyncio.create_task(outputs.send(topic, 0, [Output(b"key", b"value", 1)]))
        await until(lambda: outputs.failures == 2)
        assert (
            f"{topic.name} does not accept records: Kafka does not let the user {USER} do this"
            in outputs.problems[topic.name]
        )

        await rights.grant(
            secure_kafka.url, [(rights.TOPIC, topic.name, right) for right in (rights.WRITE, rights.DESCRIBE)]
        )
        await asyncio.wait_for(sending, 20)

        assert outputs.problems == {}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_every_mechanism_lets_the_right_password_in_and_no_other(
    secure_kafka: SecureKafka, mechanism: str
) -> None:
    await provision_topics(Settings(kafka_url=secure_kafka.url))
    await grant_least_rights(secure_kafka.url)

    found = await check_topics(secure_kafka.settings(kafka_mechanism=mechanism))
    with pytest.raises(UserError, match=REFUSED):
        await check_topics(secure_kafka.settings(kafka_mechanism=mechanism, kafka_password="wrong"))

    assert {checked.outcome for checked in found} == {"found"}


async def test_each_misunderstanding_of_the_transport_is_a_sentence_with_what_to_set(
    secure_kafka: SecureKafka,
) -> None:
    by_another_name = f"localhost:{secure_kafka.secure_url.rpartition(':')[2]}"
    plain = {"kafka_url": secure_kafka.url, "kafka_ca_file": None, "kafka_tls": False}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kafka_url": secure_kafka.url}, r"disconnects before TLS begins: correct ISS_KAFKA_URL, or set ISS"),
        (plain, r"requires no user: unset ISS_KAFKA_USER"),
        ({"kafka_ca_file": None}, r"is not trusted .*: set ISS_KAFKA_CA_FILE"),
        ({"kafka_ca_file": None, "kafka_tls": False}, r"disconnects: set ISS_KAFKA_TLS=true"),
        ({"kafka_user": None, "kafka_password": None}, r"if it requires a user, set ISS_KAFKA_USER"),
        (
            {"kafka_url": by_another_name},
            r"is not trusted .*localhost",
        ),
    ]
    for changes, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            await check_topics(secure_kafka.settings(**changes))


async def test_a_connection_that_was_lost_is_not_taken_for_a_wrong_setting(secure_kafka: SecureKafka) -> None:
    error = KafkaConnectionError("lost")

    assert await explain_misconfiguration(Settings(kafka_url=secure_kafka.url), error) == ""
    assert await explain_misconfiguration(secure_kafka.settings(), error) == ""


async def test_a_worker_with_the_least_rights_brings_a_reading_to_the_database(
    secure_kafka: SecureKafka,
    environment: dict[str, str],
    station: Station,
    mongo_url: str,
    secured: Collection[dict[str, Any]],
    tmp_path: Path,
) -> None:
    await provision_topics(Settings(kafka_url=secure_kafka.url))
    await grant_least_rights(secure_kafka.url)
    environment |= {"ISS_MONGO_URL": mongo_url, "ISS_MONGO_DATABASE": secured.database.name}

    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        station.signal()
        await until(worker.healthy, START_SECONDS)
        station.publish(ITEM, "745.2")
        await until(lambda: secured.count_documents({"item_id": ITEM}) == 1)
        # The archive and the Table read the topic each for itself, and either may be first.
        await until(lambda: _shown(worker, "745.2"))

    assert PASSWORD not in worker.log


async def test_a_worker_with_a_wrong_password_says_so_once_and_spools(
    environment: dict[str, str], station: Station, mongo_url: str, tmp_path: Path
) -> None:
    wrong = {"ISS_KAFKA_PASSWORD": "wrong-password", "ISS_MONGO_URL": mongo_url}
    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **(environment | wrong)) as worker:
        await until(lambda: _kafka_is_refused(worker), START_SECONDS)
        station.publish(ITEM, "745.2")
        await until(lambda: _spooled(worker))
        await until(lambda: _kafka_is_refused(worker))
        assert worker.process
        assert worker.process.poll() is None

    assert worker.log.count("rejects user or password") == 1
    assert "wrong-password" not in worker.log


def test_a_command_with_a_wrong_password_ends_with_one_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "iss_agents.cli.main", "verify"]
    wrong = environment | {"ISS_KAFKA_PASSWORD": "wrong-password", "ISS_HOME": str(tmp_path)}

    done = subprocess.run(command, env=wrong, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("iss-agents: Kafka at 127.0.0.1:")
    assert done.stderr.endswith("correct ISS_KAFKA_USER, ISS_KAFKA_PASSWORD.\n")
    assert done.stderr.count("\n") == 1


async def _kafka_is_refused(worker: Worker) -> bool:
    if not await worker.status("/healthz"):
        return False
    async with worker.http.get("/healthz") as answer:
        kafka = (await answer.json())["parts"].get("kafka", {})
    return answer.status == 503 and "correct ISS_KAFKA_USER, ISS_KAFKA_PASSWORD" in kafka.get("detail", "")


async def _shown(worker: Worker, value: str) -> bool:
    entries = (await worker.get("/api/v1/tables/last_seen"))["entries"]
    return ITEM in entries and entries[ITEM]["reading"]["value"] == value


async def _spooled(worker: Worker) -> bool:
    return await worker.metric("iss_spool_records") > 0
