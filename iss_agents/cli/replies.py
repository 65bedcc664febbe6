"""API replies as far as the commands read them. Another shape does not come from a worker."""

from datetime import datetime
from typing import Any

import msgspec


class Item(msgspec.Struct):
    """An item and its newest trusted reading; without one it has no value."""

    item_id: str
    name: str
    discipline: str
    unit: str
    value: str | None
    state: str | None
    source_ts: datetime | None
    age_seconds: float | None
    stale: bool
    freshness: str = ""
    number: float | None = None
    severity: str | None = None
    plain_name: str = ""
    description: str = ""
    note: str = ""
    description_source: str = ""


class Signal(msgspec.Struct):
    """Whether the station's signal is acquired: AOS, LOS, STALE or UNKNOWN."""

    state: str
    age_seconds: float | None


class Items(msgspec.Struct):
    """The items that were asked for."""

    items: list[Item]


class Silent(msgspec.Struct):
    """Who is silent: nobody, station, feed, system or unknown; the sentence says since when and why."""

    who: str
    sentence: str


class Newest(msgspec.Struct):
    """The reading received last."""

    item_id: str
    name: str
    age_seconds: float


class Counts(msgspec.Struct):
    """How many items have been measured, of how many."""

    measured: int
    known: int


class Use(msgspec.Struct):
    """A use of the toilet; levels in percent of the tank."""

    start: datetime
    end: datetime
    level_before: float
    level_after: float
    delta_percent: float
    text: str | None
    decision: str | None


class Tank(msgspec.Struct):
    """The urine tank; `level` in percent, `processor` the state of the urine processor."""

    level: float | None
    state: str
    processor: str | None
    age_seconds: float | None
    last_use: Use | None
    minutes_since_last_use: float | None
    in_use_since: str | None = None


class Part(msgspec.Struct):
    """Health of a component of the worker."""

    ok: bool
    detail: str


class Status(msgspec.Struct):
    """Status of everything, from the readings of `source`."""

    now: datetime
    complete: bool
    signal: Signal
    silent: Silent
    newest: Newest | None
    items: Counts
    tank: Tank
    parts: dict[str, Part]
    source: str = "isslive"


class Bucket(msgspec.Struct):
    """What is known of a stretch of time; everything but its start is None in a gap."""

    start: datetime
    min: float | None
    max: float | None
    mean: float | None
    last: str | None


class Summary(msgspec.Struct):
    """One item's values in buckets of `bucket_seconds`, all up to now, and what held before."""

    name: str
    unit: str
    bucket_seconds: float
    count: int
    states: dict[str, str]
    buckets: list[Bucket]
    before: dict[str, Any] | None = None
