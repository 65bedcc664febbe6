"""What is broken on purpose is named with what to do, and a sound deployment has no finding."""

import json
import re
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner

from iss_agents.archive.mongo import connect
from iss_agents.archive.retention import prepare
from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.feed.spool_directory import open_spools
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import EVENTS, FEED_LEADER, GAPS, LAST_SEEN_CHANGELOG, Topic
from iss_agents.tools.doctor.commands import doctor
from tests.archive.kafka import numbered_readings
from tests.pipeline.bot import X_KEYS
from tests.pipeline.worker import START_SECONDS, running
from tests.tools.doctor.asked import ask, serving
from tests.waiting import until

SICK = {"parts": {"archive": {"ok": False, "detail": "waits for the database"}}}


async def break_topics(settings: Settings) -> None:
    """Remove a topic, and give three others what they must not have."""
    await provision_topics(settings)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    await admin.delete_topics([FEED_LEADER.name, EVENTS.name])
    await until(lambda: _is_gone(admin, EVENTS.name))
    await admin.create_topics([NewTopic(EVENTS.name, 3, 1, topic_configs={"retention.ms": "2592000000"})])
    await admin.alter_configs(
        [_set(GAPS, "retention.ms", "1000"), _set(LAST_SEEN_CHANGELOG, "cleanup.policy", "delete")]
    )
    await admin.close()


async def _is_gone(admin: AIOKafkaAdminClient, name: str) -> bool:
    return name not in await admin.list_topics()


def _set(topic: Topic, name: str, value: str) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic.name, {name: value})


async def break_database(settings: Settings) -> None:
    """Remove an index, and let documents expire at other ages."""
    database = connect(settings)
    await prepare(database, settings.model_copy(update={"retention_days": 90, "summary_days": 1}))
    await database.readings.drop_index("source_ts_1")
    await database.invalid.drop_index("seen_at_1")
    database.client.close()


def leave_a_spool(settings: Settings) -> None:
    """Leave readings on the disk, as a worker does that is killed while Kafka is away."""
    [spool] = open_spools(settings.home, settings.spool_bytes, Shard(2, 2))
    spool.append([outgoing_reading(reading) for reading in numbered_readings(3)])
    spool.close()
    (settings.home / "spool" / "1.broken-2").touch()


def install(folder: Path, library: str, version: str) -> None:
    """Put another version of a library before the one that is installed."""
    metadata = folder / f"{library}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: {version}\n")


@pytest.mark.usefixtures("variables")
async def test_everything_that_is_broken_is_named_with_what_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await break_topics(settings)
    await break_database(settings)
    leave_a_spool(settings)
    install(tmp_path / "old", "motor", "3.0.0")
    monkeypatch.syspath_prepend(tmp_path / "old")
    closed = f"http://127.0.0.1:{free_port()}"
    broken = {"ISS_WEBPORT": "1", "ISS_INGEST_TOKEN": "secret", "ISS_SPOOL_BYTES": str(1 << 40)}
    feed = {"ISS_FEED": "leader", "ISS_FEED_SHARD": "1/2", "ISS_FEED_URL": closed}
    for name, value in (broken | X_KEYS | feed | {"ISS_X_URL": closed}).items():
        monkeypatch.setenv(name, value)
    async with serving(503, json.dumps(SICK)) as worker:
        monkeypatch.setenv("ISS_URL", worker)
        answer = await ask()

    assert answer.exit_code == 1
    _require(
        answer.found("failing"),
        ("versions", r"The library motor is 3\.0\.0 and should be ==3\.7\.1: run `uv sync --locked`\."),
        ("topics", r"The topic feed\.leader\.v1 is missing: run `iss-agents topics`\."),
        (
            "topics",
            r"telemetry\.gaps\.v1 has retention\.ms=1000, .* and needs retention\.ms=2592000000, ",
        ),
        ("topics", r"urination\.events\.v1 has 3 partitions and needs 1: .* delete it, and run"),
        ("topics", r"urination\.events\.v1 has segment\.ms=604800000 and needs segment\.ms=86400000: run"),
        ("topics", r"last_seen-changelog has cleanup\.policy=delete, .* and needs cleanup\.policy=compact, "),
        ("indexes", r"has no index of readings on source_ts: start, or restart, a worker with the role"),
        ("indexes", r"has no index of invalid on seen_at: start, or restart"),
        ("feed", r"cannot be reached .*: check the network and its firewall, or correct ISS_FEED_URL\."),
        ("announcers", r"X cannot be reached .*: check the network and its firewall, or correct ISS_X_URL\."),
        ("worker", r"archive of the worker at http://127\.0\.0\.1:\d+ does not work: waits for the database"),
    )
    _require(
        answer.found("warning"),
        ("settings", r"ISS_WEBPORT is no setting; did you mean ISS_WEB_PORT\?: correct or remove it\."),
        ("settings", r"ISS_INGEST_TOKEN has 6 characters and can be guessed: set one of at least 16"),
        ("disk", r"the spool may grow by 1024\.0 GiB: make room or lower ISS_SPOOL_BYTES\."),
        (
            "spool",
            r"3 records wait in .*, which no worker holds: .* role feed, ISS_FEED_SHARD=2/2 and ISS_HOME=",
        ),
        ("spool", r"1\.broken-2 was damaged and is kept; what could be read of it has gone on: delete it\."),
        ("groups", r"Nobody is in the group iss-agents: start a worker with the role agents\."),
        ("groups", r"Nobody is in the group iss-archive: start a worker with the role archive\."),
        ("groups", r"iss-feed-1-of-2: start a worker with the role feed and ISS_FEED_SHARD=1/2\."),
        ("groups", r"iss-feed-2-of-2: start a worker with the role feed and ISS_FEED_SHARD=2/2\."),
        (
            "indexes",
            r"keeps readings for 90 days and ISS_RETENTION_DAYS asks for 30 days: run `iss-agents ret",
        ),
        ("indexes", r"keeps summaries for 1 days and ISS_SUMMARY_DAYS asks for 3650 days: start, or restart"),
        ("indexes", r"keeps days for 1 days and ISS_SUMMARY_DAYS asks for 3650 days: start, or restart"),
    )


