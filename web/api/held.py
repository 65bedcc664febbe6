"""Held value: what an item was at the beginning of a span, before its first reading in it."""

from typing_extensions import TypedDict

from iss_agents.archive.rollups.value_before import HeldValue
from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import Item
from iss_agents.telemetry.station_clock import rfc3339
from web.base.view import Time


class HeldDocument(TypedDict):
    """The value that an item held at the beginning of a span."""

    item_id: str
    """The item."""
    source_ts: Time
    """When it was measured; to the minute if that was so long ago that only rollups are left."""
    value: str
    """The value as sent."""
    number: float | None
    """The value as a number; null of a text."""
    state: str | None
    """What the number means; null of a measure."""


def held_document(item: Item, held: HeldValue) -> HeldDocument:
    """Return what a client reads of a value that held."""
    return {
        "item_id": item.item_id,
        "source_ts": rfc3339(held.time),
        "value": held.value,
        "number": catalog.as_number(held.value),
        "state": item.state(held.value),
    }
