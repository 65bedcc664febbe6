"""Indexes are built beside the archive, which stores meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event
from time import monotonic
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from iss_agents.archive import index_builder, mongo
from iss_agents.archive.index_builder import IndexBuilder
from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.runtime.health import Health
from tests.archive.answering import Answer, Command, answering
from tests.archive.kafka import lag, numbered_readings, publish, running
from tests.waiting import until


class SlowBuilds:
    """Lets the database build no index before `go` is set, and counts how often that was asked for."""

    def __init__(self) -> None:
        self.go = Event()
        self.asked = 0

    async def __call__(self, command: Command) -> dict[str, Any] | None:
        if command.name == "createIndexes":
            self.asked += 1
            await until(self.go.is_set)
        return None


@asynccontextmanager
async def behind(settings: Settings, answer: Answer) -> AsyncIterator[Settings]:
    """Give settings with a proxy before the database."""
    async with answering(settings.mongo_url.get_secret_value(), answer) as url:
        yield settings.model_copy(update={"mongo_url": SecretStr(url)})


async def exist(database: Database) -> None:
    """Make every collection, as a database has them whose indexes have been dropped."""
    for name in ("readings", "gaps", "events", "posts", "invalid", "summaries", "days", "packed_hours"):
        await database.create_collection(name)


async def indexes(database: Database) -> int:
    return len(await database.readings.index_information())


async def test_the_archive_stores_while_indexes_are_being_built_and_says_so(
    settings: Settings, database: Database, producer: AIOKafkaProducer
) -> None:
    await exist(database)
    builds, health = SlowBuilds(), Health()
    async with behind(settings, builds) as proxied, running(proxied, health):
        await publish(producer, numbered_readings(20))
        await until(lambda: has_stored(settings, database, 20))
        await until(lambda: "indexes are being built (readings on item_id, s" in health.parts["archive"].detail)
        assert (health.ok, builds.asked, await indexes(database)) == (True, 1, 1)
        builds.go.set()
        await until(lambda: health.parts["archive"].detail == "stores what arrives")

    assert await indexes(database) == 4


async def test_says_how_far_a_build_is_if_the_server_does(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_builder, "PROGRESS_SECONDS", 0.05)
    await exist(database)
    builds = SlowBuilds()
    progress = [{"done": 99, "total": 100}, {"done": 21, "total": 100}]
    spaces = ["other.readings", f"{settings.mongo_database}.readings"]

    async def answer(command: Command) -> dict[str, Any] | None:
        if command.name != "currentOp":
            return await builds(command)
        operations = [
            {"op": "none", "ns": space, "progress": at} for space, at in zip(spaces, progress, strict=True)
        ]
        return {"ok": 1.0, "inprog": [{"op": "command"}, *operations]}

    async with behind(settings, answer) as proxied:
        builder = IndexBuilder(proxied)
        await builder.start()
        await until(lambda: builder.pending.endswith(", 21 % of the current one)"))
        builds.go.set()
        await until(lambda: not builder.pending)
        await builder.stop()


async def test_an_archive_ends_at_once_while_an_index_is_being_built(
    settings: Settings, database: Database
) -> None:
    await exist(database)
    builds, health = SlowBuilds(), Health()
    async with behind(settings, builds) as proxied:
        async with running(proxied, health):
            await until(lambda: builds.asked == 1 and "archive" in health.parts)
            began = monotonic()
        assert monotonic() - began < 2


async def test_a_long_build_is_asked_for_once(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exist(database)
    monkeypatch.setattr(mongo, "SOCKET_MS", 100)
    monkeypatch.setattr(mongo, "MAINTENANCE_MS", 100)
    builds = SlowBuilds()
    async with behind(settings, builds) as proxied:
        builder = IndexBuilder(proxied)
        await builder.start()
        await until(lambda: builds.asked == 1)
        await asyncio.sleep(0.5)  # five times what other calls may take
        assert builds.asked == 1
        builds.go.set()
        await until(lambda: not builder.pending)
        await builder.stop()


@pytest.mark.parametrize("expiry_alone", [True, False])
async def test_a_server_that_knows_no_expiry_or_no_index_is_stored_in_too(
    settings: Settings,
    database: Database,
    producer: AIOKafkaProducer,
    caplog: pytest.LogCaptureFixture,
    *,
    expiry_alone: bool,
) -> None:
    async def answer(command: Command) -> dict[str, Any] | None:
        if command.name != "createIndexes" or not (expires(command) or not expiry_alone):
            return None
        return {"ok": 0.0, "errmsg": "not implemented", "code": 238, "codeName": "NotImplemented"}

    asking = settings.model_copy(update={"retention_days": 30, "summary_days": 365})
    caplog.set_level(logging.WARNING, "iss_agents")
    health = Health()
    async with behind(asking, answer) as proxied, running(proxied, health):
        await publish(producer, numbered_readings(20))
        await until(lambda: has_stored(settings, database, 20))
        expected = "for ever and ISS_RETENTION_DAYS" if expiry_alone else "indexes cannot be built (MongoDB rej"
        await until(lambda: expected in caplog.text)
        assert health.ok


def expires(command: Command) -> bool:
    return any("expireAfterSeconds" in index for index in command.fields["indexes"])


async def has_stored(settings: Settings, database: Database, count: int) -> bool:
    return await database.readings.count_documents({}) == count and await lag(settings) == 0


class SlowDrops:
    """Lets the database drop no index before `go` is set; if `refused`, it then refuses, as when stopped."""

    def __init__(self, *, refused: bool) -> None:
        self.asked, self.go = Event(), Event()
        self._refused = refused

    async def __call__(self, command: Command) -> dict[str, Any] | None:
        if command.name != "dropIndexes":
            return None
        self.asked.set()
        await until(self.go.is_set)
        return {"ok": 0.0, "errmsg": "interrupted", "code": 11601} if self._refused else None


@pytest.mark.parametrize("killed", [True, False])
async def test_indexes_of_version_1_are_dropped_after_those_that_replace_them_also_by_a_successor(
    settings: Settings, database: Database, *, killed: bool
) -> None:
    await exist(database)
    for keys in ([("item_id", 1), ("source_ts", 1), ("_id", 1)], [("source_ts", 1), ("_id", 1)]):
        await database.readings.create_index(keys)
    drops = SlowDrops(refused=killed)
    async with behind(settings, drops) as proxied:
        builder = IndexBuilder(proxied)
        await builder.start()
        await until(drops.asked.is_set)
        between = set(await database.readings.index_information())
        drops.go.set()
        if killed:
            await builder.stop()
            builder = IndexBuilder(settings)
            await builder.start()
        await until(lambda: is_new(database))
        await builder.stop()

    assert between >= {
        "item_id_1_source_ts_1",
        "source_ts_1",
        "item_id_1_source_ts_1__id_1",
        "source_ts_1__id_1",
    }


async def is_new(database: Database) -> bool:
    names = set(await database.readings.index_information())
    return names == {"_id_", "item_id_1_source_ts_1", "source_ts_1", "ingest_ts_1"}
