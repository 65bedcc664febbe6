"""A restore beside an archive that stores."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaProducer

from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.restore import restore
from tests.archive.kafka import lag, numbered_readings, publish, running
from tests.waiting import until

COUNT = 600


async def test_what_was_lost_comes_back_while_more_is_stored(
    settings: Settings, database: Database, producer: AIOKafkaProducer, tmp_path: Path
) -> None:
    readings = numbered_readings(2 * COUNT)
    async with running(settings):
        await publish(producer, readings[:COUNT])
        await until(lambda: is_stored(settings))
        await backup(settings, tmp_path / "file", force=False)
        lost = (await database.readings.delete_many({"value": {"$regex": "[02468]$"}})).deleted_count

        restored, _ = await asyncio.gather(
            restore(settings, tmp_path / "file"), publish(producer, readings[COUNT:])
        )
        await until(lambda: is_stored(settings))

    assert lost == COUNT // 2
    stored = [reading["value"] async for reading in database.readings.find({})]
    assert (restored.restored["readings"], restored.kept["readings"]) == (COUNT // 2, COUNT // 2)
    assert sorted(stored, key=int) == [str(number) for number in range(2 * COUNT)]


async def is_stored(settings: Settings) -> bool:
    return await lag(settings) == 0
