import json
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from iss_agents.archive.commands import rewind as command
from iss_agents.archive.mongo import Database
from iss_agents.archive.reset_offsets import Rewound, rewind
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from tests.archive.kafka import lag, numbered_readings, publish, running, set_to_end
from tests.waiting import until

LATER = timedelta(milliseconds=1)


async def test_reads_again_from_a_time_what_the_database_has_lost(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await publish(producer, numbered_readings(10, "A"))
    sent = await publish(producer, numbered_readings(5, "B"))
    await set_to_end(settings)
    start = min(metadata.timestamp for metadata in sent)

    rewound = await rewind(settings, datetime.fromtimestamp(start / 1000, UTC))
    async with running(settings):
        await until(lambda: caught_up(settings))

    found = await database.readings.count_documents({"item_id": "B"})
    assert (rewound.records, found) == (await database.readings.count_documents({}), 5)


async def test_never_goes_forward_over_what_was_not_yet_archived(
    settings: Settings, producer: AIOKafkaProducer
) -> None:
    await publish(producer, numbered_readings(10))

    rewound = await rewind(settings, datetime.now(UTC) + timedelta(hours=1))

    assert (rewound, await lag(settings)) == (Rewound(0, 0), 10)


async def test_refuses_while_an_archive_runs(
    settings: Settings, producer: AIOKafkaProducer, database: Database
) -> None:
    async with running(settings):
        await publish(producer, numbered_readings(1))
        await until(lambda: database.readings.find_one({}))
        with pytest.raises(UserError, match=r"1 running archive\(s\) would undo this; stop the workers"):
            await rewind(settings, datetime.now(UTC))


async def test_says_that_kafka_is_away(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"Kafka cannot be used at 127\.0\.0\.1:1"):
        await rewind(settings.model_copy(update={"kafka_url": "127.0.0.1:1"}), datetime.now(UTC))


def test_the_command_takes_a_relative_time_and_answers_in_json(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISS_KAFKA_URL", settings.kafka_url)

    result = CliRunner().invoke(command, ["archive", "--to", "-0s", "--json"], catch_exceptions=False)

    answer = json.loads(result.stdout)
    assert (answer["consumer"], answer["records"], answer["partitions"]) == ("archive", 0, 0)


def test_the_command_says_what_a_time_is() -> None:
    with pytest.raises(
        UserError,
        match="'yesterday' is not a time from 1970 to 2099: write 2026-08-11T10:27:48Z, 2026-08-11, or -2h",
    ):
        CliRunner().invoke(command, ["archive", "--to", "yesterday"], catch_exceptions=False)


async def caught_up(settings: Settings) -> bool:
    return await lag(settings) == 0
