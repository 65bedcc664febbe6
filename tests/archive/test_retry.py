"""What the database refused is stored after a fix, once, however often it is sent again."""

from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import Span
from iss_agents.tools.dead_letters.service import inspect
from tests.archive.kafka import numbered_readings, publish, running
from tests.archive.stored import caught_up, stored_values
from tests.waiting import until

DUPLICATES = {"topic": "telemetry.raw.v1", "outcome": "duplicate"}


def duplicates() -> float:
    return REGISTRY.get_sample_value("iss_archive_documents_total", DUPLICATES) or 0.0


async def retried(settings: Settings, span: Span) -> list[str]:
    return [one.outcome async for one in inspect(settings, span, retry=True)]


async def test_a_refused_reading_is_stored_after_a_fix_once_however_often_it_is_sent_again(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    span = Span(datetime.now(UTC))
    await database.create_collection("readings", validator={"value": {"$ne": "1"}})
    async with running(settings):
        await publish(producer, numbered_readings(3))
        await until(lambda: database.invalid.find_one({}))
        assert await retried(settings, span) == ["sent again"]
        await until(lambda: caught_up(settings))
        assert await stored_values(database) == ["0", "2"]
        assert await database.invalid.count_documents({}) == 1

        await database.command("collMod", "readings", validator={})
        before = duplicates()
        assert [await retried(settings, span) for _ in range(2)] == [["sent again"]] * 2
        await until(lambda: caught_up(settings))
        await until(lambda: duplicates() == before + 1)

    assert await stored_values(database) == ["0", "1", "2"]
    assert await database.invalid.count_documents({}) == 1
