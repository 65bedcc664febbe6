"""Backlog of the raw topic: what an earlier run left unfinished, and what this one has published."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from iss_agents.config.kafka import KafkaSettings
from iss_agents.telemetry.topics import RAW

if TYPE_CHECKING:
    from iss_agents.kafka.offsets import PartitionPosition
    from iss_agents.kafka.reader import TopicReader

ATTEMPTS = 10
RETRY_SECONDS = 0.5


class Before(NamedTuple):
    """Readings before a worker starts: how many the archive has yet to store, how many were ever published."""

    unfinished: int
    published: int


async def before(kafka_url: str, home: Path, group: str) -> Before:
    """Count the readings that wait for `group` in Kafka or in a spool under `home`, and those ever published.

    Call it when Kafka runs and no worker does.
    """
    from iss_agents.feed.spool_directory import count_records  # noqa: PLC0415 - the local stack starts without it

    spooled = count_records(home, RAW.name)
    async with _reader(kafka_url) as reader:
        positions = await _positions_once_known(reader, group)
    unread, ends = sum(each.lag for each in positions), sum(each.end for each in positions)
    return Before(unread + spooled, ends)


async def _positions_once_known(reader: "TopicReader", group: str) -> Collection["PartitionPosition"]:
    """Return the positions of a group; a broker that has just started learns of them one by one."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - slow to import

    for _ in range(1, ATTEMPTS):
        with suppress(KafkaError):
            positions = await _positions(reader, group)
            if all(each.committed is not None or not each.end for each in positions):
                return positions
        await asyncio.sleep(RETRY_SECONDS)
    return await _positions(reader, group)


async def _positions(reader: "TopicReader", group: str) -> Collection["PartitionPosition"]:
    if not await reader.has_topic(RAW):
        return ()
    return (await reader.positions(group, [RAW])).values()


async def published(kafka_url: str, seconds: float) -> int:
    """Return how many readings were ever published to Kafka.

    Raises:
        UserError, TimeoutError: Kafka does not answer within `seconds`.
    """
    async with asyncio.timeout(seconds), _reader(kafka_url) as reader:
        return sum((await reader.end_offsets(RAW)).values()) if await reader.has_topic(RAW) else 0


@asynccontextmanager
async def _reader(kafka_url: str) -> AsyncIterator["TopicReader"]:
    from iss_agents.kafka.reader import open_reader  # noqa: PLC0415 - slow to import

    # The local Kafka has no users, whatever the environment says of another one.
    async with open_reader(KafkaSettings.model_construct(kafka_url=kafka_url)) as reader:
        yield reader
