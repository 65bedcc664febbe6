"""What `keep_last_seen` hands on comes in the order of the raw topic."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from iss_agents.agents.keep_last_seen import keep_batch
from iss_agents.application import app
from iss_agents.streaming.batches import PartitionExecutor
from iss_agents.streaming.outputs import Output
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import decode_reading, encode, new_reading
from iss_agents.telemetry.topics import RAW, WATER, Topic, partition_for
from tables.last_seen import last_seen

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class SlowKafka:
    """Takes what agents write, when it may. `forwarded` are the items of what they hand on, in order."""

    def __init__(self) -> None:
        self.forwarded: list[str] = []
        self.may_take = asyncio.Event()

    async def send(self, topic: Topic, _partition: int, outputs: Iterable[Output]) -> range:
        items = [decode_reading(output.value).item_id for output in outputs if topic == WATER]
        await self.may_take.wait()
        self.forwarded += items
        return range(len(items))


def list_of(*items: str) -> Any:
    """An event with a reading of each of these items, all of one partition."""
    (partition,) = {partition_for(item) for item in items}
    records = []
    for offset, item in enumerate(items):
        at = START + timedelta(seconds=offset)
        value = encode(new_reading(item, at, "1", ingest_ts=at, source="test"))
        records.append(ConsumerRecord(RAW.name, partition, offset, 0, 0, b"", value, None, 0, 0, ()))
    return SimpleNamespace(value=records, message=SimpleNamespace(tp=TP(RAW.name, partition)))


async def test_the_tanks_readings_are_handed_on_in_their_order_however_slow_kafka_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kafka = SlowKafka()
    monkeypatch.setattr(app, "outputs", kafka)
    monkeypatch.setattr(last_seen, "write", AsyncMock())
    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, keep_batch)
        await executor.run(list_of(TANK_ITEM, SIGNAL_ITEM))
        second = group.create_task(executor.run(list_of(PROCESSOR_ITEM)))
        await asyncio.sleep(0)
        assert not second.done()
        kafka.may_take.set()

    assert kafka.forwarded == [TANK_ITEM, SIGNAL_ITEM, PROCESSOR_ITEM]
