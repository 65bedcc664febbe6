"""The records that Kafka has not acknowledged, in order: in memory, and on disk when that takes long."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from iss_agents import metrics
from iss_agents.feed.outgoing import Outgoing
from iss_agents.feed.spool import Spool, SpoolFull
from iss_agents.feed.takeover import Writer, open_spools

PENDING_LIMIT = 10_000
HIGH_WATER = PENDING_LIMIT * 8 // 10
BATCH_RECORDS = 2_000


class Outbox:
    """A queue whose head is the oldest spool and whose tail is memory, from which records move to disk."""

    def __init__(self) -> None:
        self._pending: deque[Outgoing] = deque()
        self._spools: list[Spool] = []
        self._spool_is_full = False

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

    def open(self, home: Path, limit_bytes: int, writer: Writer) -> datetime | None:
        """Take over the spools under `home` that are for `writer`, and return the newest ingest time in them.

        Raises:
            UserError: the spool's folder cannot be written.
        """
        self._spools = open_spools(home, limit_bytes, writer)
        return max((newest for spool in self._spools if (newest := spool.newest())), default=None)

    def put(self, records: Sequence[Outgoing]) -> int:
        """Take records and return how many, the newest, are refused: spool and memory are full."""
        room = max(0, PENDING_LIMIT - self.pending) if self._spool_is_full else len(records)
        self._pending.extend(records[:room])
        return max(0, len(records) - room)

    def next_batch(self) -> list[Outgoing]:
        """Return the oldest records, at most `BATCH_RECORDS`."""
        for spool in self._spools:
            if spool.count and (records := spool.head(BATCH_RECORDS)):
                return records
        return list(islice(self._pending, BATCH_RECORDS))

    def remove(self, batch: Sequence[Outgoing]) -> None:
        """Remove the oldest records, which may have moved to disk since they were the next batch."""
        spool = next((spool for spool in self._spools if spool.count), None)
        if spool is None:
            for _ in batch:
                self._pending.popleft()
        # An unreadable spool was set aside meanwhile, and the batch with it.
        elif spool.head(1) == batch[:1]:
            spool.remove(len(batch))
            self._drop_if_drained(spool)

    async def move_to_disk(self) -> None:
        """Move what is in memory to the spool, as far as that has room."""
        # A batch under way is the head of the pending ones and moves as a whole, because chunks are as large.
        while self._pending:
            chunk = list(islice(self._pending, BATCH_RECORDS))
            try:
                self._spools[-1].append(chunk)
            except SpoolFull:
                self._spool_is_full = True
                return
            self._spool_is_full = False
            for _ in chunk:
                self._pending.popleft()
            metrics.SPOOLED.inc(len(chunk))
            await asyncio.sleep(0)

    def look_for_room(self) -> bool:
        """Return whether more is taken again. An empty spool is believed to have room until it is tried."""
        if self.above_high_water:
            return False
        if not self.spooled:
            self._spool_is_full = False
        return not self._spool_is_full

    async def checkpoint(self) -> None:
        """Let the disk work on the logs of the spools where they have grown."""
        for spool in [spool for spool in self._spools if spool.needs_checkpoint]:
            await asyncio.to_thread(spool.checkpoint)

    def close(self) -> None:
        """Release the spools. What is in memory is lost."""
        for spool in self._spools:
            spool.close()

    def _drop_if_drained(self, spool: Spool) -> None:
        if not spool.count and spool is not self._spools[-1]:
            self._spools.remove(spool)
            spool.close()
