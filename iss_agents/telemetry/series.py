"""Series: the readings of one item that belong together. Test readings of an item are a series of their own.

The series of the feed's readings is named as the item, whichever feed it is: a system has one. So Tables and
rollups of versions without test series are those of the feed.
"""

from typing import get_args

from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import Source

SOURCES: tuple[Source, ...] = get_args(Source)

TEST: Source = "test"

TEST_PREFIX = "test|"


def series_of(item_id: str, source: str | None) -> str:
    """Return the series of an item's readings from a source: the key in Tables and rollups."""
    return TEST_PREFIX + item_id if source == TEST else item_id


def item_of(series: str) -> str:
    """Return the item of a series."""
    return series.removeprefix(TEST_PREFIX)


def is_test(series: str) -> bool:
    """Return whether a series has test readings."""
    return series.startswith(TEST_PREFIX)


def detector_of(source: Source) -> str:
    """Return the key of the detector's state for readings from a source in the Table `tank_levels`."""
    return TEST if source == TEST else TANK_ITEM
