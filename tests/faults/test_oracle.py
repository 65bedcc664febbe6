"""The oracle notices what it is there for: each kind of harm, done to a system that was right."""

from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from pymongo.database import Database

from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.records import encode
from iss_agents.shard import Shard
from iss_agents.soak.numbers import NUMBERED_ITEMS
from iss_agents.soak.oracle import Given, differences
from iss_agents.topics import LAST_SEEN_CHANGELOG, partition_for
from tests.faults.stage import Stage

ITEM = next(item for item in NUMBERED_ITEMS if item != SIGNAL_ITEM)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_each_kind_of_harm_is_named(stage: Stage) -> None:
    assert await stage.differences() == []
    settings, numbers = stage.system.settings, stage.feeding.numbers
    await stage.worker.kill()
    with MongoClient[dict[str, Any]](settings.mongo_url.get_secret_value(), tz_aware=True) as client:
        _harm(client[settings.mongo_database])
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers) as producer:
        await producer.send_and_wait(
            LAST_SEEN_CHANGELOG.name, None, encode(ITEM), partition=partition_for(ITEM)
        )

    found = await differences(settings, Given(numbers, numbers.last(), [*stage.feeding.broken, b"not sent"]))

    for expected in (
        f"readings: 1 are missing and in no recorded gap, {ITEM} 1",
        f"{ITEM}: 2 of ",
        f"last_seen: 1 values differ from the raw topic, {ITEM}",
        "telemetry.raw.v1: 1 are missing, b'not sent'",
        "events: 1 should not be there, alien",
        "verify: missing readings ",
    ):
        assert any(sentence.startswith(expected) for sentence in found), (expected, found)


def _harm(database: Database[dict[str, Any]]) -> None:
    readings = database["readings"]
    first = readings.find_one_and_delete({"item_id": ITEM, "value": "1"})
    assert first
    # A gap of other items excuses nothing.
    shard = next(shard for shard in Shard(1, 2).siblings if not shard.holds(ITEM))
    span = {"start": first["source_ts"], "end": first["source_ts"], "shard": str(shard)}
    database["gaps"].insert_one({"_id": "of other items", **span})
    second = readings.find_one({"item_id": ITEM, "value": "2"})
    assert second
    moved = {**second, "_id": "moved", "source_ts": second["source_ts"] + timedelta(milliseconds=1)}
    readings.insert_one(moved)
    database["events"].insert_one({"_id": "alien"})
