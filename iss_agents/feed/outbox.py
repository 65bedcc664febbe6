"""Outbox: the records that Kafka has not acknowledged, in order, in memory and, if that takes long, on disk."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_directory import Writer, abandoned_spools, by_age, open_spools
from iss_agents.feed.spool_file import SpoolDamaged, SpoolUnavailable
from iss_agents.runtime import metrics

PENDING_LIMIT = 10_000
HIGH_WATER = PENDING_LIMIT * 8 // 10
BATCH_RECORDS = 2_000
RETRY_SECONDS = 1.0
"""How long until a disk that failed is tried again: an attempt may block the event loop."""

Result = TypeVar("Result")


class SpoolLocation(NamedTuple):
    """Where spools are, how large one may become, and who writes them."""

    home: Path
    limit_bytes: int
    writer: Writer


class Outbox:
    """A queue whose head is the oldest spool and whose tail is memory, from which records move to disk.

    `disk_problem` says why the disk accepts no records, and is empty while it does. `repairs` counts damaged
    spools.
    """

    def __init__(self, location: SpoolLocation) -> None:
        self.disk_problem = ""
        self.repairs = 0
        self._location = location
        self._pending: deque[ProducerRecord] = deque()
        self._spools: list[Spool] = []
        self._retry_at = 0.0
        # One coroutine at a time uses the spools: a repair runs in another thread.
        self._disk = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Records in memory."""
        return len(self._pending)

    @property
    def spooled(self) -> int:
        """Records on disk."""
        return sum(spool.count for spool in self._spools)

    @property
    def spool_bytes(self) -> int:
        """Size of all spools on disk."""
        return sum(spool.bytes for spool in self._spools)

    @property
    def above_high_water(self) -> bool:
        """Whether the memory is nearly full."""
        return self.pending >= HIGH_WATER

    def put(self, records: Sequence[ProducerRecord]) -> int:
        """Enqueue records; return how many, the newest, are rejected because disk and memory are full."""
        room = max(0, PENDING_LIMIT - self.pending) if self.disk_problem else len(records)
        self._pending.extend(records[:room])
        return max(0, len(records) - room)

    async def recover(self) -> datetime | None:
        """Recover the spools of earlier workers, before anything newer; return the newest ingest time in them.

        The records in memory move to disk first, because spools are ordered like their records.

        Raises:
            UserError: the spool's folder cannot be written.
            SpoolUnavailable: a spool cannot be read now; it is recovered all the same.
        """
        return await _uncancelled(self._recover())

    async def recover_abandoned(self) -> int:
        """Recover spools that no worker holds any longer; return the number of their records.

        Raises:
            OSError: the folder cannot be read.
        """
        return await _uncancelled(self._recover_abandoned())

    async def next_batch(self) -> list[ProducerRecord]:
        """Return the oldest records, at most `BATCH_RECORDS`.

        Raises:
            SpoolUnavailable: they are on disk, which cannot be read now.
        """
        async with self._disk:
            for spool in self._spools:
                if spool.count and (
                    records := await self._repairing(spool, partial(spool.head, BATCH_RECORDS))
                ):
                    return records
            return list(islice(self._pending, BATCH_RECORDS))

    async def remove(self, batch: Sequence[ProducerRecord]) -> None:
        """Remove the oldest records, which may have moved to disk since they were the next batch.

        Raises:
            SpoolUnavailable: they stay, and are sent again.
        """
        async with self._disk:
            spool = next((spool for spool in self._spools if spool.count), None)
            if spool:
                await self._repairing(spool, partial(spool.remove, batch))
                self._close_drained()
                return
            delivered = iter(batch)
            while self._pending and self._pending[0] in delivered:
                self._pending.popleft()

    async def move_to_disk(self) -> None:
        """Move the records in memory to the spool, as far as it has room."""
        async with self._disk:
            # A batch in flight is the head of the pending records and moves as a whole: chunks are as large.
            while self._pending and self._spools and monotonic() >= self._retry_at:
                chunk = list(islice(self._pending, BATCH_RECORDS))
                if not await self._append(chunk):
                    return
                for _ in chunk:
                    self._pending.popleft()
                metrics.SPOOLED.inc(len(chunk))
                await asyncio.sleep(0)

    def check_room(self) -> bool:
        """Return whether records are accepted again. An empty spool counts as usable until it is tried."""
        if self.above_high_water:
            return False
        if not self.spooled:
            self.disk_problem = ""
        return not self.disk_problem

    async def checkpoint(self) -> None:
        """Checkpoint the spools whose logs have grown."""
        for spool in [spool for spool in self._spools if spool.needs_checkpoint]:
            try:
                await asyncio.to_thread(spool.checkpoint)
            except SpoolDamaged:
                # The next reader finds the damage, too, and has the time to repair it.
                continue

    async def close(self) -> None:
        """Move the records in memory to disk, as far as it has room, and release the spools."""
        self._retry_at = 0.0
        await self.move_to_disk()
        for spool in self._spools:
            spool.close()

    async def _recover(self) -> datetime | None:
        await self.move_to_disk()
        async with self._disk:
            held = set(self._spools)
            self._spools = await asyncio.to_thread(open_spools, *self._location, self._spools)
            self._close_drained()
            found = [await self._repairing(spool, spool.newest) for spool in self._spools if spool not in held]
        return max(filter(None, found), default=None)

    async def _recover_abandoned(self) -> int:
        async with self._disk:
            found = await asyncio.to_thread(abandoned_spools, *self._location)
            self._spools = sorted([*self._spools, *found], key=by_age)
            self._close_drained()
        return sum(spool.count for spool in found)

    async def _append(self, records: Sequence[ProducerRecord]) -> bool:
        try:
            await self._repairing(self._spools[-1], partial(self._spools[-1].append, records))
        except SpoolUnavailable as error:
            self.disk_problem, self._retry_at = str(error), monotonic() + RETRY_SECONDS
            return False
        self.disk_problem = ""
        return True

    async def _repairing(self, spool: Spool, work: Callable[[], Result]) -> Result:
        """Do `work`, once more if the spool had to be repaired."""
        try:
            return work()
        except SpoolDamaged as damage:
            self.repairs += 1
            await _uncancelled(asyncio.to_thread(spool.repair, damage))
        try:
            return work()
        except SpoolDamaged as damage:
            raise SpoolUnavailable(f"the spool is damaged again ({damage})") from damage

    def _close_drained(self) -> None:
        *older, newest = self._spools
        drained = [spool for spool in older if not spool.count]
        self._spools = [spool for spool in older if spool.count] + [newest]
        for spool in drained:
            spool.close()


async def _uncancelled(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`; a cancellation waits for its end, so that locks stay consistent."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
