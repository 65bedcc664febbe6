"""A fetch of a changelog is restored at once, and Faust's recovery gets one event for all of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from iss_agents.streaming.consumer import Transport
from iss_agents.streaming.tables import NewestTable
from iss_agents.telemetry.records import encode
from tests.streaming.scripted import Buffer, Script
from tests.waiting import until

CHANGELOG = TP("newest-changelog", 0)


class Restoration:
    """A Table whose changelog a consumer restores; `given` are the offsets of Faust's events."""

    def __init__(self, script: Script) -> None:
        self.consumer = script.consumer
        self.room = script.buffers[CHANGELOG].room
        self.given = script.given[CHANGELOG]
        self.table = NewestTable(self.consumer.app, name="newest", partitions=1)
        self.recovery = self.consumer.app.tables.recovery
        self.recovery.add_active(self.table, CHANGELOG)

    async def fetched(self, offsets: Iterable[int], *, undecodable: int = -1) -> None:
        """Deliver a fetch of changes, whose keys and values are their offsets."""
        await self.consumer._deliver(CHANGELOG, [_change(offset, undecodable) for offset in offsets])

    @property
    def values(self) -> dict[str, Any]:
        return {key: value["sequence"] for key, value in self.table.data.items()}

    @property
    def offset(self) -> int | None:
        offset: int | None = self.recovery.active_offsets[CHANGELOG]
        return offset


@pytest.fixture
async def restoration() -> AsyncIterator[Restoration]:
    script = Script(Transport)
    script.buffers[CHANGELOG], script.given[CHANGELOG] = Buffer(), []
    await script.start()
    yield Restoration(script)
    await script.stop()


async def test_a_fetch_is_one_event_however_many_changes_it_has(restoration: Restoration) -> None:
    await restoration.fetched(range(3, 500))

    assert restoration.values == {str(offset): offset for offset in range(3, 500)}
    assert (restoration.given, restoration.offset) == ([499], 499)


async def test_only_what_has_not_been_read_is_restored(restoration: Restoration) -> None:
    await restoration.fetched([3, 4])
    restoration.table.data.clear()
    await restoration.fetched([3, 4, 7])

    assert restoration.values == {"7": 7}
    assert not restoration.table.is_behind(0, 8)


async def test_a_rebalance_that_stops_the_event_neither_loses_nor_repeats_what_was_restored(
    restoration: Restoration,
) -> None:
    restoration.room.clear()
    delivery = asyncio.create_task(restoration.fetched([3, 4]))
    await until(lambda: bool(restoration.values))
    restoration.consumer.stop_flow()
    await delivery
    assert restoration.given == []

    restoration.room.set()
    restoration.consumer.resume_flow()
    await restoration.fetched([5])

    assert (restoration.values, restoration.given) == ({"3": 3, "4": 4, "5": 5}, [5])
    assert not restoration.table.is_behind(0, 6)


async def test_nothing_is_restored_during_a_rebalance_or_of_what_others_have(restoration: Restoration) -> None:
    restoration.consumer.stop_flow()
    await restoration.fetched([3])
    restoration.consumer.resume_flow()
    restoration.recovery.active_tps.clear()
    await restoration.fetched([3])

    assert (restoration.values, restoration.given, restoration.offset) == ({}, [], None)


async def test_a_last_change_that_is_none_shows_that_all_has_been_read(restoration: Restoration) -> None:
    await restoration.fetched([3, 4], undecodable=4)

    assert (restoration.values, restoration.given, restoration.offset) == ({"3": 3}, [4], 4)
    assert not restoration.table.is_behind(0, 5)


def _change(offset: int, undecodable: int) -> ConsumerRecord:
    value = b"{" if offset == undecodable else encode({"sequence": offset})
    return ConsumerRecord(*CHANGELOG, offset, 0, 0, encode(str(offset)), value, None, 0, 0, ())
