"""Item documents of the API, and their JSON, of which only the age is rendered each time."""

from collections.abc import Iterable

import msgspec
from typing_extensions import TypedDict

from iss_agents.telemetry.catalog import Item, as_number
from iss_agents.telemetry.records import Reading, is_acceptable_status
from iss_agents.telemetry.series import series_of
from iss_agents.telemetry.severity import Severity, severity
from iss_agents.telemetry.station_clock import milliseconds, rfc3339
from web.base.view import Time
from web.current.freshness import KNOWN, Flow, Freshness
from web.current.signal import age_seconds
from web.current.snapshot import Now


class MeasuredDocument(TypedDict):
    """What of an item stays until it is measured again. What was never measured is null."""

    item_id: str
    """The item."""
    name: str
    """What it is called."""
    discipline: str
    """The discipline of the flight controllers that it belongs to."""
    unit: str
    """What it is measured in; empty if it has no unit."""
    note: str
    """What to know of the channel, such as that it seems not to be published; mostly empty."""
    stuck_after_seconds: int | None
    """How long it may stand before it is stuck, while readings flow; null if it may rest for ever."""
    measured: bool
    """Whether there is a reading."""
    value: str | None
    """The value as sent."""
    number: float | None
    """The number that the value spells."""
    state: str | None
    """What the value means, for items with named states."""
    source_ts: Time | None
    """When the station took it."""
    ingest_ts: Time | None
    """When it was received."""
    status_class: str | None
    """The feed's Status.Class: 24 is good."""
    good: bool | None
    """Whether the status vouches for the value: it is good, or was not sent."""
    severity: Severity | None
    """failure or caution if the state or the status asks for attention, inactive if it is off or closed."""
    snapshot: bool | None
    """Whether it is from the feed's snapshot rather than a live update."""
    source: str | None
    """isslive, simulated or test."""


class ItemDocument(MeasuredDocument):
    """An item of the catalogue and its newest trusted reading."""

    age_seconds: float | None
    """How long ago the station took it."""
    freshness: Freshness
    """current: at most a minute old. unchanged: older, and the feed sends an item only when it changes. stuck:
    it should have changed. not_seen: not since source_ts, because readings do not flow, the feed rejects the
    item, or a gap has just ended. never: never measured."""
    stale: bool
    """Whether it may be out of date: stuck, not_seen or never."""


def item_document(item: Item, reading: Reading | None, now: Now) -> ItemDocument:
    """Return what a client reads of an item; what was never measured is None."""
    freshness = now.flow.freshness(item, reading)
    return {
        **_measured(item, reading),
        "age_seconds": age_seconds(reading, now.at) if reading else None,
        "freshness": freshness,
        "stale": freshness not in KNOWN,
    }


def encoded_items(now: Now, items: Iterable[Item]) -> list[msgspec.Raw]:
    """Return the JSON of the items' documents."""
    at, flow = milliseconds(now.at), now.flow
    return [_encoded(item, now, at, flow) for item in items]


# series -> its reading and the JSON of all that stays, without the closing brace
_kept: dict[str, tuple[Reading | None, bytes]] = {}


def _encoded(item: Item, now: Now, at: int, flow: Flow) -> msgspec.Raw:
    series, reading = series_of(item.item_id, now.source), now.reading(item.item_id)
    kept = _kept.get(series)
    if kept is None or kept[0] is not reading:
        kept = _kept[series] = reading, msgspec.json.encode(_measured(item, reading))[:-1]
    freshness = flow.freshness(item, reading)
    stale = b"false" if freshness in KNOWN else b"true"
    # In milliseconds, as whole numbers: with datetimes this takes most of the time of an answer.
    age = b"%.3f" % ((at - reading.sequence) / 1000) if reading else b"null"
    rest = (kept[1], age, freshness.encode(), stale)
    return msgspec.Raw(b'%b,"age_seconds":%b,"freshness":"%b","stale":%b}' % rest)


def _measured(item: Item, reading: Reading | None) -> MeasuredDocument:
    return {
        "item_id": item.item_id,
        "name": item.name,
        "discipline": item.discipline,
        "unit": item.unit,
        "note": item.note,
        "stuck_after_seconds": item.stuck_after,
        "measured": reading is not None,
        "value": reading.value if reading else None,
        "number": as_number(reading.value) if reading else None,
        "state": item.state(reading.value) if reading else None,
        "source_ts": rfc3339(reading.source_ts) if reading else None,
        "ingest_ts": rfc3339(reading.ingest_ts) if reading else None,
        "status_class": reading.status_class if reading else None,
        "good": is_acceptable_status(reading.status_class) if reading else None,
        "severity": severity(item.state(reading.value), reading.status_class) if reading else None,
        "snapshot": reading.snapshot if reading else None,
        "source": reading.source if reading else None,
    }
