"""Summarises the hours that are over, beside the archive and slower than it could.

Any number may run, and stop anywhere: an hour is replaced only if no readings came to it meanwhile.
"""

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from time import monotonic

from mode import Service

from iss_agents.archive import catch_up
from iss_agents.archive.buckets import HOUR, MINUTE
from iss_agents.archive.database import Database, DatabaseAway, Document, TooSlow, away_if_it_fails, connect
from iss_agents.archive.folding import fold
from iss_agents.archive.hours import SUMMARIES, closed_before, fuller, minutes_of, summary_of
from iss_agents.settings import Settings
from iss_agents.station_clock import from_milliseconds

logger = logging.getLogger(__name__)

ROUND_SECONDS = 20.0
"""How often it looks for hours that are over."""

AT_ONCE = 1000
"""Hours that it takes on in one round: three for each item."""

REST = 2.0
"""For each second that the database works it is left in peace for so many: the archive's writes come first."""

FOLD_MS = 5_000


class Summariser(Service):
    """Makes the documents of the collection `summaries` anew."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    async def on_start(self) -> None:
        """Make the connection's object; nothing need answer yet."""
        self._database: Database = connect(self._settings)

    async def on_shutdown(self) -> None:
        """Disconnect, after the task has ended; a worker that could not start has no connection."""
        if "_database" in self.__dict__:
            self._database.client.close()

    @Service.task
    async def _summarise(self) -> None:
        while not self.should_stop:
            try:
                await self._round()
            except DatabaseAway as error:
                # The archive says the same to the operator.
                logger.debug("no summaries now: %s", error)
            await self.sleep(ROUND_SECONDS)

    async def _round(self) -> None:
        await catch_up.begin(self._database, datetime.now(UTC), self._settings.retention)
        while not self.should_stop:
            await self._summarise_all()
            if not await self._paced(catch_up.go_on(self._database)):
                return

    async def _summarise_all(self) -> None:
        for hour in await stale_hours(self._database, datetime.now(UTC)):
            if self.should_stop:
                return
            await self._paced(summarise(self._database, hour))

    async def _paced(self, work: Awaitable[bool]) -> bool:
        began = monotonic()
        done = await work
        await self.sleep(REST * (monotonic() - began))
        return done


async def stale_hours(database: Database, now: datetime) -> list[Document]:
    """Return hours that are over, to which readings came and no more are expected, AT_ONCE at most.

    Raises:
        DatabaseAway: MongoDB did not answer.
    """
    within = {"stale": True, "hour": {"$lt": from_milliseconds(closed_before(now))}}
    with away_if_it_fails():
        hours = await database[SUMMARIES].find(within, limit=AT_ONCE, max_time_ms=FOLD_MS).to_list(None)
    # Not a part of the question: the embedded database would use no index for it.
    return [hour for hour in hours if hour.get("rests_until", now) <= now]


async def summarise(database: Database, hour: Document) -> bool:
    """Make an hour anew; return whether it is, and not whether readings came to it meanwhile.

    Raises:
        DatabaseAway: MongoDB did not answer.
    """
    start: datetime = hour["hour"]
    end = start + timedelta(milliseconds=HOUR)
    try:
        minutes = await fold(database, hour["item_id"], start, end, MINUTE, FOLD_MS)
    except TooSlow as error:
        logger.info("%s stays without summary: %s", hour["_id"], error)
        return False
    minutes = fuller(minutes_of(hour), minutes)
    change = {"$set": summary_of(minutes, datetime.now(UTC))}
    # Still stale: another summariser may have made it before some of its readings expired.
    unchanged = {"_id": hour["_id"], "marks": hour["marks"], "stale": True}
    with away_if_it_fails():
        result = await database[SUMMARIES].update_one(unchanged, change)
    return bool(result.modified_count)
