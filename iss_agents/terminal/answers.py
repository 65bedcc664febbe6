"""What the commands read of the API's answers. An answer of another shape does not come from a worker."""

from datetime import datetime

import msgspec


class Item(msgspec.Struct):
    """An item and its newest believed reading; what was never measured has no value."""

    item_id: str
    name: str
    discipline: str
    unit: str
    value: str | None
    state: str | None
    source_ts: datetime | None
    age_seconds: float | None
    stale: bool


class Signal(msgspec.Struct):
    """Whether the station's signal is acquired: AOS, LOS, STALE or UNKNOWN."""

    state: str
    age_seconds: float | None


class Items(msgspec.Struct):
    """The items that were asked for."""

    items: list[Item]


class Silent(msgspec.Struct):
    """Who says nothing: nobody, station, feed, system or unknown; the sentence says since when and why."""

    who: str
    sentence: str


class Newest(msgspec.Struct):
    """The reading that came last."""

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


class Part(msgspec.Struct):
    """Whether a part of the worker works."""

    ok: bool
    detail: str


class Status(msgspec.Struct):
    """Everything one look should tell."""

    complete: bool
    signal: Signal
    silent: Silent
    newest: Newest | None
    items: Counts
    tank: Tank
    parts: dict[str, Part]


class Bucket(msgspec.Struct):
    """The readings of one stretch of time. Texts have no numbers."""

    start: datetime
    min: float | None
    max: float | None
    mean: float | None


class Summary(msgspec.Struct):
    """One item's readings in buckets of `bucket_seconds`; only those with readings are there."""

    name: str
    unit: str
    bucket_seconds: float
    count: int
    buckets: list[Bucket]
