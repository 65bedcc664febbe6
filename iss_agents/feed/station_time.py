"""Station time: the year of every time stamp, and whether the station's clock and this machine's agree.

A time stamp has no year (feed.md), and the year of a wrong clock is wrong. So two clocks have to agree: this
machine's, and the station's, which sends its year as a separate item.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from iss_agents.feed.decode import Update
from iss_agents.telemetry.catalog import SIGNAL_ITEM, YEAR_ITEM, as_number
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import (
    MAX_AHEAD,
    YEAR_SLACK,
    ClockError,
    ClocksDisagreeError,
    in_year,
    live_time,
    nearest_time,
    remembered_time,
    rfc3339,
)

PART = "clock"
"""The health part that reports whether the two clocks agree."""

PLAUSIBLE_YEARS = range(1998, 2100)
"""From the launch of the first module to the last year that a record may have."""

NEW_YEAR = timedelta(seconds=10)
"""How far apart the clock's two items may change. During this time a clock a year off is not detected."""

CHECK_CLOCK = "updates are invalid until they agree: is this machine's clock right?"


class Tick(NamedTuple):
    """The last tick of the station's clock: decimal hours, and the time nearest to ours that they may mean."""

    hours: float
    time: datetime
    arrival: datetime
    session: int

    @property
    def is_ahead(self) -> bool:
        """Whether it lies in the future: our clock is late, or the station's is wrong."""
        return self.time > self.arrival + MAX_AHEAD


class StationTime:
    """The station's clock over all sessions, and the last reading of each item, which preserves its year.

    `disagreement` says how the two clocks differ while that leaves the year uncertain; it is empty otherwise.
    """

    def __init__(self, known: Mapping[str, Reading]) -> None:
        self.disagreement = ""
        self.needs_snapshot = False
        """Whether a snapshot is needed because the clocks agree again after updates were rejected; the caller
        resets it."""
        self._known = {item: (reading.source_ts, reading.value) for item, reading in known.items()}
        self._tick: Tick | None = None
        self._year: int | None = None
        self._rejected = False

    def remember(self, reading: Reading) -> None:
        """Remember the year of an item's last reading: the same value may be sent for years."""
        self._known[reading.item_id] = reading.source_ts, reading.value

    def time_of(self, update: Update, hours: float) -> datetime:
        """Return the UTC time of an update's time stamp.

        Raises:
            ClockError: it lies in the future, or its year is uncertain.
        """
        self._update_clocks(update, hours)
        try:
            return self._known_time(update, hours) or self._new_time(update, hours)
        except ClockError as error:
            if not self.disagreement:
                raise
            self._rejected = True
            raise ClocksDisagreeError(self.disagreement) from error

    def _update_clocks(self, update: Update, hours: float) -> None:
        if update.item_id == SIGNAL_ITEM:
            self._tick = Tick(hours, nearest_time(hours, update.arrival), update.arrival, update.session)
        elif update.item_id == YEAR_ITEM:
            # A broken broadcast sends zeros.
            year = as_number(update.fields.get("Value") or "") or 0.0
            self._year = int(year) if year in PLAUSIBLE_YEARS else self._year
        else:
            return
        self.disagreement = _disagreement(self._tick, self._year) if self._tick else ""
        if self._rejected and not self.disagreement:
            self._rejected, self.needs_snapshot = False, True

    def _known_time(self, update: Update, hours: float) -> datetime | None:
        if update.item_id not in self._known:
            return None
        time, value = self._known[update.item_id]
        if value != update.fields.get("Value"):
            return None
        # The station's hours may continue past the end of their year (feed.md).
        return time if time in {in_year(hours, time.year), in_year(hours, time.year - 1)} else None

    def _new_time(self, update: Update, hours: float) -> datetime:
        if update.snapshot:
            time = remembered_time(hours, update.arrival, self._newest(update))
        else:
            time = live_time(hours, update.arrival)
        if self.disagreement and not self._is_of_today(update, time):
            raise ClocksDisagreeError(self.disagreement)
        year = self._year if update.item_id == YEAR_ITEM else None
        if year and not _may_be_in_year(time, hours, year, update.arrival):
            raise ClocksDisagreeError(_year_disagreement(time, year))
        return time

    def _is_of_today(self, update: Update, time: datetime) -> bool:
        # A live update is minutes old: its year is certain even if the station's clock is ahead, but not if a
        # clock is a year off.
        tick, year = self._tick, self._year
        is_ahead = tick is not None and tick.is_ahead and not (year and _year_differs(tick, year))
        return is_ahead and not update.snapshot and update.arrival - time <= YEAR_SLACK

    def _newest(self, update: Update) -> datetime:
        """Return the time of the newest measurement in the update's snapshot, as far as it is known."""
        if self._tick and self._tick.session == update.session:
            return min(self._tick.time, update.arrival)
        return update.arrival


def _disagreement(tick: Tick, year: int | None) -> str:
    station, ours = rfc3339(tick.time), rfc3339(tick.arrival)
    if tick.is_ahead:
        return f"The station's clock says {station} and this machine's {ours}; {CHECK_CLOCK}"
    if year is None and tick.time < tick.arrival - YEAR_SLACK:
        return f"The station's clock says {station} without a year and this machine's {ours}; {CHECK_CLOCK}"
    if year is not None and _year_differs(tick, year):
        return _year_disagreement(tick.time, year)
    return ""


def _year_differs(tick: Tick, year: int) -> bool:
    return not _may_be_in_year(tick.time, tick.hours, year, tick.arrival)


def _year_disagreement(time: datetime, year: int) -> str:
    return f"The station's year is {year} and this machine's clock makes it {time.year}; {CHECK_CLOCK}"


def _may_be_in_year(time: datetime, hours: float, year: int, arrival: datetime) -> bool:
    slack = NEW_YEAR if abs(time - arrival) <= YEAR_SLACK else timedelta()
    # The station's hours may continue past the end of their year (feed.md).
    return year in {(time - slack).year, (time + slack).year} or in_year(hours, year) == time
