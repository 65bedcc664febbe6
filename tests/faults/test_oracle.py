"""The oracle notices what it is there for: each kind of harm, done to a system that was right."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from pymongo.database import Database

from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import open_reader
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG, partition_for
from iss_agents.tools.soak.invariants import differences, last_values
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS
from tests.faults.stage import Stage

ITEM, OTHER = sorted(NUMBERED_ITEMS)[:2]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_each_kind_of_harm_is_named(stage: Stage) -> None:
    assert await stage.differences() == []
    settings = stage.system.settings
    await stage.worker.kill()
    with MongoClient[dict[str, Any]](settings.mongo_url.get_secret_value(), tz_aware=True) as client:
        _harm(client[settings.mongo_database])
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers) as producer:
        for item, value in ((ITEM, None), (OTHER, await _older_value(settings, OTHER))):
            await producer.send_and_wait(
                LAST_SEEN_CHANGELOG.name, value, encode(item), partition=partition_for(item)
            )

    given = stage.generator.given
    found = await differences(settings, replace(given, broken=[*given.broken, b"not sent"]))

    for expected in (
        f"readings: 1 are missing without an excuse, {ITEM} 1",
        f"{ITEM}: 2 of ",
        f"last_seen: 2 values differ from the raw topic, {ITEM}, {OTHER}",
        "telemetry.raw.v1: 1 are missing, b'not sent'",
        "events: 1 should not be there, alien",
        "verify: missing readings ",
    ):
        assert any(sentence.startswith(expected) for sentence in found), (expected, found)


async def _older_value(settings: Settings, item: str) -> bytes:
    """Return what a worker that stood still would write over the newest value of an item."""
    async with open_reader(settings) as reader:
        newest = (await last_values(reader, LAST_SEEN_CHANGELOG))[item]
    # Numbers begin with 1, so that this is older than the newest one, however few there are.
    return encode({**newest, "reading": {**newest["reading"], "value": "0"}})


def _harm(database: Database[dict[str, Any]]) -> None:
    readings = database["readings"]
    first = readings.find_one_and_delete({"item_id": ITEM, "value": "1"})
    assert first
    second = readings.find_one({"item_id": ITEM, "value": "2"})
    assert second
    moved = {**second, "_id": "moved", "source_ts": second["source_ts"] + timedelta(milliseconds=1)}
    readings.insert_one(moved)
    database["events"].insert_one({"_id": "alien"})
