"""Rollup job: computes the rollups of dirty hours in the background, throttled in favour of the archive.

Any number of jobs may run, and stop at any point: a rollup is replaced only if no readings arrived meanwhile.
"""

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from time import monotonic

from mode import Service

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import (
    Database,
    DatabaseUnavailableError,
    Document,
    RejectedError,
    connect_writer,
    disconnect,
    mongo_errors,
)
from iss_agents.archive.packed import backfill as packing
from iss_agents.archive.packed.hours import add_readings
from iss_agents.archive.queries.gaps import Overlap, gaps_from, overlapping
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups import backfill, day_backfill
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.day_job import compute_or_postpone_day, gaps_of_days, source_of, stale_days
from iss_agents.archive.rollups.days import day_of, mark_days
from iss_agents.archive.rollups.due import MALFORMED, QUERY_MS, stale_hours
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, summary_of
from iss_agents.archive.rollups.minutes import MinuteAggregator, id_columns, minutes_with_ids
from iss_agents.archive.rollups.reading_checksums import drop_ids, packed_outlive_redelivery
from iss_agents.archive.rollups.weighting import Gaps
from iss_agents.config.settings import Settings
from iss_agents.telemetry.catalog import names_states
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.series import TEST, is_test, item_of
from iss_agents.telemetry.station_clock import milliseconds, rfc3339

logger = logging.getLogger(__name__)

ROUND_SECONDS = 20.0
"""How often it looks for dirty hours."""

PAUSE_FACTOR = 2.0
"""Seconds of pause for each second that the database works: the archive's writes have priority."""

DROP_IDS_SECONDS = 3600.0
"""How often ids of readings are dropped."""

RETRY_DELAY = timedelta(minutes=10)
"""When an hour is tried again that MongoDB rejects or does not aggregate in time."""


class RollupJob(Service):
    """Computes the documents of the collections `summaries` and `days`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._drops_ids_at = 0.0

    async def on_start(self) -> None:
        """Create the client; it connects with the first query."""
        self._database: Database = connect_writer(self._settings)

    async def on_shutdown(self) -> None:
        """Disconnect after the task has ended; a worker that could not start has no client."""
        if "_database" in self.__dict__:
            await disconnect(self._database)

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            try:
                await self._round()
            except DatabaseUnavailableError as error:
                # The archive reports the same to the operator.
                logger.debug("rollups are postponed: %s", error)
            await self.sleep(ROUND_SECONDS)

    async def _round(self) -> None:
        await backfill.begin(self._database, datetime.now(UTC))
        await packing.begin(self._database, datetime.now(UTC))
        await day_backfill.begin(self._database, datetime.now(UTC))
        await self._drop_ids()
        while not self.should_stop:
            await self._compute_all()
            is_all = not await self._fill_in()
            await self._compute_days()
            if is_all:
                return

    async def _fill_in(self) -> bool:
        """Do the next step for what earlier versions left to do; return False if nothing is left."""
        return (
            await self._paced(day_backfill.check_next_hours(self._database, datetime.now(UTC)))
            or await self._paced(backfill.mark_next_window(self._database))
            or await self._pack_next_hour()
            or await self._paced(day_backfill.mark_next_day(self._database))
        )

    async def _pack_next_hour(self) -> bool:
        """Pack the next hour that was rolled up before there were packed ones; return False if none is left."""
        due = await packing.next_hours(self._database, datetime.now(UTC))
        if due is None:
            return False
        for hour in due.rollups:
            if self.should_stop:
                return False
            await self._paced(pack_or_skip(self._database, hour))
        await packing.reached(self._database, due.rollups[0]["hour"] + packing.ONE_HOUR, due.end)
        return True

    async def _drop_ids(self) -> None:
        if monotonic() >= self._drops_ids_at:
            await drop_ids(self._database, datetime.now(UTC))
            self._drops_ids_at = monotonic() + DROP_IDS_SECONDS

    async def _compute_all(self) -> None:
        for hour in await stale_hours(self._database, datetime.now(UTC)):
            if self.should_stop:
                return
            await self._paced(compute_or_postpone(self._database, hour))

    async def _compute_days(self) -> None:
        days = await stale_days(self._database, datetime.now(UTC))
        feed_source = self._settings.feed_source
        gaps_of = await gaps_of_days(self._database, days, feed_source) if days else None
        for day in days:
            if self.should_stop or gaps_of is None:
                return
            source = source_of(day["item_id"], feed_source)
            gaps = gaps_of(item_of(day["item_id"]), source)
            await self._paced(compute_or_postpone_day(self._database, day, source, gaps))

    async def _paced(self, work: Awaitable[bool]) -> bool:
        began = monotonic()
        done = await work
        await self.sleep(PAUSE_FACTOR * (monotonic() - began))
        return done


async def compute_or_postpone(database: Database, hour: Document) -> bool:
    """Compute a rollup; if MongoDB cannot, postpone it by RETRY_DELAY, so that it does not block the others.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    try:
        return await compute_rollup(database, hour)
    except (DatabaseUnavailableError, *MALFORMED) as error:
        rests_until = datetime.now(UTC) + RETRY_DELAY
        with mongo_errors():
            await database[SUMMARIES].update_one({"_id": hour["_id"]}, {"$max": {"rests_until": rests_until}})
        logger.warning("the rollup of %s is postponed until %s: %r", hour["_id"], rfc3339(rests_until), error)
        return False


