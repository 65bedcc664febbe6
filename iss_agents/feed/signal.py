"""Acquisition and loss of signal (AOS, LOS), from the station's clock. Pure but for one log line each."""

import logging
from datetime import datetime

from msgspec.structs import replace

from iss_agents.catalog import SIGNAL_ITEM, as_number
from iss_agents.feed.gaps import new_gap
from iss_agents.records import GOOD_STATUS, Gap, Reading, Source
from iss_agents.shard import WHOLE, Shard
from iss_agents.station_clock import rfc3339

logger = logging.getLogger(__name__)


class Signal:
    """Whether the ground has the station's signal; `acquired` is None until the clock has said so."""

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self.acquired: bool | None = None
        self._source = source
        self._shard = shard
        self._last_acquired: datetime | None = None
        self._lost: Gap | None = None

    def observe(self, reading: Reading) -> list[Gap]:
        """Return the loss of signal that this reading begins or ends, if any."""
        if reading.item_id != SIGNAL_ITEM or not reading.status_class:
            return []
        if not _is_good(reading.status_class):
            return self._lose(reading)
        # A clock that stands still says nothing about the signal now.
        return [] if reading.suspect else self._acquire(reading)

    def finish(self, now: datetime) -> list[Gap]:
        """Return the end of the open loss of signal, if any: nobody watches it any longer."""
        return self._end(now)

    def _lose(self, reading: Reading) -> list[Gap]:
        if self._lost:
            return []
        logger.warning(
            "Signal lost (LOS): Status.Class %s at %s", reading.status_class, rfc3339(reading.source_ts)
        )
        self.acquired = False
        start = self._last_acquired or reading.source_ts
        detail = f"Status.Class {reading.status_class}"
        self._lost = new_gap("los", start, detail=detail, source=self._source, shard=self._shard)
        return [self._lost]

    def _acquire(self, reading: Reading) -> list[Gap]:
        if not self.acquired:
            logger.info("Signal acquired (AOS) at %s", rfc3339(reading.source_ts))
        self.acquired = True
        self._last_acquired = reading.source_ts
        return self._end(reading.source_ts)

    def _end(self, at: datetime) -> list[Gap]:
        if not self._lost:
            return []
        ended, self._lost = replace(self._lost, end=max(at, self._lost.start)), None
        return [ended]


def _is_good(status_class: str) -> bool:
    return as_number(status_class) == float(GOOD_STATUS)
