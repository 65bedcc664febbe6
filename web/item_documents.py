"""What a client reads of an item, and its JSON, of which only the age is written anew each time."""

from collections.abc import Iterable

import msgspec
from typing_extensions import TypedDict

from iss_agents.catalog import Item, as_number
from iss_agents.records import Reading
from iss_agents.station_clock import MILLISECOND, milliseconds, rfc3339
from web.now import OLD, Now
from web.signals import age_seconds
from web.view import Time

OLD_MILLISECONDS = OLD // MILLISECOND


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
    """When it came in."""
    status_class: str | None
    """The feed's Status.Class: 24 is good."""
    snapshot: bool | None
    """Whether it is the server's memory rather than news."""
    source: str | None
    """isslive, simulated or test."""


class ItemDocument(MeasuredDocument):
    """An item of the catalogue and its newest believed reading."""

    age_seconds: float | None
    """How long ago the station took it."""
    stale: bool
    """Whether it may be no longer true: never measured, over a day old, or the broadcast is silent now."""


def item_document(item: Item, reading: Reading | None, now: Now) -> ItemDocument:
    """Return what a client reads of an item; what was never measured is None."""
    return {
        **_measured(item, reading),
        "age_seconds": age_seconds(reading, now.at) if reading else None,
        "stale": now.is_stale(reading),
    }


def encoded_items(now: Now, items: Iterable[Item]) -> list[msgspec.Raw]:
    """Return the JSON of the items' documents."""
    at, alive = milliseconds(now.at), now.alive
    return [_encoded(item, now.state.reading(item.item_id), at, alive=alive) for item in items]


# item id -> its reading and the JSON of all that stays, without the closing brace
_kept: dict[str, tuple[Reading | None, bytes]] = {}


def _encoded(item: Item, reading: Reading | None, at: int, *, alive: bool) -> msgspec.Raw:
    kept = _kept.get(item.item_id)
    if kept is None or kept[0] is not reading:
        kept = _kept[item.item_id] = reading, msgspec.json.encode(_measured(item, reading))[:-1]
    if reading is None:
        return msgspec.Raw(kept[1] + b',"age_seconds":null,"stale":true}')
    # In milliseconds, as whole numbers: with datetimes this takes most of the time of an answer.
    age = at - reading.sequence
    stale = b"false" if alive and age <= OLD_MILLISECONDS else b"true"
    return msgspec.Raw(b'%b,"age_seconds":%.3f,"stale":%b}' % (kept[1], age / 1000, stale))


def _measured(item: Item, reading: Reading | None) -> MeasuredDocument:
    return {
        "item_id": item.item_id,
        "name": item.name,
        "discipline": item.discipline,
        "unit": item.unit,
        "measured": reading is not None,
        "value": reading.value if reading else None,
        "number": as_number(reading.value) if reading else None,
        "state": item.state(reading.value) if reading else None,
        "source_ts": rfc3339(reading.source_ts) if reading else None,
        "ingest_ts": rfc3339(reading.ingest_ts) if reading else None,
        "status_class": reading.status_class if reading else None,
        "snapshot": reading.snapshot if reading else None,
        "source": reading.source if reading else None,
    }