async def pack_or_skip(database: Database, hour: Document) -> bool:
    """Pack the readings of an hour, and leave it alone if it or one of its readings was edited by hand.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    try:
        await packing.pack(database, hour)
    except (RejectedError, *MALFORMED) as error:
        logger.warning("%s is not packed: %r", hour["_id"], error)
        return False
    return True


async def compute_rollup(database: Database, hour: Document) -> bool:
    """Pack the readings of an hour, compute and store its rollup; return False if readings arrived meanwhile.

    The rollup covers all readings that were ever packed, also those whose documents have expired.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    series, now = hour["item_id"], datetime.now(UTC)
    packed, others = await _pack(database, hour)
    has_all = "packed" in hour and len(packed) >= hour["packed"]
    known = [] if has_all else minutes_with_ids(hour)
    aggregator = MinuteAggregator(series, known, named=names_states(item_of(series)))
    aggregator.add(packed)
    aggregator.add(others)
    minutes = aggregator.minutes()
    source: Source = next((each["source"] for each in (*packed, *others) if "source" in each), "isslive")
    summary = summary_of(minutes, now, await _gaps(database, hour, source))
    # Minutes that were known hold readings that are not packed: how many are packed says nothing.
    is_packed = has_all or "minutes" not in hour
    if is_packed:
        summary["packed"] = len(packed)
    columns = id_columns(minutes)
    if is_packed and await packed_outlive_redelivery(database, now):
        del columns["ids"]
    summary["minutes"] |= columns
    uncounted = {} if is_packed else {"$unset": {"packed": ""}}
    summary["day_marks"] = hour["marks"]
    if hour.get("lost") or await _has_lost_readings(database, hour, aggregator, now):
        summary["lost"] = True
    # Before the rollup is stored: if the job ends in between, the day is computed once more.
    await mark_days(database, {day_of(series, hour["hour"])})
    # Only if still dirty: another job may have computed it before some of its readings expired.
    unchanged = {"_id": hour["_id"], "marks": hour["marks"], "stale": True}
    with mongo_errors():
        result = await database[SUMMARIES].update_one(unchanged, {"$set": summary, **uncounted})
    return bool(result.modified_count)


async def _pack(database: Database, hour: Document) -> tuple[list[Document], list[Document]]:
    """Pack the documents of an hour; return all readings of its series, and the documents of other series."""
    series = hour["item_id"]
    with mongo_errors():
        found = await database[READINGS.collection].find(_within(hour), max_time_ms=QUERY_MS).to_list(None)
    by_series = packing.by_series(found)
    # Before the rollup is stored: if the job ends in between, the hour is still dirty.
    packed = await add_readings(database, Hour(series, milliseconds(hour["hour"])), by_series.pop(series, []))
    return packed, [document for documents in by_series.values() for document in documents]


def _within(hour: Document) -> Document:
    start: datetime = hour["hour"]
    end = start + timedelta(milliseconds=HOUR)
    return {"item_id": item_of(hour["item_id"]), "source_ts": {"$gte": start, "$lt": end}}


async def _gaps(database: Database, hour: Document, source: Source) -> Gaps:
    # Of another source they would do no harm: a query compares them with its own.
    start, end = hour["hour"], hour["hour"] + timedelta(milliseconds=HOUR)
    query = Overlap(start, end, TEST if is_test(hour["item_id"]) else source, item_of(hour["item_id"]))
    return gaps_from(await overlapping(database, query, QUERY_MS), end)


async def _has_lost_readings(
    database: Database, hour: Document, aggregator: MinuteAggregator, now: datetime
) -> bool:
    """Return whether readings expired before a rollup included them, as far as that can be known."""
    if "minutes" in hour:
        return False
    if aggregator.is_empty:
        # The hour was marked, so readings had been stored.
        logger.warning("The readings of %s expired before their rollup was computed", hour["_id"])
        return True
    # Late readings have not expired with the others, if there were any others.
    return not hour.get("late") and hour["hour"] < await kept_since(database, now)