def _require(found: list[tuple[str, str]], *expected: tuple[str, str]) -> None:
    for subject, sentence in expected:
        assert [one for one in found if one[0] == subject and re.search(sentence, one[1])], (sentence, found)
    assert len(found) == len(expected), found


async def test_what_is_away_is_said_once_and_the_rest_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ISS_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("ISS_KAFKA_URL", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("ISS_MONGO_URL", f"mongodb://127.0.0.1:{free_port()}/?directConnection=true")
    monkeypatch.setenv("ISS_WEBHOOK_URL", f"http://127.0.0.1:{free_port()}/secret")
    async with serving(503, "no", Date="Tue, 11 Aug 2026 12:00:00 GMT") as wrong:
        monkeypatch.setenv("ISS_FEED_URL", wrong)
        monkeypatch.setenv("ISS_URL", wrong)
        answer = await ask()

    assert answer.exit_code == 1
    assert not any("secret" in sentence for _, _, sentence in answer.lines)
    _require(
        answer.found("failing"),
        ("disk", r"takes no files .*: make it writable or set ISS_HOME to another\."),
        ("kafka", r"start it or set ISS_KAFKA_URL\."),
        ("database", r"MongoDB does not answer; start it or correct ISS_MONGO_URL"),
        ("clock", r"clock of the feed and that of this machine differ by \d+ s: let both follow a time server"),
        ("announcers", r"The webhook cannot be reached .* or correct ISS_WEBHOOK_URL\."),
        ("worker", r"is not an iss-agents worker: set ISS_URL to the address of a worker\."),
    )
    _require(
        answer.found("warning"),
        ("topics", r"Not checked, because Kafka could not be asked"),
        ("groups", r"Not checked, because Kafka could not be asked"),
        ("indexes", r"Not checked, because MongoDB did not answer"),
        ("feed", r"answers 503: wait, it comes back by itself\."),
    )


@pytest.mark.long
async def test_a_sound_deployment_has_no_finding(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "home", **variables) as worker:
        monkeypatch.setenv("ISS_URL", worker.url)
        await until(worker.healthy, START_SECONDS)
        answer = await ask()

    assert (answer.found("failing"), answer.found("warning"), answer.exit_code) == ([], [], 0)
    assert len({subject for subject, _ in answer.found("ok")}) == 13


def test_a_value_that_is_none_is_a_finding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "wab")
    result = CliRunner().invoke(doctor)

    assert result.exit_code == 1
    assert result.stdout.startswith("failing  settings    ISS_ROLES is 'wab': Input should be ")
    assert result.stdout.endswith(": correct it, and run this again.\n")
