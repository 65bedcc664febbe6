"""Updates of the station: six text fields of an item, named as in the public feed."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from iss_agents.telemetry.catalog import SIGNAL_ITEM, YEAR_ITEM
from iss_agents.telemetry.records import GOOD_STATUS
from iss_agents.telemetry.station_clock import station_hours

TIME_STAMP = "TimeStamp"
VALUE = "Value"
STATUS_CLASS = "Status.Class"
STATUS_INDICATOR = "Status.Indicator"
STATUS_COLOR = "Status.Color"
CALIBRATED_DATA = "CalibratedData"
FIELDS = (TIME_STAMP, VALUE, STATUS_CLASS, STATUS_INDICATOR, STATUS_COLOR, CALIBRATED_DATA)
"""The schema of the public feed (Lightstreamer's ISSLive demo client)."""

Fields = Mapping[str, str | None]


class Update(NamedTuple):
    """Fields of one item as sent. With `new_session` every client must first open a new session."""

    item_id: str
    fields: Fields
    new_session: bool = False


class Source(Protocol):
    """A part of the station that measures something."""

    def due(self, now: datetime) -> list[Update]:
        """Return what was measured since the last call, up to `now`; the first call also gives a snapshot."""


def time_stamp(time: datetime) -> str:
    """Return the text of a time stamp: the decimal hours of `time`."""
    return repr(station_hours(time))


def measured(
    item_id: str,
    time: datetime,
    value: str,
    status_class: str = GOOD_STATUS,
    calibrated_data: str | None = None,
) -> Update:
    """Return the update of a measurement taken at `time`."""
    return Update(
        item_id,
        {
            TIME_STAMP: time_stamp(time),
            VALUE: value,
            STATUS_CLASS: status_class,
            STATUS_INDICATOR: None,
            STATUS_COLOR: None,
            CALIBRATED_DATA: calibrated_data,
        },
    )


def signal(time: datetime, status_class: str = GOOD_STATUS) -> Update:
    """Return the station's clock at `time`: milliseconds in the year, and whether the signal is acquired."""
    return measured(SIGNAL_ITEM, time, str(round(station_hours(time) * 3_600_000)), status_class)


def year(time: datetime) -> Update:
    """Return the station's year at `time`."""
    return measured(YEAR_ITEM, time, str(time.year))
