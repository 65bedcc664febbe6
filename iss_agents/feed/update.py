"""What the feed sends of one item, in the feed's spelling."""

from datetime import datetime
from typing import NamedTuple

FIELDS = ("TimeStamp", "Value", "Status.Class", "Status.Indicator", "Status.Color", "CalibratedData")
"""The fields of every item, in the feed's spelling (Subscriber.ts of the ISSLive demo)."""


class Update(NamedTuple):
    """What the feed said of one item. `fields` has all of `FIELDS`, None where the feed sent null.

    `session` is the session's start in milliseconds since 1970.
    """

    item_id: str
    fields: dict[str, str | None]
    snapshot: bool
    session: int
    arrival: datetime
