"""What the feed sends of one item, and how recordings spell it: one JSON object a line."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from iss_agents.station_clock import rfc3339

FIELDS = ("TimeStamp", "Value", "Status.Class", "Status.Indicator", "Status.Color", "CalibratedData")
"""The fields of every item, in the feed's spelling (Subscriber.ts of the ISSLive demo)."""


class Update(NamedTuple):
    """What the feed said of one item. `fields` has all of `FIELDS`, None where the feed sent null.

    `session` is the session's start in milliseconds since 1970, or 1, 2, 3 in a recording.
    """

    item_id: str
    fields: dict[str, str | None]
    snapshot: bool
    session: int
    arrival: datetime


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    arrival: datetime
    item: str
    time_stamp: str | None = msgspec.field(name="TimeStamp", default=None)
    value: str | None = msgspec.field(name="Value", default=None)
    status_class: str | None = msgspec.field(name="Status.Class", default=None)
    status_indicator: str | None = msgspec.field(name="Status.Indicator", default=None)
    status_color: str | None = msgspec.field(name="Status.Color", default=None)
    calibrated_data: str | None = msgspec.field(name="CalibratedData", default=None)
    snapshot: bool = False
    session: int = 1

    @property
    def fields(self) -> tuple[str | None, ...]:
        return (
            self.time_stamp,
            self.value,
            self.status_class,
            self.status_indicator,
            self.status_color,
            self.calibrated_data,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def to_line(update: Update) -> bytes:
    """Return the line of a recording, without the line end.

    {"arrival":"2026-08-11T10:27:48.000Z","item":"NODE3000005","TimeStamp":"5354.46","Value":"37",
    "Status.Class":"24","Status.Indicator":null,"Status.Color":null,"CalibratedData":null,"snapshot":false,
    "session":1}
    """
    return _encode(
        {
            "arrival": rfc3339(update.arrival),
            "item": update.item_id,
            **{name: update.fields.get(name) for name in FIELDS},
            "snapshot": update.snapshot,
            "session": update.session,
        }
    )


def from_line(line: bytes) -> Update:
    """Return the update that a line of a recording holds.

    Raises:
        msgspec.ValidationError: names the field that is wrong.
        msgspec.DecodeError: the line is no JSON.
    """
    read = _decode(line)
    fields = dict(zip(FIELDS, read.fields, strict=True))
    return Update(read.item, fields, read.snapshot, read.session, read.arrival)
