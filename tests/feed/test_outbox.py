from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iss_agents.feed.outbox import BATCH_RECORDS, PENDING_LIMIT, Outbox, SpoolLocation
from iss_agents.telemetry.shards import WHOLE
from tests.feed.test_spool import MEBIBYTE, records


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    outbox = Outbox(SpoolLocation(tmp_path, MEBIBYTE, WHOLE))
    await outbox.recover()
    yield outbox
    await outbox.close()


def held(outbox: Outbox) -> tuple[int, int]:
    return outbox.pending, outbox.spooled


async def test_a_batch_that_moved_to_disk_while_it_was_sent_is_removed_there(outbox: Outbox) -> None:
    sent = records(*range(BATCH_RECORDS))
    outbox.put(sent)
    batch = await outbox.next_batch()
    outbox.put(records(BATCH_RECORDS))
    await outbox.move_to_disk()
    outbox.put(records(BATCH_RECORDS + 1))
    await outbox.remove(batch)

    assert batch == sent
    assert held(outbox) == (1, 1)
    assert await outbox.next_batch() == records(BATCH_RECORDS)
    await outbox.remove(records(BATCH_RECORDS))
    assert await outbox.next_batch() == records(BATCH_RECORDS + 1)


async def test_with_a_full_spool_the_memory_fills_and_then_the_newest_are_refused(outbox: Outbox) -> None:
    while not outbox.pending:
        assert outbox.put(records(*range(BATCH_RECORDS), size=100)) == 0
        await outbox.move_to_disk()
    assert held(outbox)[0] == BATCH_RECORDS

    assert outbox.put(records(*range(PENDING_LIMIT))) == BATCH_RECORDS
    assert outbox.pending == PENDING_LIMIT
    assert not outbox.check_room()
    while outbox.spooled:
        await outbox.remove(await outbox.next_batch())
    await outbox.remove(await outbox.next_batch())
    await outbox.remove(await outbox.next_batch())
    assert outbox.check_room()
    assert outbox.put(records(1)) == 0
