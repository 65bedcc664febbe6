"""Open gaps, and the end of the last one, from the records of their topic."""

from datetime import datetime
from itertools import islice

from iss_agents.telemetry.ordering import is_later, latest_plausible
from iss_agents.telemetry.records import Gap, Source, decode_gap
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.station_clock import milliseconds

MOST_ENDED = 10_000
"""Ids of closed gaps that are kept, so that the topic can be read again: months of losses of signal."""


class OpenGaps:
    """Gaps that have no end yet and are not known to be over.

    A gap of a killed worker never gets an end. It is over when the feed runs again, which is recorded as a gap
    of cause `restart` of the same source and shard, or of another number of shards: that gap ends with the
    first reading of the new feed, so gaps recorded before belong to the old one.
    """

    def __init__(self) -> None:
        # gap id -> gap, and the time of its record in milliseconds since 1970
        self._open: dict[str, tuple[Gap, int]] = {}
        self._ended: dict[str, None] = {}
        # source and shard of a feed -> when it last began, in milliseconds since 1970
        self._restarted: dict[tuple[Source, Shard], int] = {}
        self._last_end: dict[Source, datetime] = {}

    def apply(self, value: bytes, timestamp: int) -> None:
        """Apply the next record of the topic. Raises msgspec.DecodeError."""
        gap = decode_gap(value)
        if gap.end is None:
            self._begin(gap, timestamp)
        else:
            self._end(gap)

    def of(self, source: Source | None) -> list[Gap]:
        """Return the open gaps of a source, or of all, in the order of their records."""
        return [gap for gap, _ in self._open.values() if source in {gap.source, None}]

    def last_end(self, source: Source) -> datetime | None:
        """Return the latest end of a source's gaps that do not concern one item only."""
        return self._last_end.get(source)

    def _begin(self, gap: Gap, timestamp: int) -> None:
        if gap.gap_id not in self._ended and timestamp >= self._over_since(gap):
            self._open[gap.gap_id] = gap, timestamp

    def _over_since(self, gap: Gap) -> int:
        """Return when the feed that recorded a gap was last replaced by another."""
        shard = Shard.of(gap.shard)
        times = [
            at
            for (source, later), at in self._restarted.items()
            if source == gap.source and later.replaces(shard)
        ]
        # One in the future was recorded by a feed whose clock was ahead.
        return max((at for at in times if at <= latest_plausible()), default=0)

    def _end(self, ended: Gap) -> None:
        self._open.pop(ended.gap_id, None)
        self._ended[ended.gap_id] = None
        self._note_end(ended)
        for gap_id in list(islice(self._ended, max(0, len(self._ended) - MOST_ENDED))):
            del self._ended[gap_id]
        if ended.cause == "restart" and ended.end:
            self._restart((ended.source, Shard.of(ended.shard)), milliseconds(ended.end))

    def _note_end(self, ended: Gap) -> None:
        before = self._last_end.get(ended.source)
        if ended.end and not ended.item_id and (before is None or ended.end > before):
            self._last_end[ended.source] = ended.end

    def _restart(self, feed: tuple[Source, Shard], at: int) -> None:
        before = self._restarted.get(feed, 0)
        self._restarted[feed] = at if is_later(at, before, latest_plausible()) else before
        self._open = {
            gap_id: (gap, timestamp)
            for gap_id, (gap, timestamp) in self._open.items()
            if timestamp >= self._over_since(gap)
        }
