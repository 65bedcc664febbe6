"""Updates and readings for tests of the feed, as a healthy station sends them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from iss_agents.feed.decode import FIELDS, Update
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import GOOD_STATUS, Reading, new_reading
from iss_agents.telemetry.station_clock import station_hours

NOW = datetime(2026, 8, 11, 16, 44, 45, tzinfo=UTC)
ITEM = "NODE3000005"

NUMBERS = ("NODE3000005", "NODE3000008", "NODE3000009", "P4000001", "S0000004", "P6000001")
"""Items whose value is a number, so that zero is no ordinary state of theirs."""


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def fields(**changes: str | None) -> dict[str, str | None]:
    """The six fields of a healthy reading; a field is named without its dot."""
    healthy = (repr(station_hours(NOW)), "37", GOOD_STATUS, None, None, None)
    changed = {name.replace("Status", "Status."): value for name, value in changes.items()}
    return dict(zip(FIELDS, healthy, strict=True)) | changed


def update(item_id: str = ITEM, **changes: str | None) -> Update:
    return Update(item_id, fields(**changes), snapshot=False, session=1, arrival=after(6))


def reading(
    item_id: str = ITEM, value: str = "37", at: float = 0, *, age: float = 6, **changes: Any
) -> Reading:
    """A reading that came in `at` seconds after NOW, measured `age` seconds before."""
    defaults: dict[str, Any] = {"source": "isslive", "status_class": GOOD_STATUS, "session": 1}
    return new_reading(item_id, after(at - age), value, ingest_ts=after(at), **(defaults | changes))


def arrived(reading: Reading) -> float:
    """Return how many seconds after NOW a reading came in."""
    return (reading.ingest_ts - NOW).total_seconds()


def clock(at: float = 0, **changes: Any) -> Reading:
    return reading(SIGNAL_ITEM, "19276068000", at, **changes)
