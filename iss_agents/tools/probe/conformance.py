"""Conformance: compares a Lightstreamer source with the known behaviour of the public feed (feed.md)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from urllib.parse import quote, unquote

from iss_agents.feed.decode import FIELDS, InvalidUpdateError, Update, reading_from_update
from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM, as_number, items
from iss_agents.telemetry.records import GOOD_STATUS, Reading

ALWAYS_SENT = ("TimeStamp", "Value", "Status.Class")
"""Fields that carry a value in every captured row; the others are null for most items."""

STATUS_CLASSES = range(25)
"""0 Overridden to 24 Default, as in ISS-Mimic's table."""

NEVER_MEASURED = 8
"""Array-current items that publish no time stamp (iss-live)."""

RATES = (5, 150)
"""Updates/s over all items: from iss-live's quietest run to twice the mean of 70 that the original design
states. A short listening may meet a peak: a recording's busiest second has 27, its mean is 12.4 (feed.md)."""

CLOCK_RATES = (0.9, 1.1)
CLOCK_DELAYS = (2, 15)
"""Seconds around the 5.9 s that iss-live measured between the station's clock and UTC."""


@dataclass(frozen=True)
class Finding:
    """One line of the comparison."""

    what: str
    expected: str
    seen: str
    agrees: bool


class Evidence:
    """What came in, sorted for the questions asked of it."""

    def __init__(self, updates: Iterable[Update], seconds: float) -> None:
        self.seconds = seconds
        self.updates = list(updates)
        self.live = [update for update in self.updates if not update.snapshot]
        self.snapshots = Counter(update.item_id for update in self.updates if update.snapshot)
        self.sessions = len({update.session for update in self.updates})
        self.readings: dict[str, list[Reading]] = defaultdict(list)
        self.never_measured: set[str] = set()
        self.invalid: list[str] = []
        for update in self.updates:
            self._decode(update)

    def values_of(self, field: str) -> set[str]:
        return {value for update in self.updates if (value := update.fields.get(field))}

    def _decode(self, update: Update) -> None:
        try:
            reading = reading_from_update(update, "isslive")
        except InvalidUpdateError as error:
            self.invalid.append(str(error))
            return
        if reading is None:
            self.never_measured.add(update.item_id)
        else:
            self.readings[update.item_id].append(reading)


def compare(updates: Iterable[Update], seconds: float) -> list[Finding]:
    """Return what agrees with the known feed and what differs, from the updates of `seconds`."""
    evidence = Evidence(updates, seconds)
    return [question(evidence) for question in QUESTIONS]


def _fields(evidence: Evidence) -> Finding:
    carried = [field for field in FIELDS if evidence.values_of(field)]
    agrees = set(ALWAYS_SENT) <= set(carried)
    return Finding(
        "fields that carry a value", f"at least {', '.join(ALWAYS_SENT)}", ", ".join(carried), agrees
    )


def _rate(evidence: Evidence) -> Finding:
    rate = len(evidence.live) / evidence.seconds
    return Finding("updates/s after the snapshot", _span(RATES), f"{rate:.1f}", _within(rate, RATES))


def _clock_rate(evidence: Evidence) -> Finding:
    rate = sum(update.item_id == SIGNAL_ITEM for update in evidence.live) / evidence.seconds
    return Finding(f"{SIGNAL_ITEM} a second", _span(CLOCK_RATES), f"{rate:.2f}", _within(rate, CLOCK_RATES))


def _clock_delay(evidence: Evidence) -> Finding:
    delays = [
        _seconds_between(reading.source_ts, reading.ingest_ts) for reading in evidence.readings[SIGNAL_ITEM]
    ]
    expected = f"{_span(CLOCK_DELAYS)} s"
    if not delays:
        return Finding("station's clock behind UTC", expected, "no clock", agrees=False)
    delay = median(delays)
    return Finding("station's clock behind UTC", expected, f"{delay:.1f} s", _within(delay, CLOCK_DELAYS))


def _snapshots(evidence: Evidence) -> Finding:
    repeated = [item for item, count in evidence.snapshots.items() if count > evidence.sessions]
    seen = f"{len(evidence.snapshots)} items, {len(repeated)} more than once a session"
    agrees = not repeated and bool(evidence.snapshots)
    return Finding("snapshot of each item", "one a session", seen, agrees)


def _silent(evidence: Evidence) -> Finding:
    silent = sorted(items().keys() - {update.item_id for update in evidence.updates})
    return Finding("items that never answer", "none of 337", _listed(silent), not silent)


def _unmeasured(evidence: Evidence) -> Finding:
    never = sorted(evidence.never_measured)
    agrees = len(never) == NEVER_MEASURED
    return Finding("items without a time stamp", str(NEVER_MEASURED), _listed(never), agrees)


def _status(evidence: Evidence) -> Finding:
    classes = sorted(evidence.values_of("Status.Class"))
    agrees = bool(classes) and all(as_number(status) in STATUS_CLASSES for status in classes)
    return Finding("Status.Class", "0 to 24", ", ".join(classes), agrees)


def _signal(evidence: Evidence) -> Finding:
    classes = {reading.status_class or "null" for reading in evidence.readings[SIGNAL_ITEM]}
    seen = ", ".join(sorted(classes)) or "no clock"
    return Finding("signal (24 is AOS)", GOOD_STATUS, seen, classes == {GOOD_STATUS})


def _colors(evidence: Evidence) -> Finding:
    colors = sorted(evidence.values_of("Status.Color"))
    agrees = all(quote(unquote(color), safe="") == color for color in colors)
    return Finding("Status.Color", "percent-encoded where sent", ", ".join(colors[:3]) or "never sent", agrees)


def _tank(evidence: Evidence) -> Finding:
    values = [reading.value for reading in evidence.readings[TANK_ITEM]]
    whole = [number is not None and number.is_integer() for number in map(as_number, values)]
    seen = ", ".join(values[-3:]) or "never sent"
    return Finding("urine tank", "whole percents", seen, bool(values) and all(whole))


def _invalid(evidence: Evidence) -> Finding:
    seen = f"{len(evidence.invalid)}: {evidence.invalid[0]}" if evidence.invalid else "0"
    return Finding("updates that do not validate", "0", seen, not evidence.invalid)


QUESTIONS: tuple[Callable[[Evidence], Finding], ...] = (
    _fields,
    _rate,
    _clock_rate,
    _clock_delay,
    _snapshots,
    _silent,
    _unmeasured,
    _status,
    _signal,
    _colors,
    _tank,
    _invalid,
)


def _within(number: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number <= limits[1]


def _span(limits: tuple[float, float]) -> str:
    return f"{limits[0]} to {limits[1]}"


def _seconds_between(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _listed(names: list[str]) -> str:
    more = " ..." if len(names) > 3 else ""  # noqa: PLR2004 - three show which ones are meant
    return f"{len(names)}: {', '.join(names[:3])}{more}" if names else "0"
