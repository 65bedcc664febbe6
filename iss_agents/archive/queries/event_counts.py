"""Event counts of a span by day or hour, in any time zone: where a day begins depends on who reads."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from iss_agents.archive.destinations import EVENTS
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.telemetry.records import Source

FIELDS = {"start": 1, "kind": 1, "delta_percent": 1, "source": 1}
"""Projection of an event: there are some thousand a year, so they are counted here."""

By = Literal["day", "hour"]


class Uses(NamedTuple):
    """Events that began in the day or hour from `start`, UTC. `percent`: how much the uses filled the tank."""

    start: datetime
    uses: int
    unobserved: int
    percent: float


async def count_uses(
    database: Database, within: Document, source: Source, by: By, zone: ZoneInfo, milliseconds: int
) -> list[Uses]:
    """Return the days or hours of a zone with events of a source `within` a span, oldest first.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer within `milliseconds`.
    """
    found = database[EVENTS.collection].find(within, FIELDS, max_time_ms=milliseconds)
    with mongo_errors():
        events = await found.to_list(None)
    # Not part of the query: with it the embedded database would use no index.
    return counted((event for event in events if event.get("source") == source), by, zone)


def counted(events: Iterable[Document], by: By, zone: ZoneInfo) -> list[Uses]:
    """Return the counts of events, by the day or hour of the zone that they began in."""
    kinds, percent = Counter[tuple[datetime, bool]](), Counter[datetime]()
    for event in events:
        start, is_use = start_of(event["start"], by, zone), event["kind"] == "use"
        kinds[start, is_use] += 1
        percent[start] += event["delta_percent"] if is_use else 0
    starts = sorted({start for start, _ in kinds})
    return [Uses(start, kinds[start, True], kinds[start, False], float(percent[start])) for start in starts]


def start_of(time: datetime, by: By, zone: ZoneInfo) -> datetime:
    """Return when the day or hour of the zone began that a time lies in, UTC."""
    local = time.astimezone(zone)
    if by == "hour":
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    # The first of two midnights: clocks may be set back in the night.
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
